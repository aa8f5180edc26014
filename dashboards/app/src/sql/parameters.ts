// The parameters that a text of SQL names, and their values by type. They are bound by the server, never put into the text.

import type { Parameter, Parameters } from "../api/rows";

export const TYPES = [["text", "text"], ["number", "number"], ["boolean", "true or false"]] as const;
export interface Given {
  type: (typeof TYPES)[number][0];
  text: string;
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
  if (given.type === "boolean") return given.text === "true";
  return given.text;
}
