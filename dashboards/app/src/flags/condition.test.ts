// Rows say exactly what the condition says, or stay away from it.

import { expect, test } from "vitest";
import { conditionOf, inWords, lackOf, rowsOf, type Row } from "./condition";

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

test("what is no switch's value is not taken for off", () => {
  const said = (value: string) => conditionOf([{ attribute: "beta", test: "$eq", value }], TYPES);
  expect(["true", " false ", "yes", ""].map(said)).toEqual([{ beta: true }, { beta: false }, { beta: "yes" }, { beta: "" }]);
});

test("a row says what it lacks", () => {
  const lack = (row: Partial<Row>) => lackOf({ attribute: "country", test: "$eq", value: "AT", ...row }, TYPES);
  expect([lack({}), lack({ test: "exists", value: "" }), lack({ attribute: "beta", value: "false" }), lack({ attribute: "age", test: "$in", value: "18, 19" }), lack({ attribute: "age", test: "$vgte", value: "1.2.3" })]).toEqual([undefined, undefined, undefined, undefined, undefined]);
  expect(lack({ attribute: "" })).toContain("Choose an attribute");
  expect([lack({ value: " " }), lack({ attribute: "beta", value: "yes" }), lack({ attribute: "age", value: "old" }), lack({ attribute: "age", test: "$in", value: "18, old" })]).toEqual(["Say which value.", "It is true or false.", "Say a number.", "Say a number."]);
});
