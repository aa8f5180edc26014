// What is drawn day by day is what the results say; only the axis ends early.

import { expect, test } from "vitest";
import { curves, lineOf, reachOf, isCut } from "./daily";
import type { Comparison } from "./told";

const comparison = (curve: [string, number | null, number | null, number | null][]) => ({ variation: "b", curve: curve.map(([day, effect, low, high]) => ({ day, effect, interval: { low, high } })) }) as unknown as Comparison;

test("wide intervals of the first days are kept as they are, and the axis ends at four times the last", () => {
  const drawing = curves([comparison([["2026-05-01", 3.5, -7, 14], ["2026-05-02", 0.2, -0.3, 0.7], ["2026-05-03", 0.1, -0.05, 0.2]])]);
  expect(drawing.lines[0]?.values).toEqual([3.5, 0.2, 0.1]);
  expect(drawing.lines[0]?.band).toEqual([{ low: -7, high: 14 }, { low: -0.3, high: 0.7 }, { low: -0.05, high: 0.2 }]);
  expect(drawing.reach).toBeCloseTo(0.8);
  expect(isCut(drawing)).toBe(true);
});

test("days that are narrow enough are all within, and a day without an interval has none", () => {
  const drawing = curves([comparison([["2026-05-01", 0.1, null, null], ["2026-05-02", 0.1, -0.1, 0.2]])]);
  expect(drawing.lines[0]?.band).toEqual([null, { low: -0.1, high: 0.2 }]);
  expect(isCut(drawing)).toBe(false);
});

test("gaps stay gaps, an open interval is no band, and no value is changed", () => {
  const line = lineOf("treatment", [{ effect: 3, interval: { low: -7, high: 9 } }, undefined, { effect: 2, interval: { low: null, high: 1 } }]);
  expect(line.values).toEqual([3, null, 2]);
  expect(line.band).toEqual([{ low: -7, high: 9 }, null, null]);
  expect(reachOf([{ low: -0.05, high: 0.2 }])).toBeCloseTo(0.8);
});
