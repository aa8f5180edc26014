// The rows behind a row of an aggregated answer: the statement that lists them, where that can be said.

import type { Cell } from "../api/rows";
import { quoted } from "./quoted";

export type RowsBehind = { sql: string } | { why: string };

interface Token {
  text: string;
  low: string;
  from: number;
  until: number;
  depth: number;
}

const TOKEN = /'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[\s\S]*?\*\/|\$?\w+|\S/g;
const AGGREGATES = /^(count|sum|avg|mean|min|max|median|stddev\w*|var\w*|approx_\w+|array_agg|string_agg|bool_and|bool_or|first_value|last_value|corr|covar\w*|regr_\w+|bit_\w+)$/;
const CLAUSES = ["select", "from", "where", "group", "having", "order", "limit", "offset", "fetch", "qualify", "window"];
const LIST_MAX = 1000;

function tokensOf(sql: string): Token[] {
  let depth = 0;
  const tokens: Token[] = [];
  for (const { 0: text, index } of sql.matchAll(TOKEN)) {
    if (text.startsWith("--") || text.startsWith("/*")) continue;
    if (text === ")") depth--;
    tokens.push({ text, low: text.toLowerCase(), from: index, until: index + text.length, depth });
    if (text === "(") depth++;
  }
  return tokens;
}

/** Tokens between commas that stand in no parentheses. */
function listOf(tokens: Token[]): Token[][] {
  const items: Token[][] = [[]];
  for (const token of tokens) {
    if (token.text === "," && token.depth === 0) items.push([]);
    else items.at(-1)?.push(token);
  }
  return items.filter(({ length }) => length > 0);
}

const same = (a: Token[], b: Token[]) => a.map(({ low }) => low).join(" ") === b.map(({ low }) => low).join(" ");
const bare = (name: string) => (name.startsWith("\"") ? name.slice(1, -1).replaceAll("\"\"", "\"") : name.toLowerCase());

/** The expression of a column, and its name if it is given one. */
function itemOf(tokens: Token[]): { tokens: Token[]; name?: string } {
  const as = tokens.findIndex(({ low, depth }) => low === "as" && depth === 0);
  if (as > 0) return { tokens: tokens.slice(0, as), name: bare(tokens[as + 1]?.text ?? "") };
  const [before, last] = tokens.slice(-2);
  if (tokens.length > 1 && last && before?.text === ")" && /^\w|^"/.test(last.text) && last.depth === 0) return { tokens: tokens.slice(0, -1), name: bare(last.text) };
  return { tokens };
}

/** Of a statement with its answer's `row`; undefined where each row is one already. */
export function rowsBehind(sql: string, row: Cell[]): RowsBehind | undefined {
  const tokens = tokensOf(sql.replace(/;\s*$/, ""));
  const top = tokens.filter(({ depth }) => depth === 0);
  if (tokens[0]?.low !== "select") return top.some(({ low }) => low === "group") ? { why: "only of a plain SELECT it can be said what is behind a row" } : undefined;
  const clause = (name: string) => {
    const at = tokens.findIndex(({ low, depth }) => low === name && depth === 0);
    if (at < 0) return undefined;
    const end = tokens.findIndex(({ low, depth }, index) => index > at && depth === 0 && CLAUSES.includes(low));
    return tokens.slice(at + 1, end < 0 ? undefined : end);
  };
  const text = (part: Token[]) => sql.slice(part[0]?.from, part.at(-1)?.until);
  const items = listOf(clause("select") ?? []).map(itemOf);
  const isAggregate = items.some(({ tokens }) => tokens.some(({ low }, index) => AGGREGATES.test(low) && tokens[index + 1]?.text === "("));
  const group = clause("group");
  if (!group && !isAggregate) return undefined;
  const from = clause("from");
  if (!from?.length) return undefined;
  if (top.some(({ low }) => low === "union" || low === "intersect" || low === "except")) return { why: "it is made of several statements" };
  if (tokens.some(({ low, depth }) => low === "over" && depth === 0)) return { why: "a window reaches over several rows" };
  if (items.length !== row.length) return { why: "its columns are not named one by one" };
  const conditions: string[] = [];
  const where = clause("where");
  if (where?.length) conditions.push(`(${text(where)})`);
  for (const key of listOf(group?.slice(1) ?? [])) {
    const only = key.length === 1 ? key[0] : undefined;
    if (key.some(({ low }) => low === "rollup" || low === "cube" || low === "grouping") || only?.low === "all") return { why: "it is grouped in several ways at once" };
    const place = only && /^\d+$/.test(only.text) ? Number(only.text) - 1 : items.findIndex((item) => same(item.tokens, key) || (only && item.name === bare(only.text)));
    const item = items[place];
    if (!item) return { why: `it is grouped by ${text(key)}, which is no column of the answer` };
    const value = row[place];
    if (typeof value === "object" && value !== null) return { why: `${text(key)} is no plain value` };
    const expression = text(item.tokens);
    conditions.push(value === null || value === undefined ? `(${expression}) IS NULL` : `(${expression}) = ${typeof value === "string" ? quoted(value) : String(value)}`);
  }
  const newest = text(from).trim().toLowerCase() === "activity" ? "\nORDER BY timestamp DESC" : "";
  return { sql: `SELECT *\nFROM ${text(from)}${conditions.length ? `\nWHERE ${conditions.join("\n  AND ")}` : ""}${newest}\nLIMIT ${LIST_MAX}` };
}
