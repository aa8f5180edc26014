// Answers that tell how far they are: `text/event-stream` with `progress` and `partial`, then `answer` or `problem` (docs/insights/serving.md).

import { Refused, fetchSigned, unreachable } from "./client";
import { eventsOf, type Part, type Progress } from "./stream";

/** Asks, tells progress and answers for parts of the people as they come, and gives the answer. Giving up the signal cancels the question on the server. */
export async function askEvents<T>(path: string, body: object, signal: AbortSignal, tell: (progress: Progress) => void, tellPart: (part: Part) => void = () => undefined): Promise<T> {
  const headers = { accept: "text/event-stream", "content-type": "application/json" };
  const answer = await fetchSigned(new Request(path, { method: "POST", headers, body: JSON.stringify(body), signal, cache: "no-store" })).catch(unreachable);
  if (!answer.ok || !answer.body) throw new Refused(answer.status, await answer.json().catch(() => ({})));
  for await (const { name, data } of guarded(answer.body)) {
    if (name === "progress") tell(JSON.parse(data) as Progress);
    if (name === "partial") tellPart(JSON.parse(data) as Part);
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
