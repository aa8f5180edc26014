// Parameters are what stands outside texts and comments; values have the type that was chosen.

import { expect, test } from "vitest";
import { givenOf, namesIn, parametersOf, readGiven, retyped, valuesOf, withTime } from "./parameters";
import { withValues } from "./quoted";

test("names outside texts, names in quotes and comments, each once", () => {
  expect(namesIn("SELECT '$no', \"$no\", $a -- $no\n/* $no */ + $b + $a")).toEqual(["a", "b"]);
});

test("values by type; nothing is null", () => {
  const given = { n: { type: "number", text: "4.5" }, t: { type: "text", text: "4.5" }, b: { type: "boolean", text: "true" } } as const;
  expect(valuesOf(["n", "t", "b", "other"], given)).toEqual({ n: 4.5, t: "4.5", b: true, other: null });
});

test("what is neither true nor false is not taken for false", () => {
  const of = (text: string) => valuesOf(["b"], { b: { type: "boolean", text } }).b;
  expect(["true", "false", "", "yes", "TRUE"].map(of)).toEqual([true, false, null, null, null]);
  expect(retyped({ type: "text", text: "purchase" }, "boolean")).toEqual({ type: "boolean", text: "" });
  expect(retyped({ type: "text", text: "false" }, "boolean")).toEqual({ type: "boolean", text: "false" });
  expect(retyped({ type: "boolean", text: "true" }, "text")).toEqual({ type: "text", text: "true" });
});

test("the time is there without being typed, and is not kept", () => {
  const names = ["from", "plan"];
  const given = withTime(names, { plan: { type: "number", text: "3" } }, Date.UTC(2026, 4, 4, 12));
  expect(valuesOf(names, given)).toEqual({ from: "2026-04-05T00:00:00.000Z", plan: 3 });
  expect(parametersOf(names, given)).toEqual([{ name: "plan", type: "number", default: 3 }]);
  expect(givenOf(parametersOf(names, given))).toEqual({ plan: { type: "number", text: "3" } });
});

test("values of an address; what makes no sense there is left out", () => {
  const given = { plan: { type: "number", text: "3" }, event: { type: "text", text: "it's" } };
  expect(readGiven(JSON.parse(JSON.stringify(given)))).toEqual(given);
  expect(readGiven({ a: { type: "date", text: "x" }, b: { type: "text", text: 3 }, c: null, d: { type: "time", text: "2026-05-04" } })).toEqual({ d: { type: "time", text: "2026-05-04" } });
  expect([readGiven(undefined), readGiven("x"), readGiven(7)]).toEqual([{}, {}, {}]);
});

test("a statement in a file has its values, and runs as it stands", () => {
  const sql = "SELECT '$from', \"$from\" -- $from\n/* $from */ FROM activity WHERE timestamp >= $from AND plan = $plan AND n < $n AND ($none IS NULL OR x = $other)";
  expect(withValues(sql, { from: "2026-05-01T00:00:00Z", plan: "bob's $n", n: 3, none: null })).toBe("SELECT '$from', \"$from\" -- $from\n/* $from */ FROM activity WHERE timestamp >= '2026-05-01T00:00:00Z' AND plan = 'bob''s $n' AND n < 3 AND (NULL IS NULL OR x = $other)");
});
