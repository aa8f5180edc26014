// Events are read whole however the bytes are cut.

import { expect, test } from "vitest";
import { eventsOf, shareOf } from "./stream";

const TEXT = 'event: progress\ndata: {"state":"waiting"}\n\n: still here\n\nevent: answer\ndata: {"answer":"é"}\n\n';

test("events survive being cut anywhere, comments are none", async () => {
  const bytes = new TextEncoder().encode(TEXT);
  for (const size of [1, 2, 7, 1000]) {
    const stream = new ReadableStream<Uint8Array>({
      start(controller) {
        for (let at = 0; at < bytes.length; at += size) controller.enqueue(bytes.slice(at, at + size));
        controller.close();
      },
    });
    const found = [];
    for await (const told of eventsOf(stream)) found.push(told);
    expect(found).toEqual([{ name: "progress", data: '{"state":"waiting"}' }, { name: "answer", data: '{"answer":"é"}' }]);
  }
});

test("a share is told where it is known", () => {
  expect(shareOf({ state: "preparing", rows_done: 5, rows_all: 20 })).toBe(0.25);
  expect(shareOf({ state: "asking", segments_done: 0, segments_all: 0 })).toBeUndefined();
  expect(shareOf({ state: "waiting" })).toBeUndefined();
});
