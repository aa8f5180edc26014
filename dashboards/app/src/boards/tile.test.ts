// What a tile shows while its answer comes, and when it does not.

import { createElement } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import { afterAll, expect, test, vi } from "vitest";

vi.stubGlobal("location", { origin: "http://footfall.test", pathname: "/app", search: "" });
vi.stubGlobal("navigator", {});
vi.stubGlobal("addEventListener", () => undefined);
afterAll(() => vi.unstubAllGlobals());

const { Answered } = await import("./tile");
const { Refused } = await import("../api/client");
const tile = { id: "buyers", title: "Buyers", x: 0, y: 0, width: 6, height: 4, ask: { insight: {} } };
const asker = { key: "", zone: "UTC", ask: () => Promise.reject(new Error("not asked here")), show: () => undefined, sql: () => Promise.resolve("SELECT 1") };
const answer = (people: number, show = "number") => ({
  show, question: { question: "trend", bucket: "whole", series: [{ select: { activities: ["buy"] }, measures: ["people"] }] },
  answer: { buckets: [0], lines: [{ series: 0, label: "everything", measures: [[people]] }] }, is_filtered: true, as_of: "", columns: [], rows: [],
});
const part = (people: number, show?: string) => ({ answer: answer(people, show), share: 0.25, as_of: "" });
const shown = (state: object) => renderToStaticMarkup(createElement(Answered as never, { tile, asker, answer: { isAsking: false, isSlow: false, isOfBefore: false, again: () => undefined, cancel: () => undefined, ...state } } as never));

test("a part is dimmed and marked, leads nowhere, and is not taken along", () => {
  const html = shown({ isAsking: true, isSlow: true, part: part(12), progress: { state: "asking", segments_done: 1, segments_all: 4 } });
  expect(html).toMatch(/tile-figure stale[^>]*>12</);
  expect(html).toMatch(/role="status"[^>]*>.*So far of 25/);
  expect(html).toMatch(/<progress value="0.25" max="1" aria-label="Buyers is on its way"/);
  expect(html).toContain('aria-busy="true"');
  expect(html).not.toMatch(/who is this|as CSV|as SQL/);
  expect(shown({ isAsking: true, part: part(12, "table") })).toMatch(/tile-table stale/);
});

test("the whole answer is neither dimmed nor marked, and leads to its people", () => {
  const html = shown({ value: answer(40) });
  expect(html).toMatch(/40, Buyers: who is this\?/);
  expect(html).toMatch(/as CSV/);
  expect(html).not.toMatch(/stale|so far|progress/i);
});

test("asked again by itself, what is there stays as it is; of another question it is dimmed once that takes long", () => {
  expect(shown({ value: answer(40), isAsking: true, isSlow: true })).not.toMatch(/stale/);
  expect(shown({ value: answer(40), isAsking: true, isOfBefore: true })).not.toMatch(/stale/);
  expect(shown({ value: answer(40), isAsking: true, isSlow: true, isOfBefore: true })).toMatch(/stale/);
  expect(shown({ value: answer(40), isAsking: true, isOfBefore: true, part: part(12) })).toMatch(/>12</);
});

test("a fault stands where a part was, and a part of the next try where the fault was", () => {
  const fault = new Refused(503, { code: "answer_later", title: "There is no answer yet." });
  expect(shown({ fault })).toMatch(/role="alert".*There is no answer yet/);
  expect(shown({ fault, isAsking: true, part: part(12) })).not.toMatch(/role="alert"/);
  expect(shown({ isCancelled: true })).toMatch(/Stopped.*Ask again/);
});
