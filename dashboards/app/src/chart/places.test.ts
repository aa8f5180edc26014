// Axes and stacks hold every value they are made of.

import { expect, test } from "vitest";
import { axisOf, stacked, strideOf } from "./places";

test("an axis has round ends around all values and zero", () => {
  expect(axisOf([3, null, 97], 300)).toMatchObject({ low: 0, high: 100 });
  const { low, high } = axisOf([-0.031, 0.012], 300);
  expect(low).toBeLessThanOrEqual(-0.031);
  expect(high).toBeGreaterThanOrEqual(0.012);
  expect(axisOf([], 300)).toMatchObject({ low: 0, high: 1 });
});

test("what is positive is stacked upwards, what is negative downwards", () => {
  const lines = [{ name: "new", values: [2, 0] }, { name: "dormant", values: [-3, null] }, { name: "returning", values: [5, 1] }];
  expect(stacked({ kind: "bars", names: ["a", "b"], lines, isStacked: true })).toEqual([[{ from: 0, to: 2 }, { from: 0, to: 0 }], [{ from: 0, to: -3 }, null], [{ from: 2, to: 7 }, { from: 0, to: 1 }]]);
});

test("names are left out until the rest have room", () => {
  expect(strideOf(["1", "2", "3"], 600)).toBe(1);
  expect(strideOf(Array.from({ length: 90 }, (_, day) => `Mon ${day} May`), 600)).toBeGreaterThan(8);
});
