// What the pages of dashboards ask of the API.

import { api, good, goodWithTag, Refused, unreachable } from "../api/client";
import { askPatiently, type Tell, type TellPart } from "../api/events";
import type { Ask, Board, TileAnswer, Value } from "./model";

export interface Line {
  key: string;
  title: string;
  is_built_in: boolean;
  updated_at: string;
}
export interface Kept {
  key: string;
  text: string;
  dashboard: Board;
  is_built_in: boolean;
}
export interface Share {
  id: string;
  kind: "link" | "embed";
  name: string;
  has_password: boolean;
  origins: string[];
  expires_at: string | null;
  is_in_force: boolean;
}
export interface Item<C> {
  key: string;
  revision: number;
  content: C;
}
export interface SavedQuestion {
  title: string;
  description?: string;
  ask: Exclude<Ask, { saved: string } | { text: string }>;
  parameters?: { name: string; type?: string; default?: Value }[];
  show?: string;
  days?: number;
  zone?: string;
}
export interface Annotation {
  at: string;
  text: string;
}

type Answered = Promise<{ data?: unknown; error?: unknown; response: Response }>;
type Method = (path: string, options: object) => Answered;
const { GET, POST, PUT, DELETE } = api as unknown as Record<"GET" | "POST" | "PUT" | "DELETE", Method>;
const BASE = "/v1/projects/{project}";
const at = (project: string, more: Record<string, string> = {}, query?: Record<string, unknown>) => ({ params: { path: { project, ...more }, query } });

/** All items of a list, page by page. */
async function all<T>(project: string, path: string, more: Record<string, string> = {}): Promise<T[]> {
  const items: T[] = [];
  for (let cursor: string | undefined; ; ) {
    const page = (await good(GET(`${BASE}${path}`, at(project, more, { limit: 200, ...(cursor && { cursor }) })))) as { items: T[]; next_cursor?: string | null };
    items.push(...page.items);
    if (!page.next_cursor) return items;
    cursor = page.next_cursor;
  }
}

export const lines = (project: string) => all<Line>(project, "/dashboards");
export async function load(project: string, key: string): Promise<{ kept: Kept; tag: string }> {
  const { content, tag } = await goodWithTag(GET(`${BASE}/dashboards/{key}`, at(project, { key })));
  return { kept: content as Kept, tag };
}
export async function save(project: string, key: string, tag: string, body: { text: string } | { dashboard: Board }): Promise<{ kept: Kept; tag: string }> {
  const { content, tag: next } = await goodWithTag(PUT(`${BASE}/dashboards/{key}`, { ...at(project, { key }), body, headers: { "if-match": tag } }));
  return { kept: content as Kept, tag: next };
}
export const create = (project: string, body: { key: string } & ({ text: string } | { dashboard: Board })) => good(POST(`${BASE}/dashboards`, { ...at(project), body })) as Promise<Kept>;
export const remove = (project: string, key: string, tag: string) => good(DELETE(`${BASE}/dashboards/{key}`, { ...at(project, { key }), headers: { "if-match": tag } }));

export const askTile = (project: string, key: string, body: { tile: string; variables: Record<string, Value>; days?: number }, signal: AbortSignal, tell: Tell, tellPart: TellPart<TileAnswer>) =>
  askPatiently<TileAnswer, TileAnswer>(`/v1/projects/${encodeURIComponent(project)}/dashboards/${encodeURIComponent(key)}/answers`, body, signal, tell, tellPart);

export const shares = (project: string, key: string) => all<Share>(project, "/dashboards/{key}/shares", { key });
export const share = (project: string, key: string, body: object) => good(POST(`${BASE}/dashboards/{key}/shares`, { ...at(project, { key }), body })) as Promise<{ id: string; url: string }>;
export const endShare = (project: string, key: string, share: string) => good(DELETE(`${BASE}/dashboards/{key}/shares/{share}`, at(project, { key, share })));
export const embedToken = (project: string, key: string, share: string, minutes: number) =>
  good(POST(`${BASE}/dashboards/{key}/shares/{share}/tokens`, { ...at(project, { key, share }), body: { minutes } })) as Promise<{ token: string }>;

export const items = <C>(project: string, kind: "questions" | "annotations" | "schedules") => all<Item<C>>(project, `/${kind}`);
export const addItem = <C>(project: string, kind: "questions" | "annotations" | "schedules", key: string | undefined, content: C) =>
  good(POST(`${BASE}/${kind}`, { ...at(project), body: { ...(key && { key }), content } })) as Promise<Item<C>>;
export const loadItem = <C>(project: string, kind: "questions" | "schedules", key: string) => good(GET(`${BASE}/${kind}/{key}`, at(project, { key }))) as Promise<Item<C>>;
/** The file of a saved question, as it was given or as it is written. */
export const questionFile = (project: string, key: string) => good(GET(`${BASE}/questions/{key}`, at(project, { key }))) as Promise<Item<SavedQuestion> & { text: string }>;
export const putQuestionFile = (project: string, item: { key: string; revision: number }, text: string) =>
  good(PUT(`${BASE}/questions/{key}`, { ...at(project, { key: item.key }), body: { text }, headers: matched(item) })) as Promise<Item<SavedQuestion>>;
/** As it was read: whoever changed it meanwhile is not written over. */
const matched = ({ revision }: { revision: number }) => ({ "if-match": `"r${revision}"` });
export const putItem = <C>(project: string, kind: "questions" | "schedules", item: Item<C>, content: C) =>
  good(PUT(`${BASE}/${kind}/{key}`, { ...at(project, { key: item.key }), body: { content }, headers: matched(item) })) as Promise<Item<C>>;
export const removeItem = (project: string, kind: "questions" | "annotations" | "schedules", item: { key: string; revision: number }) =>
  good(DELETE(`${BASE}/${kind}/{key}`, { ...at(project, { key: item.key }), headers: matched(item) }));
export interface Run {
  id: string;
  began_at: string;
  fate: string;
  detail: string;
}
export const runsOf = (project: string, key: string) => good(GET(`${BASE}/schedules/{key}/runs`, at(project, { key }, { limit: 20 }))).then((page) => (page as { items: Run[] }).items);
export const runNow = (project: string, key: string) => good(POST(`${BASE}/schedules/{key}/runs`, at(project, { key })));

/** As nobody: a viewer of a shared dashboard is known by what the link says, whoever is signed in. */
export async function asViewer<T>(path: string, body: object, signal?: AbortSignal): Promise<T> {
  const request = { method: "POST", credentials: "omit", cache: "no-store", headers: { "content-type": "application/json" }, body: JSON.stringify(body), signal } as const;
  const answer = await fetch(path, request).catch(unreachable);
  const content = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refused(answer.status, content);
  return content as T;
}
