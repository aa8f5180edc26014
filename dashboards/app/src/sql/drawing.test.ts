// How rows are drawn, as an address tells it.

import { expect, test } from "vitest";
import { drawingOf, fitting, readChosen } from "./drawing";

const rows = { columns: [{ name: "event", type: "string" }, { name: "times", type: "integer" }, { name: "share", type: "float" }], rows: [["a", 3, 0.5], ["b", 1, null]] };

test("what an address says is drawn", () => {
  const chosen = readChosen(JSON.parse('{"shape": "lines", "along": 0, "number": 2}'));
  expect(chosen).toEqual({ shape: "lines", along: 0, number: 2 });
  expect(drawingOf(rows, chosen)).toEqual({ kind: "lines", names: ["a", "b"], lines: [{ name: "share", values: [0.5, null] }] });
});

test("what makes no sense is the usual", () => {
  expect(readChosen(undefined)).toBeUndefined();
  expect(readChosen({ shape: "pie", along: -1, number: "x" })).toEqual({});
  expect(fitting(rows, { shape: "bars", along: 7, number: 3 })).toEqual({ shape: "bars" });
  expect(drawingOf(rows, fitting(rows, { number: 99 }))).toEqual(drawingOf(rows));
});
