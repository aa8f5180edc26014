// Answers that tell how far they are: `text/event-stream` with `progress` and `partial`, then `answer` or `problem` (docs/insights/serving.md).

import { Refused, fetchSigned, unreachable } from "./client";
import { eventsOf, type Part, type Progress } from "./stream";

export type Tell = (progress: Progress | undefined) => void;
export type TellPart<P = unknown> = (part: Part<P>) => void;

const TRIES = 60;
const PAUSE_MS = 1000;

/** As `askEvents`; while the activity is read for the first time it is asked again. */
export async function askPatiently<T, P = unknown>(path: string, body: object, signal: AbortSignal, tell: Tell, tellPart?: TellPart<P>): Promise<T> {
  for (let turn = 0; ; turn++) {
    try {
      const answer = await askEvents<T, P>(path, body, signal, tell, tellPart);
      tell(undefined);
      return answer;
    } catch (fault) {
      const { rows_done, rows_all } = fault instanceof Refused ? fault.problem : {};
      if (rows_done === undefined || rows_all === undefined || turn >= TRIES || signal.aborted) throw fault;
      tell({ state: "preparing", rows_done, rows_all });
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
}

/** Asks, tells progress and answers for parts of the people as they come, and gives the answer. Giving up the signal cancels the question on the server. */
export async function askEvents<T, P = unknown>(path: string, body: object, signal: AbortSignal, tell: (progress: Progress) => void, tellPart: TellPart<P> = () => undefined): Promise<T> {
  const headers = { accept: "text/event-stream", "content-type": "application/json" };
  const answer = await fetchSigned(new Request(path, { method: "POST", headers, body: JSON.stringify(body), signal, cache: "no-store" })).catch(unreachable);
  if (!answer.ok || !answer.body) throw new Refused(answer.status, await answer.json().catch(() => ({})));
  for await (const { name, data } of guarded(answer.body)) {
    if (name === "progress") tell(JSON.parse(data) as Progress);
    if (name === "partial") tellPart(JSON.parse(data) as Part<P>);
    if (name === "answer") return JSON.parse(data) as T;
    if (name === "problem") {
      const problem = JSON.parse(data) as Refused["problem"];
      throw new Refused(problem.status ?? 500, problem);
    }
  }
  return unreachable(new Error("the stream ended early"));
}

/** A connection that breaks says so as one that was never there. */
async function* guarded(body: ReadableStream<Uint8Array>) {
  try {
    yield* eventsOf(body);
  } catch (fault) {
    unreachable(fault);
  }
}
