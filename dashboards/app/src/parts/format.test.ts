// What somebody has set is shown to its last digit, and small numbers stay numbers.

import { expect, test } from "vitest";
import { chance, setPercent } from "./format";

test("a share that was set is shown as it is", () => {
  expect([0, 0.001, 0.005, 0.07, 0.29, 1 / 3, 0.5, 1].map(setPercent)).toEqual(["0 %", "0.1 %", "0.5 %", "7 %", "29 %", "33.33 %", "50 %", "100 %"]);
});

test("how small a p-value is changes nothing from a point on", () => {
  expect([0.04, 0.000_01, null].map((p) => chance(p))).toEqual(["0.04", "< 0.0001", "–"]);
  expect(chance(0.04, "= ")).toBe("= 0.04");
});
