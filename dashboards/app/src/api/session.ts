// Who is signed in, and which projects they may see.

import { api, good } from "./client";

export interface Grant {
  organisation_id: string;
  project_id?: string | null;
  permissions: string[];
}
export interface Project {
  id: string;
  name: string;
  organisation_id: string;
  organisation: string;
  permissions: Set<string>;
  /** Whose permissions these are. */
  account: string;
}
export interface Session {
  email: string;
  projects: Project[];
}

const permissionsOf = (grants: Grant[], organisation: string, project: string) =>
  new Set(grants.filter((grant) => grant.organisation_id === organisation && (!grant.project_id || grant.project_id === project)).flatMap((grant) => grant.permissions));

let begun: Promise<Session> | undefined;

/** Asks before anybody wants to know; the first who does gets that answer. */
export function beginSession(): void {
  begun = asked();
  // Whoever waits for it tells what is wrong.
  begun.catch(() => undefined);
}

export function session(): Promise<Session> {
  const first = begun;
  begun = undefined;
  return first ?? asked();
}

async function asked(): Promise<Session> {
  // Side by side: whoever has no session is renewed, or led away, once for both.
  const [account, { items }] = await Promise.all([
    good(api.GET("/v1/account")) as Promise<{ email: string; grants: Grant[] }>,
    good(api.GET("/v1/organisations", { params: { query: { limit: 200 } } })),
  ]);
  const organisations = items as { id: string; name: string }[];
  const projects = await Promise.all(organisations.map(({ id, name }) => projectsOf(account, id, name)));
  return { email: account.email, projects: projects.flat() };
}

async function projectsOf({ email: account, grants }: { email: string; grants: Grant[] }, organisation: string, name: string): Promise<Project[]> {
  const own = grants.filter((grant) => grant.organisation_id === organisation);
  const seesAll = own.some((grant) => !grant.project_id && grant.permissions.includes("projects.read"));
  const path = { organisation };
  const items = seesAll
    ? (await good(api.GET("/v1/organisations/{organisation}/projects", { params: { path, query: { limit: 200 } } }))).items
    : await Promise.all([...new Set(own.flatMap((grant) => grant.project_id ?? []))].map((project) => good(api.GET("/v1/projects/{project}", { params: { path: { project } } }))));
  return items.map((project) => ({ id: project.id, name: project.name, organisation_id: organisation, organisation: name, permissions: permissionsOf(grants, organisation, project.id), account }));
}
