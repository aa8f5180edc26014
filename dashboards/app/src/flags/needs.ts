// What a flag or a rule needs of other flags: the test of their value, what is wrong with it, and circles.

import type { Feature, Rule } from "../api/definitions";
import type { ValueType } from "./value";

export type Prerequisite = Rule["prerequisites"][number];
/** What others' flags are, as far as it matters here. */
export interface Other {
  key: string;
  definition: Pick<Feature, "value_type" | "prerequisites" | "rules" | "is_archived" | "posthog_filters">;
}

const OF_BOOLEANS = [["on", "is on"], ["off", "is off"]] as const;
const OF_TEXTS = [["$eq", "is"], ["$ne", "is not"], ["$in", "is one of"], ["$regex", "matches"], ["set", "is any text"]] as const;
const OF_NUMBERS = [["$eq", "is"], ["$ne", "is not"], ["$gt", "is above"], ["$gte", "is at least"], ["$lt", "is below"], ["$lte", "is at most"]] as const;
export type Test = (typeof OF_BOOLEANS)[number][0] | (typeof OF_TEXTS)[number][0] | (typeof OF_NUMBERS)[number][0];
export interface Asked {
  test: Test;
  value: string;
}

/** The tests of a type of values; of JSON there are none that rows can say. */
export const testsOf = (type: ValueType): readonly (readonly [Test, string])[] => (type === "boolean" ? OF_BOOLEANS : type === "string" ? OF_TEXTS : type === "number" ? OF_NUMBERS : []);
export const hasValue = (test: Test) => test !== "on" && test !== "off" && test !== "set";
export const firstOf = (type: ValueType): Asked | undefined => {
  const test = testsOf(type)[0]?.[0];
  return test && { test, value: "" };
};

/** What a condition asks; undefined where rows cannot say it. */
export function askedOf(condition: unknown, type: ValueType): Asked | undefined {
  if (typeof condition !== "object" || condition === null) return undefined;
  const [[name, wanted] = [], ...more] = Object.entries(condition);
  if (name !== "value" || more.length > 0) return undefined;
  const isPlain = typeof wanted !== "object";
  if (type === "boolean") return wanted === true ? { test: "on", value: "" } : wanted === false ? { test: "off", value: "" } : undefined;
  if (type === "string" && wanted === true) return { test: "set", value: "" };
  const fits = (value: unknown) => typeof value === type;
  if (isPlain) return fits(wanted) && (type === "string" || type === "number") ? { test: "$eq", value: String(wanted) } : undefined;
  const [[test, operand] = [], ...others] = Object.entries(wanted ?? {});
  if (others.length > 0 || !testsOf(type).some(([known]) => known === test)) return undefined;
  if (test === "$in") return Array.isArray(operand) && operand.every((one) => fits(one) && !String(one).includes(",")) ? { test, value: operand.join(", ") } : undefined;
  return fits(operand) ? { test: test as Test, value: String(operand) } : undefined;
}

export function conditionFor({ test, value }: Asked, type: ValueType): Prerequisite["condition"] {
  const one = (text: string): unknown => (type === "number" ? Number(text) : text);
  if (test === "on" || test === "set") return { value: true };
  if (test === "off") return { value: false };
  if (test === "$eq") return { value: one(value) };
  if (test === "$in") return { value: { $in: value.split(",").map((text) => text.trim()).filter(Boolean) } };
  return { value: { [test]: one(value) } };
}

export function inWords({ feature, condition }: Prerequisite, others: Other[]): string {
  const type = others.find(({ key }) => key === feature)?.definition.value_type;
  const asked = type && askedOf(condition, type);
  if (!asked) return `${feature}: ${JSON.stringify(condition)}`;
  const test = testsOf(type).find(([known]) => known === asked.test)?.[1];
  return `${feature} ${test}${hasValue(asked.test) ? ` ${asked.value}` : ""}`;
}

const needsOf = ({ definition }: Other) => [definition.prerequisites, ...definition.rules.map(({ prerequisites }) => prerequisites)].flat().map(({ feature }) => feature);

/** The way from a flag back to `start`, if there is one. */
function circle(start: string, at: string, others: Map<string, Other>, seen: Set<string>): string[] | undefined {
  if (at === start) return [at];
  if (seen.has(at)) return undefined;
  seen.add(at);
  const flag = others.get(at);
  for (const next of flag ? needsOf(flag) : []) {
    const rest = circle(start, next, others, seen);
    if (rest) return [at, ...rest];
  }
  return undefined;
}

/** What is wrong with a prerequisite of the flag `key`, before the server says so. */
export function faultOf({ feature, condition }: Prerequisite, key: string, all: Prerequisite[], others: Other[]): string | undefined {
  if (!feature) return "Choose a flag.";
  if (feature === key) return "A flag cannot need itself.";
  if (all.filter((one) => one.feature === feature && JSON.stringify(one.condition) === JSON.stringify(condition)).length > 1) return "The same stands there twice.";
  const other = others.find((one) => one.key === feature);
  if (!other) return "There is no such flag.";
  if (other.definition.is_archived) return "It is archived: nobody is given it.";
  if (other.definition.posthog_filters) return "It falls by PostHog’s filters, which cannot be asked here.";
  const asked = askedOf(condition, other.definition.value_type);
  if (asked && hasValue(asked.test) && !asked.value.trim()) return "Say which value.";
  if (asked && other.definition.value_type === "number" && !Number.isFinite(Number(asked.value))) return "Say a number.";
  const way = key ? circle(key, feature, new Map(others.map((one) => [one.key, one])), new Set()) : undefined;
  return way ? `This is a circle: ${[key, ...way].join(" → ")}.` : undefined;
}

/** All that is wrong with what a flag and its rules need. */
export function faultsOf(feature: Pick<Feature, "prerequisites" | "rules">, key: string, others: Other[]): string[] {
  const of = (all: Prerequisite[]) => all.flatMap((one) => faultOf(one, key, all, others) ?? []);
  return [...of(feature.prerequisites), ...feature.rules.flatMap(({ prerequisites }) => of(prerequisites))];
}

/** Flags that need this one and are in use. */
export const neededBy = (key: string, others: Other[]): string[] => others.filter((other) => other.key !== key && !other.definition.is_archived && needsOf(other).includes(key)).map((other) => other.key);
