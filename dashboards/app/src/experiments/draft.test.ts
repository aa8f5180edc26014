// Faults are shown at their step; what is incomplete is said before the server is asked.

import { expect, test } from "vitest";
import { EMPTY, baselineOf, evened, missing, stepOf, sumOf } from "./draft";

test("each fault has its step", () => {
  expect(["/key", "/definition/variations/1/weight", "/definition/condition/country/$in", "/definition/goals/0", "/definition/plan/days", "/definition/redirects/pages/0/pattern", "/definition/sticky/min_bucket_version", "/elsewhere"].map(stepOf)).toEqual(["idea", "variations", "who", "metrics", "plan", "variations", "who", undefined]);
});

test("what is missing is said at its step", () => {
  expect(Object.keys(missing(EMPTY, ""))).toEqual(["idea", "metrics"]);
  const whole = { ...EMPTY, hypothesis: "h", owner: "o", goals: ["bought"] };
  expect(missing(whole, "checkout")).toEqual({});
  expect(missing({ ...whole, variations: whole.variations.map((one) => ({ ...one, weight: 0.4 })) }, "checkout").variations).toContain("100 %");
});

test("equal weights sum to one", () => {
  for (const count of [2, 3, 7, 11]) {
    const variations = evened(Array.from({ length: count }, (_, index) => ({ key: `v${index}`, weight: 0, name: "", description: "" })));
    expect(Math.abs(sumOf(variations) - 1)).toBeLessThan(1e-6);
  }
});

test("a baseline binds what a person has typed", () => {
  const measure = { conversion: { source: { event: "it's", filters: [] } } };
  const asked = baselineOf({ measure } as never);
  expect(asked?.params).toEqual({ p0: "it's" });
  expect(asked?.sql).not.toContain("it's");
});
