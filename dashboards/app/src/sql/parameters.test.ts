// Parameters are what stands outside texts and comments; values have the type that was chosen.

import { expect, test } from "vitest";
import { namesIn, valuesOf } from "./parameters";

test("names outside texts, names in quotes and comments, each once", () => {
  expect(namesIn("SELECT '$no', \"$no\", $a -- $no\n/* $no */ + $b + $a")).toEqual(["a", "b"]);
});

test("values by type; nothing is null", () => {
  const given = { n: { type: "number", text: "4.5" }, t: { type: "text", text: "4.5" }, b: { type: "boolean", text: "true" } } as const;
  expect(valuesOf(["n", "t", "b", "other"], given)).toEqual({ n: 4.5, t: "4.5", b: true, other: null });
});
