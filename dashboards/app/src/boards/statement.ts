// The SQL of a tile: the statement that it asks, or that gives the same numbers as its insight.

import { api, good } from "../api/client";
import { sqlOf } from "../insights/taken";
import type { SavedQuestion } from "./calls";
import { midnight } from "../insights/question";
import { namesIn } from "../sql/parameters";
import { withValues } from "../sql/quoted";
import type { Tile, Value } from "./model";
import type { Shown } from "./shown";

/** `values` of the dashboard's variables; `from` and `until` as the server sets them: whole days of the zone that end with today. */
export async function statementOf(project: string, { ask, days }: Tile, { asked }: Shown, values: Record<string, Value>, time: { days: number; zone: string; isChosen: boolean }): Promise<string | undefined> {
  if (asked) return `${sqlOf(asked.kind, asked.definition)};\n`;
  const kept = ask && "sql" in ask ? { sql: ask.sql, values: {} } : ask && "saved" in ask ? await saved(project, ask.saved) : undefined;
  if (!kept) return undefined;
  const { sql } = kept;
  const until = midnight(Date.now(), 1, time.zone);
  const from = midnight(until - 1, 1 - (time.isChosen ? time.days : days ?? time.days), time.zone);
  const unset = Object.fromEntries(namesIn(sql).map((name) => [name, null]));
  return `${withValues(sql.trim(), { ...unset, ...kept.values, ...values, from: new Date(from).toISOString(), until: new Date(until).toISOString() })}\n`;
}

/** A saved question in SQL, with the values that its parameters have by themselves. */
async function saved(project: string, key: string): Promise<{ sql: string; values: Record<string, Value> } | undefined> {
  const { content } = (await good(api.GET("/v1/projects/{project}/questions/{key}" as never, { params: { path: { project, key } } } as never))) as { content: SavedQuestion };
  const values = Object.fromEntries((content.parameters ?? []).map(({ name, default: value }) => [name, value ?? null]));
  return "sql" in content.ask ? { sql: content.ask.sql, values } : undefined;
}
