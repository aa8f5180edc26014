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

test("numbers of insights know who is behind them, and a kind of tomorrow is no fault", () => {
  const ranking = shownOf(answer({ question: { question: "ranking", top: 5 }, answer: { rows: [{ activity: "buy", person: null, rows: 2 }] } }), "UTC");
  expect(ranking).toMatchObject({ head: ["activity", "times"], rows: [["buy", 2]], cells: [[null, { activity: "buy" }]], asked: { kind: "ranking", definition: { top: 5 } } });
  const funnel = { question: { question: "funnel", steps: [{ activities: ["a"] }, { activities: ["b"] }] }, answer: { groups: [{ value: null, label: "everything", reached: [9, 4], converted_ms: [] }] } };
  expect(shownOf(answer({ ...funnel, show: "number" }), "UTC")).toMatchObject({ figure: 4, figureCell: { step: 2, standing: "reached" } });
  expect(shownOf(answer({ question: { question: "tomorrow" }, answer: {} }), "UTC").rows).toEqual([]);
});
