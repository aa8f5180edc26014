// Axes and stacks hold every value they are made of.

import { expect, test } from "vitest";
import { widthOf } from "./options";
import { axisOf, labelsOf, lineAt, stacked, strideOf } from "./places";

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
  // Thirty days on a tile: the second name begins behind the end of the first.
  const days = Array.from({ length: 30 }, (_, day) => `Sat ${day + 10} Oct`);
  expect((strideOf(days, 620, true) * 620) / 29).toBeGreaterThan(1.5 * widthOf("Sat 31 Oct"));
});

test("all bars have their names where few have to be shorter for it, and they differ", () => {
  const events = ["browse", "cart", "$feature_flag_called", "app_opened", "purchase", "app_installed"];
  expect(strideOf(events, 700)).toBe(2);
  expect(labelsOf(events, 700, false)).toEqual({ texts: ["browse", "cart", "$feature_flag_c…", "app_opened", "purchase", "app_installed"], stride: 1 });
  const weeks = Array.from({ length: 12 }, (_, week) => `Week of ${week + 1} Nov`);
  expect(labelsOf(weeks, 1000, false)).toEqual({ texts: weeks, stride: strideOf(weeks, 1000) });
  expect(labelsOf(events, 700, true).stride).toBe(strideOf(events, 700, true));
});

test("a click means the line, bar or part of a bar that is nearest", () => {
  const lines = [{ name: "a", values: [10, 1] }, { name: "b", values: [2, null] }];
  const names = ["x", "y"];
  expect([lineAt({ kind: "lines", names, lines }, [], 0, 3, 0), lineAt({ kind: "lines", names, lines }, [], 1, 3, 0)]).toEqual([1, 0]);
  expect([0.2, 0.8, 2].map((across) => lineAt({ kind: "bars", names, lines }, [], 0, 5, across))).toEqual([0, 1, 1]);
  const whole = { kind: "bars" as const, names, lines, isStacked: true };
  expect([5, 11, 40].map((value) => lineAt(whole, stacked(whole), 0, value, 0))).toEqual([0, 1, 1]);
});
