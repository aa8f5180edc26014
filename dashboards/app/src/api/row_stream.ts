// Questions in SQL whose rows are told as they come.

import { counted } from "../parts/format";
import { Refused, fetchSigned, unreachable } from "./client";
import { RowReader } from "./row_reader";
import type { Parameters, Rows } from "./rows";

const PAUSE_MS = 250;
const brokenOff = (count: number) => new Refused(0, { code: "unreachable", title: "The answer broke off", detail: `After ${counted(count, "row")} something failed. Ask again; where it fails again, the server's tracing says why.` });

/** Asks; `tell` has the rows that are there already, a few times a second. */
export async function askRowsStreamed(project: string, sql: string, params: Parameters, signal: AbortSignal, tell: (rows: Rows) => void): Promise<Rows> {
  const headers = { accept: "application/json", "content-type": "application/json" };
  const request = new Request(`/v1/projects/${encodeURIComponent(project)}/sql`, { method: "POST", headers, body: JSON.stringify({ sql, params }), signal, cache: "no-store" });
  const answer = await fetchSigned(request).catch(unreachable);
  if (!answer.ok || !answer.body) throw new Refused(answer.status, await answer.json().catch(() => ({})));
  const taken = new RowReader();
  const stream = answer.body.getReader();
  const decoder = new TextDecoder();
  let told = performance.now();
  for (;;) {
    const { done, value } = await stream.read().catch((fault: unknown) => {
      if (signal.aborted || !taken.columns) return unreachable(fault);
      throw brokenOff(taken.rows.length);
    });
    taken.take(decoder.decode(value, { stream: !done }));
    if (done) break;
    if (taken.columns && performance.now() - told > PAUSE_MS) {
      told = performance.now();
      tell({ columns: taken.columns, rows: taken.rows.slice() });
    }
  }
  if (!taken.columns || !taken.isWhole) throw brokenOff(taken.rows.length);
  return { columns: taken.columns, rows: taken.rows };
}
