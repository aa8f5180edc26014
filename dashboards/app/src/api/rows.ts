// Questions in SQL: rows with their columns, or a file in another format.

import { Refused, fetchSigned, good, api, unreachable } from "./client";

export type Cell = string | number | boolean | null | unknown[] | Record<string, unknown>;
export interface Rows {
  columns: { name: string; type: string }[];
  rows: Cell[][];
}
export type Parameter = string | number | boolean | null;
export type Parameters = Record<string, Parameter>;

/** Asks; parameters are bound by the server, never spliced into the text. */
export function askRows(project: string, sql: string, params: Parameters = {}, signal?: AbortSignal): Promise<Rows> {
  const path = { params: { path: { project } }, body: { sql, params } as never, signal };
  return good(api.POST("/v1/projects/{project}/sql", path as never)) as Promise<Rows>;
}

/** The same rows as a file. */
export async function askFile(project: string, sql: string, params: Parameters, accept: string): Promise<Blob> {
  const headers = { accept, "content-type": "application/json" };
  const request = new Request(`/v1/projects/${encodeURIComponent(project)}/sql`, { method: "POST", headers, body: JSON.stringify({ sql, params }) });
  const answer = await fetchSigned(request).catch(unreachable);
  if (!answer.ok) throw new Refused(answer.status, await answer.json().catch(() => ({})));
  return answer.blob();
}
