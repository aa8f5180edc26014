// What a flag needs of others: said in rows exactly, or left as JSON; what is wrong is told before the server says so.

import { expect, test } from "vitest";
import { askedOf, conditionFor, faultOf, faultsOf, inWords, neededBy, type Other, type Prerequisite } from "./needs";
import type { ValueType } from "./value";

const other = (key: string, value_type: ValueType, more: Partial<Other["definition"]> = {}): Other => ({ key, definition: { value_type, prerequisites: [], rules: [], is_archived: false, posthog_filters: null, ...more } });
const needs = (feature: string, condition: unknown = { value: true }) => ({ feature, condition }) as Prerequisite;
const OTHERS = [
  other("beta", "boolean"), other("theme", "string"), other("limit", "number"), other("menu", "json"), other("old", "boolean", { is_archived: true }), other("theirs", "boolean", { posthog_filters: {} }),
  other("after", "boolean", { prerequisites: [needs("between")] }), other("between", "boolean", { rules: [{ id: "a", prerequisites: [needs("checkout")] }] as never }),
];

test("conditions are read and written alike", () => {
  const all: [unknown, ValueType][] = [
    [{ value: true }, "boolean"], [{ value: false }, "boolean"], [{ value: "dark" }, "string"], [{ value: { $ne: "dark" } }, "string"], [{ value: { $in: ["a", "b"] } }, "string"], [{ value: true }, "string"],
    [{ value: 3 }, "number"], [{ value: { $gte: 2.5 } }, "number"],
  ];
  for (const [condition, type] of all) {
    const asked = askedOf(condition, type);
    expect(asked, JSON.stringify(condition)).toBeDefined();
    expect(asked && conditionFor(asked, type)).toEqual(condition);
  }
});

test("what rows cannot say stays JSON", () => {
  const all: [unknown, ValueType][] = [
    [{ value: { $gt: 1, $lt: 5 } }, "number"], [{ value: "dark" }, "boolean"], [{ value: { a: 1 } }, "json"], [{ value: true, id: "x" }, "boolean"], [{ "value.a": 1 }, "json"], [{ value: { $in: ["a,b"] } }, "string"], [{}, "boolean"], [null, "boolean"],
  ];
  for (const [condition, type] of all) expect(askedOf(condition, type), JSON.stringify(condition)).toBeUndefined();
});

test("what is wrong is said", () => {
  const fault = (one: Prerequisite, key = "checkout", all = [one]) => faultOf(one, key, all, OTHERS);
  expect(fault(needs("beta"))).toBeUndefined();
  expect(fault(needs(""))).toMatch(/Choose a flag/);
  expect(fault(needs("checkout"))).toMatch(/itself/);
  expect(fault(needs("none"))).toMatch(/no such flag/);
  expect(fault(needs("old"))).toMatch(/archived/);
  expect(fault(needs("theirs"))).toMatch(/PostHog/);
  expect(fault(needs("theme", { value: "" }))).toMatch(/which value/);
  expect(fault(needs("limit", { value: Number.NaN }))).toMatch(/number/);
  expect(fault(needs("beta"), "checkout", [needs("beta"), needs("beta")])).toMatch(/twice/);
  expect(fault(needs("after"))).toBe("This is a circle: checkout → after → between → checkout.");
  expect(fault(needs("after"), "another")).toBeUndefined();
  expect(faultsOf({ prerequisites: [needs("old")], rules: [{ prerequisites: [needs("none"), needs("beta")] }] as never }, "checkout", OTHERS)).toHaveLength(2);
});

test("it is told in words, and who needs a flag", () => {
  expect(inWords(needs("beta"), OTHERS)).toBe("beta is on");
  expect(inWords(needs("limit", { value: { $gte: 3 } }), OTHERS)).toBe("limit is at least 3");
  expect(inWords(needs("menu", { "value.a": 1 }), OTHERS)).toBe('menu: {"value.a":1}');
  expect(neededBy("checkout", OTHERS)).toEqual(["between"]);
  expect(neededBy("beta", OTHERS)).toEqual([]);
});
