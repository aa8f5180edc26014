// A question that takes long: progress and parts are told as they come, and the answer is what is given.

import { afterEach, expect, test, vi } from "vitest";

const ORIGIN = "http://footfall.test";

afterEach(() => (vi.useRealTimers(), vi.unstubAllGlobals()));

type Events = [string, unknown][];
const textOf = (events: Events) => events.map(([name, data]) => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`).join("");

/** A server that tells these events, those of the last turn over and over. */
async function server(...turns: Events[]) {
  vi.resetModules();
  vi.stubGlobal("location", { origin: ORIGIN, pathname: "/app", search: "", assign: vi.fn() });
  vi.stubGlobal("navigator", {});
  const asked: Request[] = [];
  vi.stubGlobal("fetch", async (request: Request) => {
    const events = turns[Math.min(asked.length, turns.length - 1)] ?? [];
    asked.push(request);
    request.signal.throwIfAborted();
    return new Response(textOf(events), { headers: { "content-type": "text/event-stream" } });
  });
  return { asked, ...(await import("./events")) };
}

/** What is asked of a server that tells these events. */
async function told(events: Events) {
  const { askEvents } = await server(events);
  const seen: unknown[] = [];
  const answer = askEvents(`${ORIGIN}/v1/projects/shop/insights/trend`, {}, new AbortController().signal, (progress) => seen.push(progress), (part) => seen.push(part));
  return { seen, answer };
}

const part = (share: number) => ({ answer: { people: share * 100 }, share, as_of: "2026-05-04T00:00:00Z" });

test("parts are told between the progress and the answer", async () => {
  const { seen, answer } = await told([["progress", { state: "waiting" }], ["partial", part(0.25)], ["progress", { state: "asking", segments_done: 1, segments_all: 4 }], ["partial", part(0.5)], ["answer", { answer: { people: 100 } }]]);
  expect(await answer).toEqual({ answer: { people: 100 } });
  expect(seen).toEqual([{ state: "waiting" }, part(0.25), { state: "asking", segments_done: 1, segments_all: 4 }, part(0.5)]);
});

test("a part is no answer", async () => {
  const { answer } = await told([["partial", part(0.25)]]);
  await expect(answer).rejects.toMatchObject({ code: "unreachable" });
});

test("while the activity is read for the first time it is asked again, and for no other reason", async () => {
  vi.useFakeTimers();
  const preparing: Events = [["problem", { status: 503, code: "answer_later", title: "There is no answer yet.", rows_done: 5, rows_all: 20 }]];
  const path = `${ORIGIN}/v1/projects/shop/dashboards/sales/answers`;
  const { asked, askPatiently } = await server(preparing, preparing, [["partial", part(0.5)], ["answer", 1]]);
  const seen: unknown[] = [];
  const answer = askPatiently<number>(path, {}, new AbortController().signal, (progress) => seen.push(progress), ({ share }) => seen.push(share));
  await vi.runAllTimersAsync();
  expect(await answer).toBe(1);
  expect([asked.length, seen]).toEqual([3, [{ state: "preparing", rows_done: 5, rows_all: 20 }, { state: "preparing", rows_done: 5, rows_all: 20 }, 0.5, undefined]]);
  const other = await server([["partial", part(0.5)], ["problem", { status: 503, code: "answer_later", title: "There is no answer yet." }]]);
  await expect(other.askPatiently(path, {}, new AbortController().signal, () => undefined)).rejects.toMatchObject({ code: "answer_later" });
  expect(other.asked.length).toBe(1);
});

test("what was given up tells nothing more, and is given up at the server", async () => {
  const giveUp = new AbortController();
  const { asked, askPatiently } = await server([["partial", part(0.25)], ["partial", part(0.5)], ["answer", 1]]);
  giveUp.abort();
  const seen: unknown[] = [];
  await expect(askPatiently(`${ORIGIN}/v1/x`, {}, giveUp.signal, () => seen.push("progress"), () => seen.push("part"))).rejects.toMatchObject({ name: "AbortError" });
  expect(seen).toEqual([]);
  expect(asked.every(({ signal }) => signal.aborted)).toBe(true);
});
