// What @growthbook/growthbook answers where input ends, as cases in the format of its own suite: every operator with operands and values of every
// type, conditions that mean nothing, shares and weights that sum to nothing. Prints one line of JSON. Where the SDK throws, nobody is meant.
"use strict";
const { GrowthBook, evalCondition } = require("@growthbook/growthbook");

console.error = () => {};
let state = 20261129;
const dice = (sides) => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 2 ** 32) * sides);
};
const pick = (list) => list[dice(list.length)];

const VALUES = [
  undefined, null, true, false, 0, 1, -1, 1.5, 5, 1e21, "", "a", "A", "ab", "0", "5", "05", " 5 ", "x5", "null", "true", "1.10.0", "v1.9.0-rc.1+7", "\u00e9", "\u{1f600}",
  [], ["a"], ["a", "b"], ["A", ""], [0], [5, 6], [false], [null], [null, "a"], [[]], [["a"]], [{ a: 1 }], [{ a: "a", b: 2 }, { a: 5 }],
  {}, { a: 1 }, { a: "a" }, { b: 1, 1: 2 }, { 1: 2, b: 1 }, { 0: "a", length: 1 },
];
const OPERANDS = [
  ...VALUES.filter((value) => value !== undefined),
  { $eq: 5 }, { $gt: 0 }, { $regex: "^a" }, { $not: { $eq: "a" } }, { $in: ["a", 5] }, { $or: [] }, { $eq: 1, a: 1 }, { a: { $exists: true } }, [{ a: 1 }, {}], [{}], [null, {}], [{}, null],
  ["x", {}], { length: 0 }, { length: -1 }, { length: "x" }, { length: "1", 0: {} }, { length: 2, 0: { a: 9 }, 1: {} }, { length: true }, { $elemMatch: null }, { $size: 1 },
];
const OPERATORS = [
  "$eq", "$ne", "$lt", "$lte", "$gt", "$gte", "$veq", "$vne", "$vlt", "$vlte", "$vgt", "$vgte", "$in", "$nin", "$ini", "$nini", "$all", "$alli", "$exists", "$type", "$size",
  "$elemMatch", "$not", "$regex", "$regexi", "$inGroup", "$notInGroup", "$unknown",
];
const LOGICAL = ["$and", "$or", "$nor", "$not"];
const GROUPS = {
  a: ["a", 5, null], 5: [], "": ["a"], ab: { type: "list", attributeKey: "a", values: ["a", 5] }, A: { type: "condition", condition: { a: "a" } }, x5: "a", true: null,
  b: { type: "list", values: ["a"] }, c: { type: "condition", condition: { $not: { $savedGroup: { id: "ab" } } } }, d: { type: "condition", condition: { $or: [{ $savedGroup: { id: "d" } }, { b: 5 }] } },
  e: { type: "list", attributeKey: "a", values: "a" }, f: { type: "condition", condition: 5 }, g: { type: "later" },
};
const REFERENCES = [
  ...["a", "ab", "A", "b", "c", "d", "e", "f", "g", "none", 5].map((id) => ({ id })), { id: "ab", attributeKey: "b" }, { id: "A", attributeKey: "b" }, { id: "b", attributeKey: "a" },
  { id: "ab", attributeKey: null }, "ab", null, [], {},
];

// What a pattern of another type is depends on the patterns that were asked for before it.
const isFickle = (condition) =>
  condition !== null && typeof condition === "object" &&
  Object.entries(condition).some(([name, value]) => (/^\$regex/.test(name) && typeof value !== "string") || isFickle(value));

const conditions = [];
let thrown = 0;
const add = (condition, attributes) => {
  if (isFickle(condition)) return;
  let holds = false;
  try {
    // Payloads and users come from different places: no object is in both.
    holds = evalCondition(JSON.parse(JSON.stringify(attributes)), condition, GROUPS);
  } catch {
    thrown += 1;
  }
  const text = JSON.stringify(condition);
  conditions.push([text, condition, attributes, holds, ...(/Group/.test(text) ? [GROUPS] : [])]);
};

for (const value of VALUES) {
  const attributes = value === undefined ? {} : { a: value };
  for (const operand of OPERANDS) {
    add({ a: operand }, attributes);
    for (const operator of OPERATORS) add({ a: { [operator]: operand } }, attributes);
  }
}
for (const value of VALUES) {
  for (const reference of REFERENCES) {
    for (const [a, b] of [[value, 5], ["b", value]]) {
      const attributes = { a, b };
      add({ $savedGroup: reference }, attributes);
      add({ $not: { $savedGroup: reference } }, attributes);
      add({ $or: [{ $savedGroup: reference }, { b: 5 }] }, attributes);
    }
  }
}
const PEOPLE = [{}, { a: "a", b: 2 }, { a: ["a", 0, null], 0: "x" }, { 0: "a", 1: "b", length: 2 }];
for (const attributes of PEOPLE) {
  for (const operand of OPERANDS) {
    if (operand !== null) add(operand, attributes);
    for (const outer of LOGICAL) {
      add({ [outer]: operand }, attributes);
      for (const inner of LOGICAL) {
        add({ [outer]: { [inner]: operand } }, attributes);
        add({ [outer]: [{ [inner]: operand }] }, attributes);
      }
      add({ a: "a", [outer]: operand }, attributes);
      add({ a: "b", [outer]: operand }, attributes);
    }
  }
}
const test = (depth) => {
  if (depth === 0 || dice(3) === 0) return pick(OPERANDS);
  return Object.fromEntries(Array.from({ length: 1 + dice(2) }, () => [pick(OPERATORS), dice(4) === 0 ? [test(depth - 1)] : test(depth - 1)]));
};
const condition = (depth) => {
  const member = () => {
    if (depth > 0 && dice(2) === 0) {
      const outer = pick(LOGICAL);
      const inside = () => (dice(8) === 0 ? pick(OPERANDS) : condition(depth - 1));
      return [outer, outer === "$not" || dice(8) === 0 ? inside() : Array.from({ length: dice(3) }, inside)];
    }
    return [pick(["a", "b", "a.a", "a.0", "a.length", "c"]), test(2)];
  };
  return Object.fromEntries(Array.from({ length: dice(3) }, member));
};
for (let count = 0; count < 12_000; count++) {
  const attributes = {};
  for (const name of ["a", "b"]) {
    const value = pick(VALUES);
    if (value !== undefined) attributes[name] = value;
  }
  add(condition(3), attributes);
}

const features = [];
const LISTS = [undefined, null, [], [0], [0, 0], [1], [0.5, 0.5], [0.5, 0.4], [0.4, 0.4], [-1, 2], [2, -1], [0.2, 0.8], [1, 0], [null, 1], [0.3, 0.3, 0.4], "half"];
const SHARES = [undefined, 0, 1, 0.5, -1, 2, 0.0001];
const RANGES = [undefined, null, [], [[0, 1]], [[0, 0.5], [0.5, 1]], [[0, 0], [0, 1]], [[0.9, 0.1], [0, 1]], [[0, 1], [0, 1], [0, 1]], [[], []]];
const without = (object) => Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
for (let count = 0; count < 6_000; count++) {
  const common = {
    id: pick([undefined, "r"]), coverage: pick(SHARES), hashVersion: pick([undefined, 0, 1, 2, 3, null]), seed: pick([undefined, "", "s"]),
    hashAttribute: pick([undefined, "", "id", "b", "none"]), condition: pick([undefined, undefined, undefined, {}, { a: "a" }, { $or: "x" }, { $not: "x" }]),
    filters: pick([undefined, undefined, [], [{ seed: "f", ranges: [[0, 0.5]] }], [{ seed: "f", ranges: [] }], [{ seed: "f", attribute: "none", ranges: [[0, 1]] }]]),
    parentConditions: pick([undefined, undefined, undefined, [], [{ id: "on", condition: { value: true } }], [{ id: "on", condition: { value: false }, gate: true }], [{ id: "gone" }], [{ id: "f", condition: {} }]]),
  };
  const rule = dice(3) === 0
    ? { ...common, force: pick([0, "x", null, [], false]), range: pick([undefined, undefined, [0, 0.5], [0.5, 0.5], [], null]) }
    : {
        ...common, variations: pick([[0, 1], [0, 1, 2], ["a"], []]), weights: pick(LISTS), ranges: pick(RANGES), key: pick([undefined, "exp", ""]),
        namespace: pick([undefined, undefined, ["n", 0, 0.5], ["n", 0.5, 0.5], []]), meta: pick([undefined, [], [{ key: "c" }, { key: "t" }], [{ key: "c", passthrough: true }]]),
        phase: pick([undefined, "0"]), name: pick([undefined, "n"]),
      };
  const attributes = without({ id: pick(["u1", "u2", `u${count}`, "", 7, 0, null, undefined, true]), b: pick([`b${count}`, "", 5]), a: pick(["a", "b"]) });
  const context = { attributes, features: { f: without({ defaultValue: pick([undefined, "default", null]), rules: [without(rule), { force: "last" }].slice(0, 1 + dice(2)) }), on: { defaultValue: true } } };
  // As it goes over the wire.
  const whole = JSON.parse(JSON.stringify(context));
  try {
    const sdk = new GrowthBook({ ...whole, log: () => {} });
    features.push([JSON.stringify(whole.features.f), whole, "f", JSON.parse(JSON.stringify(sdk.evalFeature("f")))]);
    sdk.destroy();
  } catch {
    thrown += 1;
  }
}
process.stdout.write(`${JSON.stringify({ evalCondition: conditions, feature: features })}\n`);
process.stderr.write(`${conditions.length} conditions, ${features.length} features, ${thrown} that the SDK throws on\n`);
