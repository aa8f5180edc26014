// What is drawn of effects is cut where intervals are so wide that they hide the others.

import { expect, test } from "vitest";
import { bounded } from "./bounded";

test("wide intervals are cut at four times the narrowest, gaps stay gaps", () => {
  const line = bounded("treatment", [{ effect: 3, interval: { low: -7, high: 9 } }, undefined, { effect: 0.1, interval: { low: 0.05, high: 0.2 } }, { effect: null, interval: null }]);
  expect(line.values).toEqual([0.8, null, 0.1, null]);
  expect(line.band).toEqual([{ low: -0.8, high: 0.8 }, null, { low: 0.05, high: 0.2 }, null]);
});

test("without any interval nothing is cut, and an open one is no band", () => {
  const line = bounded("treatment", [{ effect: 3, interval: null }, { effect: 2, interval: { low: null, high: 1 } }]);
  expect(line.values).toEqual([3, 2]);
  expect(line.band).toEqual([null, null]);
});
