// Questions that are kept come back as they were asked; what the page cannot say stays as it is.

import { expect, test } from "vitest";
import { savedInsight } from "../boards/insight";
import { isSame, questionOf } from "./kept";
import { readQuestion } from "./question";

const filter = (of: string, property: string, test: string, value = "", more = {}) => ({ of, property, test, value, ...more });
const FILTERS = [filter("activity", "plan", "is", "pro"), filter("person", "age", "at_least", "18"), filter("session", "rows", "above", "3"), filter("activity", "coupon", "not_set"), filter("cohort", "keen", "is_not"), filter("group", "", "is", "acme", { group: "company" }), filter("group", "size", "below", "9", { group: "company" }), filter("sql", "os = 'iOS'", "is")];
const WHO = [{ kind: "did", activity: "purchase", times: 3, filter: filter("activity", "method", "contains", "card") }, { kind: "did_not", activity: "review" }, { kind: "did_often", times: 4 }, { kind: "is", filter: filter("activity", "plan", "is", "pro") }, { kind: "in", cohort: "keen" }, { kind: "not_in", cohort: "staff" }];
const two = [{ activity: "browse", filters: FILTERS }, { activity: "purchase", isAny: true, filters: FILTERS.slice(0, 2) }];
const QUESTIONS: Record<string, unknown>[] = [
  { kind: "trend", steps: two, formulas: ["A / B"], running: "average7", previous: true, bucket: "week" },
  { kind: "trend", steps: [{ activity: "a", measure: "p90", property: "price" }, { activity: "", measure: "median_per_person" }, { measure: "sum_per_person", property: "price" }, { measure: "sum", property: "price" }, { measure: "median", property: "price" }, { measure: "sessions" }], running: "sum" },
  { kind: "trend", steps: two, who: WHO, breakdown: ["activity.os", "plan"], days: 90 },
  { kind: "trend", steps: [{ activity: "a", filters: [filter("cohort", "keen", "is")] }], cohorts: ["keen", "staff"] },
  { kind: "funnel", steps: two, windowDays: 3, order: "strict", exclusions: [{ activity: "cart", after: 1 }], breakdown: ["plan"], touch: "last_touch", touchStep: 2 },
  { kind: "funnel", steps: two, isOverTime: true, bucket: "week", who: WHO },
  { kind: "funnel", steps: two, order: "unordered", cohorts: ["keen"] },
  { kind: "retention", steps: two, isRecurring: true, isUnbounded: true, bucket: "week", breakdown: ["plan"] },
  { kind: "retention", steps: two, who: WHO.slice(0, 1) },
  { kind: "paths", steps: [{ activity: "browse" }], length: 6, shorter: true },
  { kind: "paths", anchor: "ending", steps: [{ activity: "" }] },
  { kind: "lifecycle", steps: [two[0]], bucket: "month" },
  { kind: "stickiness", steps: [two[0]], who: WHO },
  { kind: "sessions" },
  { kind: "sessions", sessionMeasure: "average_duration", bucket: "week" },
  { kind: "active_people", steps: [two[1]] },
  { kind: "distribution", steps: [two[0]], property: "price" },
  { kind: "distribution", steps: [two[0]], who: WHO },
  { kind: "time_between", steps: two, windowDays: 30 },
  { kind: "ranking", steps: [two[0]], by: "person" },
  { kind: "places", steps: [two[0]], resolution: 7 },
  { kind: "compare", steps: two, who: WHO.slice(0, 2), windowDays: 2 },
  { kind: "compare", steps: [two[0]], who: WHO, against: WHO.slice(1), compared: "sum", property: "price" },
  { kind: "compare", steps: [two[0]], who: WHO.slice(3), compared: "rows" },
];

test.each(QUESTIONS.map((given) => [`${given.kind} ${JSON.stringify(given).length}`, given] as const))("%s comes back", (_, given) => {
  const asked = readQuestion(given);
  const kept = savedInsight(asked);
  const found = questionOf(JSON.parse(JSON.stringify(kept)));
  expect(found).toBeDefined();
  expect(found && isSame(savedInsight(found).ask, kept.ask)).toBe(true);
  expect(found?.who.map(({ kind }) => kind)).toEqual(asked.who.map(({ kind }) => kind));
  expect(found?.days).toBe(asked.days);
});

test("what the page cannot say is not read", () => {
  const of = (insight: Record<string, unknown>, days = 30) => questionOf({ ask: { insight }, days });
  const series = [{ select: { activities: ["a"] }, measures: ["count"] }];
  expect(of({ question: "trend", bucket: "day", series, previous: false })).toBeDefined();
  expect(of({ series, bucket: "day", question: "trend" })?.steps[0]?.measure).toBe("count");
  expect(of({ question: "trend", bucket: "day", series: [{ select: { activities: ["a", "b"] }, measures: ["count"] }], previous: false })).toBeUndefined();
  expect(of({ question: "trend", bucket: "day", series: [{ select: { activities: ["a"] }, measures: ["count", "people"] }], previous: false })).toBeUndefined();
  expect(of({ question: "trend", bucket: "minute", series, previous: false })).toBeUndefined();
  expect(of({ question: "funnel", steps: [{ activities: ["a"] }], window_ms: 1000 })).toBeUndefined();
  expect(of({ question: "pie" })).toBeUndefined();
  expect(of({ question: "trend", bucket: "day", series, previous: false }, 4000)).toBeUndefined();
  expect(questionOf({ ask: { sql: "SELECT 1" } })).toBeUndefined();
});
