// Violations in words, and schemas from what was seen.

import { expect, test } from "vitest";
import { schemaOf, told } from "./told";

test("a violation is said without a value", () => {
  expect(told({ kind: "required", path: "/price" })).toBe("price is missing");
  expect(told({ kind: "type", path: "/items/*/a~1b" })).toBe("items[].a/b has the wrong type");
  expect(told({ kind: "unplanned", path: "" })).toBe("it is not in the plan");
  expect(told({ kind: "anyOf", path: "" })).toBe("it does not fit (anyOf)");
});

test("a schema from what was seen asks for what everybody carried", () => {
  const seen = [
    { name: "price", times: 10, numbers: 10, flags: 0, nested: 0 },
    { name: "gift", times: 4, numbers: 0, flags: 4, nested: 0 },
    { name: "code", times: 10, numbers: 3, flags: 0, nested: 0 },
    { name: "$lib", times: 10, numbers: 0, flags: 0, nested: 0 },
  ];
  expect(schemaOf(seen, 10)).toEqual({ type: "object", required: ["code", "price"], properties: { price: { type: "number" }, gift: { type: "boolean" }, code: {} } });
});
