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
    rows: [["1 a", 8, "100.0 %", ""], ["2 b", 2, "25.0 %", "25.0 %"]], about: "Half of those who got through took 1 min or less.",
  });
  expect(drawn(question, { groups: [{ value: null, reached: [0, 0], converted_ms: [] }] }, "UTC").rows[1]).toEqual(["2 b", 0, "–", "–"]);
});

test("retention: a later bucket counts those alone who had the time", () => {
  const cohorts = [{ start_ms: 0, people: 10, returned: [10, 5] }, { start_ms: DAY, people: 30, returned: [30] }];
  const shown = drawn(readQuestion({ kind: "retention" }), { cohorts }, "UTC");
  expect(shown.drawing).toMatchObject({ lines: [{ values: [100, 50] }] });
  expect(shown.rows.map((row) => row.slice(1))).toEqual([[10, 10, 5], [30, 30, null]]);
});
