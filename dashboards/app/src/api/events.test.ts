// A question that takes long: progress and parts are told as they come, and the answer is what is given.

import { afterEach, expect, test, vi } from "vitest";

const ORIGIN = "http://footfall.test";

afterEach(() => vi.unstubAllGlobals());

/** What is asked of a server that tells these events. */
async function told(events: [string, unknown][]) {
  vi.resetModules();
  vi.stubGlobal("location", { origin: ORIGIN, pathname: "/app", search: "", assign: vi.fn() });
  vi.stubGlobal("navigator", {});
  const text = events.map(([name, data]) => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`).join("");
  vi.stubGlobal("fetch", async () => new Response(text, { headers: { "content-type": "text/event-stream" } }));
  const { askEvents } = await import("./events");
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
