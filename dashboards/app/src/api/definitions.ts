// What a project configures: eight kinds of definitions with the same routes (docs/experiments/configuration.md).

import type { components } from "../../../client/src/schema";
import { api, good, goodWithTag } from "./client";

type Schemas = components["schemas"];
export type Experiment = Schemas["Experiment"];
export type Feature = Schemas["Feature"];
export type Metric = Schemas["Metric"];
export type Rule = Schemas["Rule"];
export type State = Schemas["ExperimentState"];
export interface Kinds {
  experiments: Experiment;
  features: Feature;
  metrics: Metric;
  attributes: Schemas["Attribute"];
  environments: Schemas["Environment"];
  "saved-groups": Schemas["SavedGroup"];
  holdouts: Schemas["Holdout"];
  namespaces: Schemas["Namespace"];
}
export type Kind = keyof Kinds;
export interface Item<K extends Kind = Kind> {
  key: string;
  revision: number;
  definition: Kinds[K];
  state: K extends "experiments" ? State : object;
  created_at: string;
  updated_at: string;
}
export interface Revision {
  revision: number;
  at: string;
  actor: string;
  reason: string;
  act: string;
  changes: { pointer: string; before: unknown; after: unknown }[];
  definition: unknown;
}

interface Page<T> {
  items: T[];
  next_cursor?: string | null;
}
const PAGES_MAX = 10;

// The paths differ by the kind alone, which types cannot say.
const all = (kind: Kind) => `/v1/projects/{project}/${kind}` as never;
const one = (kind: Kind, rest = "") => `/v1/projects/{project}/${kind}/{key}${rest}` as never;

/** Every page of a list, up to two thousand items. */
export async function everything<T>(ask: (query: { limit: number; cursor?: string }) => Promise<unknown>): Promise<T[]> {
  const found: T[] = [];
  let cursor: string | undefined;
  for (let turn = 0; turn < PAGES_MAX; turn++) {
    const page = (await ask({ limit: 200, ...(cursor && { cursor }) })) as Page<T>;
    found.push(...page.items);
    cursor = page.next_cursor ?? undefined;
    if (!cursor) break;
  }
  return found;
}

export const listed = <K extends Kind>(project: string, kind: K, signal?: AbortSignal) =>
  everything<Item<K>>((query) => good(api.GET(all(kind), { params: { path: { project }, query }, signal } as never)));

export async function shown<K extends Kind>(project: string, kind: K, key: string, signal?: AbortSignal): Promise<{ item: Item<K>; tag: string }> {
  const { content, tag } = await goodWithTag<unknown>(api.GET(one(kind), { params: { path: { project, key } }, signal } as never));
  return { item: content as Item<K>, tag };
}

export const made = <K extends Kind>(project: string, kind: K, key: string, definition: Kinds[K], reason?: string) =>
  goodWithTag<unknown>(api.POST(all(kind), { params: { path: { project } }, body: { key, definition, reason } } as never));

const matched = (project: string, key: string, tag: string) => ({ path: { project, key }, header: { "If-Match": tag } });

export const replaced = <K extends Kind>(project: string, kind: K, key: string, tag: string, definition: Kinds[K], reason?: string) =>
  goodWithTag<unknown>(api.PUT(one(kind), { params: matched(project, key, tag), body: { definition, reason } } as never));

/** Changes members of a definition, and leaves the others as they are. */
export const patched = <K extends Kind>(project: string, kind: K, key: string, tag: string, definition: Partial<Kinds[K]>, reason?: string) =>
  goodWithTag<unknown>(api.PATCH(one(kind), { params: matched(project, key, tag), body: { definition, reason } } as never));

export const removed = (project: string, kind: Kind, key: string, tag: string, reason?: string) =>
  good<unknown>(api.DELETE(one(kind), { params: { ...matched(project, key, tag), query: { reason } } } as never));

/** A step of an experiment's lifecycle. */
export const stepped = (project: string, key: string, step: string, tag: string, body: object) =>
  good<unknown>(api.POST(one("experiments", `/${step}`), { params: matched(project, key, tag), body } as never));

export const revisionsOf = (project: string, kind: Kind, key: string, signal?: AbortSignal) =>
  everything<Revision>((query) => good(api.GET(one(kind, "/revisions"), { params: { path: { project, key }, query }, signal } as never)));

export const rolledBack = (project: string, kind: Kind, key: string, tag: string, revision: number, reason?: string) =>
  good<unknown>(api.POST(one(kind, "/rollback"), { params: matched(project, key, tag), body: { revision, reason } } as never));
