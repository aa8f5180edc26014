// A tile shows the numbers of its answer, whichever way it is drawn.

import { expect, test } from "vitest";
import type { TileAnswer } from "./model";
import { shownOf } from "./shown";

const answer = (part: Partial<TileAnswer>): TileAnswer => ({ show: "usual", question: null, answer: null, is_filtered: true, as_of: "", columns: [], rows: [], ...part });
const SQL = { columns: [{ name: "event", type: "string" }, { name: "times", type: "integer" }], rows: [["view", 3], ["buy", 1]] };

test("rows of SQL: bars, lines, a table, a number", () => {
  expect(shownOf(answer(SQL), "UTC")).toMatchObject({ drawing: { kind: "bars", names: ["view", "buy"], lines: [{ name: "times", values: [3, 1] }] }, rows: [["view", 3], ["buy", 1]] });
  expect(shownOf(answer({ ...SQL, show: "line" }), "UTC").drawing).toMatchObject({ kind: "lines" });
  expect(shownOf(answer({ ...SQL, show: "table" }), "UTC").drawing).toBeUndefined();
  expect(shownOf(answer({ columns: [{ name: "people", type: "integer" }], rows: [[42]], show: "number" }), "UTC").figure).toBe(42);
});

test("a trend: its line, and its sum as a number", () => {
  const trend = { question: { question: "trend", bucket: "day", series: [{ select: { activities: ["buy"] }, measures: ["count"] }] }, answer: { buckets: [0, 86_400_000], lines: [{ series: 0, label: "everything", measures: [[2, 5]] }] } };
  expect(shownOf(answer(trend), "UTC").drawing).toMatchObject({ kind: "lines", lines: [{ name: "buy", values: [2, 5] }] });
  expect(shownOf(answer({ ...trend, show: "number" }), "UTC").figure).toBe(7);
});

test("kinds without a drawing are their list", () => {
  expect(shownOf(answer({ question: { question: "ranking" }, answer: { rows: [{ value: "a", count: 2 }] } }), "UTC")).toMatchObject({ head: ["value", "count"], rows: [["a", 2]] });
});
