// A group that is changed keeps whom nobody touched.

import { expect, test } from "vitest";
import { textOf, valuesOf } from "./group_values";

test("a list is typed with lines or commas, each value once", () => {
  expect(valuesOf("a\nb, c\n\n a ")).toEqual(["a", "b", "c"]);
  expect([valuesOf("7, 8.5, x", [], true), valuesOf("7")]).toEqual([[7, 8.5, "x"], ["7"]]);
});

test("a list comes back as it was, with what was added to it", () => {
  for (const values of [["a", "b"], [7, "7a", 8], ["Graz, Austria", "Wien"], []]) expect(valuesOf(textOf(values), values)).toEqual(values);
  expect(valuesOf(`${textOf([7, 8])}\n9`, [7, 8], true)).toEqual([7, 8, 9]);
  expect(valuesOf("Wien\nLinz, Austria", ["Graz, Austria", "Wien"])).toEqual(["Wien", "Linz, Austria"]);
});
