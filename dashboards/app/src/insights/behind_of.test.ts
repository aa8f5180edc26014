// What a number counts is what is shown behind it first.

import { expect, test } from "vitest";
import { behindOf, pickOf } from "./behind_of";
import { Elsewhere, OfActivities } from "./drawn";

const series = [{ select: {}, measures: ["count", "people", { sum: "amount" }, { per_person: { value: "rows", statistic: "average" } }, "new_people"] }];
const isOf = (kind: Parameters<typeof behindOf>[0], definition: object, cell: object) => behindOf(kind, definition, cell, "t")?.isOfActivities ?? false;

test("counts of a trend are of activities, people are people", () => {
  expect([0, 1, 2, 3, 4].map((measure) => isOf("trend", { series }, { series: 0, measure }))).toEqual([true, false, true, false, false]);
  expect(isOf("trend", { series: [{ measures: ["count"] }] }, { series: 0, label: "everything" }), "the only measure").toBe(true);
});

test("rankings and numbers of activities are of activities, others of people", () => {
  expect([isOf("ranking", {}, { activity: "a" }), isOf("distribution", { of: { property: "n" } }, { bin: 1 }), isOf("distribution", { of: "rows_per_person" }, { bin: 1 }), isOf("lifecycle", {}, { standing: "new" })]).toEqual([true, true, false, false]);
  expect(behindOf("places", { resolution: 7 }, new OfActivities({ cell: { cell: "c" } }), "t")).toEqual({ kind: "places", title: "t", question: { resolution: 7 }, cell: { cell: { cell: "c" } }, isOfActivities: true });
  expect(behindOf("compare", {}, new Elsewhere("cohort", { cohort: {} }, {}), "t")).toEqual({ kind: "cohort", title: "t", question: { cohort: {} }, cell: {} });
  expect(behindOf("trend", {}, null, "t")).toBeUndefined();
});

test("a place of a chart leads somewhere only where somebody is behind it", () => {
  const shown: unknown[] = [];
  const pick = pickOf({ cellAt: (index, line) => (line === 0 ? { index } : null) }, (cell, index) => shown.push([cell, index]));
  pick?.(3, 0)?.();
  expect([shown, pick?.(3, 1), pickOf({}, () => undefined)]).toEqual([[[{ index: 3 }, 3]], undefined, undefined]);
});
