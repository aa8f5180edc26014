// The drawing and the table say the numbers of the answer.

import { expect, test } from "vitest";
import { drawn } from "./drawn";
import { readQuestion } from "./question";

const DAY = 86_400_000;

test("a trend: a column for each line, the span before as well", () => {
  const line = (values: number[]) => ({ series: 0, label: { values: ["pro"] }, measures: [values] });
  const answer = { buckets: [0, DAY], lines: [line([1, 2])], previous: { buckets: [-2 * DAY, -DAY], lines: [line([3, 4])] } };
  const shown = drawn(readQuestion({ steps: [{ activity: "buy" }], breakdown: "plan" }), answer, "UTC");
  expect(shown.head).toEqual(["day", "buy · pro", "buy · pro (before)"]);
  expect(shown.rows.map((row) => row.slice(1))).toEqual([[1, 3], [2, 4]]);
});

test("a funnel: shares of all and of the step before; nobody is no division by zero", () => {
  const question = readQuestion({ kind: "funnel", steps: [{ activity: "a" }, { activity: "b" }] });
  expect(drawn(question, { groups: [{ value: null, reached: [8, 2], converted_ms: [1, 1, 1, 60_000, 1, 1, 1] }] }, "UTC")).toMatchObject({
    rows: [["1 a", 8, null, "100.0 %", ""], ["2 b", 2, 6, "25.0 %", "25.0 %"]], about: "Half of those who got through took 1 min or less.",
  });
  expect(drawn(question, { groups: [{ value: null, reached: [0, 0], converted_ms: [] }] }, "UTC").rows[1]).toEqual(["2 b", 0, 0, "–", "–"]);
});

test("retention: a later bucket counts those alone who had the time", () => {
  const cohorts = [{ start_ms: 0, people: 10, returned: [10, 5] }, { start_ms: DAY, people: 30, returned: [30] }];
  const shown = drawn(readQuestion({ kind: "retention" }), { cohorts }, "UTC");
  expect(shown.drawing).toMatchObject({ lines: [{ values: [100, 50] }] });
  expect(shown.rows.map((row) => row.slice(1))).toEqual([[10, 10, 5], [30, 30, null]]);
});

test("every number names the people behind it", () => {
  const question = readQuestion({ kind: "funnel", steps: [{ activity: "a" }, { activity: "b" }] });
  const { cells, cellAt } = drawn(question, { groups: [{ value: null, reached: [8, 2], converted_ms: [] }] }, "UTC");
  expect(cells?.[1]?.slice(1, 3)).toEqual([{ step: 2, standing: "reached", label: "everything" }, { step: 1, standing: "dropped", label: "everything" }]);
  expect(cellAt?.(0, 0)).toEqual({ step: 1, standing: "reached", label: "everything" });
  const kept = drawn(readQuestion({ kind: "retention" }), { cohorts: [{ start_ms: 7, people: 3, returned: [3, 1] }] }, "UTC");
  expect(kept.cells?.[0]).toEqual([null, { start_ms: 7 }, { start_ms: 7, after: 0 }, { start_ms: 7, after: 1 }]);
});

test("a distribution leaves out empty ends, and keeps the place of each bin", () => {
  const histogram = Array.from({ length: 17 }, (_, index) => (index === 3 ? 4 : index === 5 ? 1 : 0));
  const shown = drawn(readQuestion({ kind: "distribution" }), { count: 5, sum: 20, minimum: 3, maximum: 9, histogram, percentiles: [3, 3, 3, 4, 4, 9, 9] }, "UTC");
  expect(shown.rows).toEqual([["3 to 5", 4], ["5 to 10", 0], ["10 to 20", 1]].map(([name, count]) => [name, count]));
  expect(shown.cells?.[0]?.[1]).toEqual({ bin: 3 });
});
