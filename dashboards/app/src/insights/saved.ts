// Saved cohorts: groups of people under a key, for questions (docs/insights, "Saved cohorts").

import { api, good, goodWithTag } from "../api/client";
import { everything } from "../api/definitions";
import type { Proposal } from "../parts/combo";
import { number } from "../parts/format";
import { useAnswer } from "../api/answer";

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

/** Keys to choose from, with names. */
export function useCohorts(project: string): Proposal[] {
  const found = useAnswer(`${project} cohorts ${revision}`, (signal) => cohorts(project, signal).catch(() => []));
  return (found.value ?? []).map(({ key, name, people }) => ({ value: key, note: people === null || people === undefined ? name : `${name}, ${number(people)}` }));
}

let revision = 0;
/** What is proposed is asked for anew. */
export const cohortsChanged = () => void revision++;
