// Rows say exactly what the condition says, or stay away from it.

import { expect, test } from "vitest";
import { conditionOf, inWords, rowsOf } from "./condition";

const TYPES = { country: "string", age: "number", beta: "boolean" };

test("rows and conditions are the same in both directions", () => {
  const conditions = [
    null,
    { country: "AT" },
    { country: { $in: ["AT", "DE"] }, age: { $gte: 18 }, beta: true },
    { $and: [{ age: { $gte: 18 } }, { age: { $lt: 65 } }] },
    { country: { $exists: false }, id: { $inGroup: "friends" } },
  ];
  for (const condition of conditions) expect(conditionOf(rowsOf(condition) ?? [], TYPES)).toEqual(condition);
});

test("what rows cannot say stays as it is", () => {
  for (const condition of [{ $or: [{ country: "AT" }] }, { $not: { country: "AT" } }, { tags: { $elemMatch: { $eq: "a" } } }, { country: {} }, { country: null }, { age: { $not: { $gt: 3 } } }]) {
    expect(rowsOf(condition), JSON.stringify(condition)).toBeUndefined();
  }
});

test("conditions are told in words", () => {
  expect(inWords({ country: "AT", age: { $gte: 18 } })).toBe("country is AT and age is at least 18");
  expect(inWords(null)).toBe("everybody");
});
