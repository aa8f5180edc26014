// The map is offered where it shows what was asked, and not more.

import { expect, test } from "vitest";
import { readQuestion } from "../insights/question";
import { isOnMap, questionOf } from "./asked";

test("a question is on the map if the map can ask it", () => {
  const of = (more: object) => isOnMap(readQuestion({ kind: "places", steps: [{ activity: "purchase" }], days: 30, ...more }));
  expect([of({}), of({ days: 365 })]).toEqual([true, true]);
  expect(of({ days: 12 })).toBe(false);
  expect(of({ days: 0, from: "2026-05-01", until: "2026-05-04" })).toBe(false);
  expect(of({ steps: [{ activity: "purchase", filters: [{ of: "activity", property: "plan", test: "is", value: "pro" }] }] })).toBe(false);
  expect(of({ steps: [{ activity: "purchase", filters: [{ of: "activity", property: "", test: "is", value: "" }] }] })).toBe(true);
  expect(of({ who: [{ kind: "did", activity: "cart", times: 1 }] })).toBe(false);
  expect(isOnMap(questionOf({ days: 90, activity: "", resolution: 5 }))).toBe(true);
});
