// The parameters that a text of SQL names, and their values by type. They are bound by the server, never put into the text.

import type { Parameter, Parameters } from "../api/rows";

export const TYPES = [["text", "text"], ["number", "number"], ["boolean", "true or false"], ["time", "time"]] as const;
export interface Given {
  type: (typeof TYPES)[number][0];
  text: string;
}

/** What an address says of values. */
export function readGiven(value: unknown): Record<string, Given> {
  const given = typeof value === "object" && value !== null ? Object.entries(value as Record<string, unknown>) : [];
  return Object.fromEntries(given.flatMap(([name, one]): [string, Given][] => {
    const { type, text } = (typeof one === "object" && one !== null ? one : {}) as Record<string, unknown>;
    const known = TYPES.find(([key]) => key === type)?.[0];
    return known && typeof text === "string" ? [[name, { type: known, text: text.slice(0, 2000) }]] : [];
  }));
}

/** Names after `$`, outside texts and comments, each once. */
export function namesIn(sql: string): string[] {
  const code = sql.replace(/'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[\s\S]*?\*\//g, " ");
  return [...new Set([...code.matchAll(/\$([A-Za-z_]\w*)/g)].map(([, name]) => name ?? ""))];
}

export function valuesOf(names: string[], given: Record<string, Given>): Parameters {
  return Object.fromEntries(names.map((name) => [name, valueOf(given[name])]));
}

function valueOf(given: Given | undefined): Parameter {
  if (!given || given.text === "") return null;
  if (given.type === "number") return Number.isFinite(Number(given.text)) ? Number(given.text) : given.text;
  if (given.type === "boolean") return given.text === "true" || (given.text === "false" ? false : null);
  return given.text;
}

/** The same as another type: what is typed stays, but where it could not be chosen. */
export const retyped = (given: Given, type: Given["type"]): Given => ({ type, text: type !== "boolean" || BOOLEANS.some(([key]) => key === given.text) ? given.text : "" });
export const BOOLEANS = [["", "null"], ["true", "true"], ["false", "false"]] as const;

const DAY = 86_400_000;
const TIMES = ["from", "until"];

/** `$from` and `$until` are the time of whoever asks: thirty days until now, unless something else is typed. */
export function withTime(names: string[], given: Record<string, Given>, now: number): Record<string, Given> {
  const midnight = Math.ceil(now / DAY) * DAY;
  const times = { from: midnight - 30 * DAY, until: midnight };
  const missing = names.filter((name) => TIMES.includes(name) && !given[name]);
  return { ...given, ...Object.fromEntries(missing.map((name) => [name, { type: "time", text: new Date(times[name as keyof typeof times]).toISOString() } as const])) };
}

/** What is kept with a question: the types, and what is typed as defaults. */
export const parametersOf = (names: string[], given: Record<string, Given>) =>
  names.filter((name) => !TIMES.includes(name)).map((name) => ({ name, type: given[name]?.type ?? "text", ...(given[name]?.text && { default: valueOf(given[name]) }) }));

export const givenOf = (parameters: { name: string; type?: string; default?: Parameter }[]): Record<string, Given> =>
  Object.fromEntries(parameters.map(({ name, type, default: value }) => [name, { type: TYPES.find(([known]) => known === type)?.[0] ?? "text", text: value === null || value === undefined ? "" : String(value) }]));
