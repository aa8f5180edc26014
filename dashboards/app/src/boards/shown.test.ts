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
  expect(shownOf(answer({ columns: [{ name: "people", type: "integer" }], rows: [[42]], show: "number" }), "UTC").figures).toEqual([{ name: "people", value: 42 }]);
});

test("a trend: its line; as a number that of the span as a whole, of each line with its name", () => {
  const trend = { question: { question: "trend", bucket: "day", series: [{ select: { activities: ["buy"] }, measures: ["count"] }] }, answer: { buckets: [0, 86_400_000], lines: [{ series: 0, label: "everything", measures: [[2, 5]] }] } };
  expect(shownOf(answer(trend), "UTC").drawing).toMatchObject({ kind: "lines", lines: [{ name: "buy", values: [2, 5] }] });
  expect(shownOf(answer({ ...trend, show: "number" }), "UTC").figures, "days of people, medians or shares have no sum").toBeUndefined();
  const whole = (lines: object[], more = {}) => shownOf(answer({ show: "number", question: { question: "trend", bucket: "whole", series: [{ select: { activities: ["buy"] }, measures: ["people"] }], ...more }, answer: { buckets: [0], lines } }), "UTC");
  expect(whole([{ series: 0, label: "everything", measures: [[5]] }]).figures).toEqual([{ name: "buy", value: 5, cell: { series: 0, bucket_ms: 0, label: "everything", previous: false } }]);
  const parts = ["de", null].map((value, index) => ({ series: 0, label: { values: [value] }, measures: [[index + 1]] }));
  expect(whole(parts, { breakdown: { properties: ["country"], top: 5 } }).figures?.map(({ name, value }) => [name, value])).toEqual([["buy · de", 1], ["buy · (none)", 2]]);
  expect(whole([{ series: 0, label: "everything", measures: [[4]] }, { series: 1, label: "everything", measures: [[0.5]] }], { formulas: ["A / 8"] }).figures?.map(({ name, value }) => [name, value])).toEqual([["A buy", 4], ["A / 8", 0.5]]);
});

test("numbers of insights know who is behind them, and a kind of tomorrow is no fault", () => {
  const ranking = shownOf(answer({ question: { question: "ranking", top: 5 }, answer: { rows: [{ activity: "buy", person: null, rows: 2 }] } }), "UTC");
  expect(ranking).toMatchObject({ head: ["activity", "times"], rows: [["buy", 2]], cells: [[null, { activity: "buy" }]], asked: { kind: "ranking", definition: { top: 5 } } });
  const funnel = { question: { question: "funnel", steps: [{ activities: ["a"] }, { activities: ["b"] }] }, answer: { groups: [{ value: null, label: "everything", reached: [9, 4], converted_ms: [] }] } };
  expect(shownOf(answer({ ...funnel, show: "number" }), "UTC")).toMatchObject({ figures: [{ value: 4, cell: { step: 2, standing: "reached" } }] });
  expect(shownOf(answer({ question: { question: "tomorrow" }, answer: {} }), "UTC").rows).toEqual([]);
});
