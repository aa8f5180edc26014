// Saved cohorts: groups of people under a key, for questions (docs/insights, "Saved cohorts").

import { api, good, goodWithTag } from "../api/client";
import { everything } from "../api/definitions";
import type { Proposals } from "../parts/combo";
import { number } from "../parts/format";
import { useAnswer } from "../api/answer";
import { refused } from "./names";

export interface SavedCohort {
  key: string;
  name: string;
  description: string;
  definition: unknown;
  people: number | null;
}
type Wanted = Pick<SavedCohort, "name" | "description" | "definition">;

const ALL = "/v1/projects/{project}/cohorts" as never;
const ONE = "/v1/projects/{project}/cohorts/{key}" as never;

export const cohorts = (project: string, signal?: AbortSignal) => everything<SavedCohort>((query) => good(api.GET(ALL, { params: { path: { project }, query }, signal } as never)));

export async function cohort(project: string, key: string, signal?: AbortSignal): Promise<{ saved: SavedCohort; tag: string }> {
  const { content, tag } = await goodWithTag<unknown>(api.GET(ONE, { params: { path: { project, key } }, signal } as never));
  return { saved: content as SavedCohort, tag };
}

export const makeCohort = (project: string, key: string, wanted: Wanted) => good<unknown>(api.POST(ALL, { params: { path: { project } }, body: { key, ...wanted } } as never));

const matched = (project: string, key: string, tag: string) => ({ path: { project, key }, header: { "If-Match": tag } });
export const changeCohort = (project: string, key: string, tag: string, wanted: Wanted) => good<unknown>(api.PUT(ONE, { params: matched(project, key, tag), body: wanted } as never));
export const removeCohort = (project: string, key: string, tag: string) => good<unknown>(api.DELETE(ONE, { params: matched(project, key, tag) } as never));

export const LIST_MODES = [["add", "Add them"], ["remove", "Remove them"], ["replace", "Replace the list with them"]] as const;
export const LIST_IDS = [["distinct", "Ids as your apps send them"], ["person", "Ids of persons, as answers have them"]] as const;
export interface Listing {
  mode: (typeof LIST_MODES)[number][0];
  ids: (typeof LIST_IDS)[number][0];
  text: string;
}
export interface Listed {
  people: number;
  added: number;
  removed: number;
}

/** Whether it is a list of people, which ids can be added to. */
export const isList = (definition: unknown) => typeof definition === "object" && definition !== null && ("listed" in definition || "uploaded" in definition);

/** Sends one id a line, or CSV whose first column they are. */
export const uploadList = (project: string, key: string, { mode, ids, text }: Listing) =>
  good<unknown>(api.POST("/v1/projects/{project}/cohorts/{key}/list" as never, { params: { path: { project, key }, query: { mode, ids } }, body: text, bodySerializer: (body: string) => body, headers: { "content-type": "text/csv" } } as never)) as Promise<Listed>;

/** Keys to choose from, with names. */
export function useCohorts(project: string): Proposals {
  const found = useAnswer(`${project} cohorts ${revision}`, (signal) => cohorts(project, signal));
  if (found.fault) return refused(found.fault);
  return (found.value ?? []).map(({ key, name, people }) => ({ value: key, note: people === null || people === undefined ? name : `${name}, ${number(people)}` }));
}

let revision = 0;
/** What is proposed is asked for anew. */
export const cohortsChanged = () => void revision++;
