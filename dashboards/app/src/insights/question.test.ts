// The address holds any question whole, nonsense becomes the usual one, and days are the zone's.

import { describe, expect, test } from "vitest";
import { cohortOf } from "./body";
import { bodyOf, midnight, readQuestion } from "./question";

const HOUR = 3_600_000;

describe("a question", () => {
  test("survives the address", () => {
    const question = readQuestion({ kind: "funnel", days: 90, steps: [{ activity: "browse", filters: [{ property: "plan", test: "is", value: "pro" }] }, { activity: "buy" }], breakdown: "plan" });
    expect(readQuestion(JSON.parse(JSON.stringify(question)))).toEqual(question);
  });

  test("of nonsense is the usual one", () => {
    const usual = readQuestion(undefined);
    for (const odd of [null, 1, "x", [], { kind: "pie", days: -1, steps: "no", bucket: 5 }]) expect(readQuestion(odd)).toEqual(usual);
  });

  test("becomes the body of its kind", () => {
    const question = readQuestion({ kind: "funnel", days: 2, steps: [{ activity: "a", filters: [{ property: "n", test: "above", value: "3" }] }, { activity: "b" }] });
    expect(bodyOf(question, 10 * 24 * HOUR, "UTC")).toEqual({
      scope: { from_ms: 8 * 24 * HOUR, until_ms: 10 * 24 * HOUR, zone: "UTC" },
      steps: [{ activities: ["a"], condition: { all: [{ property: { property: "n", test: { above: 3 } } }] } }, { activities: ["b"] }],
      window_ms: 7 * 24 * HOUR,
    });
  });
});

test("everything a builder can say survives the address and reaches the body", () => {
  const step = (activity: string) => ({ activity, filters: [{ of: "person", property: "plan", test: "starts_with", value: "p" }, { of: "cohort", property: "keen", test: "is_not", value: "" }], isAny: true, measure: "median", property: "price" });
  const question = readQuestion({ kind: "funnel", days: 1, steps: [step("a"), step("b")], breakdown: ["os"], touch: "last_touch", touchStep: 2, order: "strict", isOverTime: true, exclusions: [{ activity: "x", after: 5 }] });
  expect(readQuestion(JSON.parse(JSON.stringify(question)))).toEqual(question);
  const select = (activity: string) => ({ activities: [activity], condition: { any: [{ person: { property: "plan", test: { starts_with: "p" } } }, { not: { cohort: { cohort: "keen" } } }] } });
  expect(bodyOf(question, 24 * HOUR, "UTC")).toEqual({
    scope: { from_ms: 0, until_ms: 24 * HOUR, zone: "UTC" }, steps: [select("a"), select("b")], window_ms: 7 * 24 * HOUR, order: "strict", trend: "day",
    exclusions: [{ select: { activities: ["x"] }, after: 1, before: 2 }], breakdown: { property: "os", step: 2, attribution: "last_touch", top: 6 },
  });
  expect(bodyOf({ ...question, kind: "trend", running: "average7", breakdown: [], formulas: ["A / B"] }, 24 * HOUR, "UTC")).toMatchObject({ running: { average: 7 }, formulas: ["A / B"], series: [{ measures: [{ percentile: ["price", 0.5] }] }, {}] });
  expect(bodyOf({ ...question, kind: "retention", cohorts: ["keen"], isRecurring: true, isUnbounded: true }, 24 * HOUR, "UTC")).toMatchObject({ kind: "recurring", unbounded: true, cohorts: [{ name: "keen", cohort: { cohort: "keen" } }] });
});

test("groups and SQL are conditions as others", () => {
  const filters = [{ of: "group", group: "company", property: "", test: "is", value: "acme" }, { of: "group", group: "company", property: "plan", test: "set", value: "" }, { of: "sql", property: "amount > 10", test: "is", value: "" }, { of: "sql", property: " ", test: "is", value: "" }, { of: "group", group: "", property: "plan", test: "is", value: "" }];
  const question = readQuestion({ kind: "lifecycle", days: 1, steps: [{ activity: "a", filters }] });
  expect(readQuestion(JSON.parse(JSON.stringify(question)))).toEqual(question);
  expect(question.steps[0]?.filters[2]).toEqual(filters[2]);
  const all = [{ group: { group: "company", test: { is: ["acme"] } } }, { group: { group: "company", property: "plan", test: "set" } }, { sql: "amount > 10" }];
  expect(bodyOf(question, 24 * HOUR, "UTC")).toMatchObject({ select: { activities: ["a"], condition: { all } } });
});

describe("a span and its people", () => {
  test("may be two days of the calendar, in either order", () => {
    const { scope } = bodyOf(readQuestion({ days: 0, from: "2026-05-06", until: "2026-05-04" }), 0, "Europe/Berlin") as { scope: object };
    expect(scope).toEqual({ from_ms: Date.parse("2026-05-03T22:00:00Z"), until_ms: Date.parse("2026-05-06T22:00:00Z"), zone: "Europe/Berlin" });
  });
  test("are those who meet every row", () => {
    const who = [{ kind: "did", activity: "buy", times: 2 }, { kind: "did_not", activity: "review" }, { kind: "is", filter: { property: "plan", test: "is", value: "pro" } }];
    const { cohort } = bodyOf(readQuestion({ kind: "cohort", days: 1, who }), 24 * HOUR, "UTC") as { cohort: object };
    const span = { from_ms: 0, until_ms: 24 * HOUR };
    expect(cohort).toEqual({ all: [{ did: { select: { activities: ["buy"] }, ...span, at_least: 2 } }, { did: { select: { activities: ["review"] }, ...span, at_least: 0, at_most: 0 } }, { person: { property: "plan", test: { is: ["pro"] } } }] });
  });
  test("may have done it in the last days, whenever it is asked", () => {
    const { who } = readQuestion({ kind: "cohort", who: [{ kind: "did", activity: "buy", times: 2 }, { kind: "did_often", activity: "view", times: 3 }, { kind: "in", cohort: "keen" }] });
    const lately = (of: object) => ({ lately: { last: 14, unit: "day", zone: "Europe/Berlin", of } });
    expect(cohortOf(who, { days: 14 }, "Europe/Berlin")).toEqual({ all: [lately({ did: { select: { activities: ["buy"] }, at_least: 2 } }), lately({ did_often: { select: { activities: ["view"] }, bucket: "day", at_least: 3 } }), { cohort: "keen" }] });
  });
});

describe("midnight", () => {
  const at = (text: string) => Date.parse(text);
  test("is the zone's", () => {
    expect(midnight(at("2026-11-25T23:30:00Z"), 0, "Europe/Berlin")).toBe(at("2026-11-25T23:00:00Z"));
    expect(midnight(at("2026-11-25T23:30:00Z"), 1, "UTC")).toBe(at("2026-11-26T00:00:00Z"));
  });
  test("knows days of 23 and 25 hours", () => {
    for (const [day, hours] of [["2026-03-29T10:00:00Z", 23], ["2026-10-25T10:00:00Z", 25]] as const) {
      expect(midnight(at(day), 1, "Europe/Berlin") - midnight(at(day), 0, "Europe/Berlin")).toBe(hours * HOUR);
    }
  });
});
