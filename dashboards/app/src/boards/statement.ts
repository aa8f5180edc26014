// The SQL of a tile: the statement that it asks, or that gives the same numbers as its insight.

import { api, good } from "../api/client";
import { sqlOf } from "../insights/taken";
import type { SavedQuestion } from "./calls";
import type { Tile } from "./model";
import type { Shown } from "./shown";

export async function statementOf(project: string, { ask }: Tile, { asked }: Shown, values: string): Promise<string | undefined> {
  if (asked) return `${sqlOf(asked.kind, asked.definition)};\n`;
  const sql = ask && "sql" in ask ? ask.sql : ask && "saved" in ask ? await saved(project, ask.saved) : undefined;
  if (!sql) return undefined;
  const set = values === "{}" ? "" : `-- Set on the dashboard: ${values}\n`;
  return `${set}-- $from and $until are the time, other names the variables: they are bound, never put into the text.\n${sql.trim()}\n`;
}

async function saved(project: string, key: string): Promise<string | undefined> {
  const { content } = (await good(api.GET("/v1/projects/{project}/questions/{key}" as never, { params: { path: { project, key } } } as never))) as { content: SavedQuestion };
  return "sql" in content.ask ? content.ask.sql : undefined;
}
