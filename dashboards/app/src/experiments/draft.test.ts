// Faults are shown at their step; what is incomplete is said before the server is asked.

import { expect, test } from "vitest";
import type { Experiment } from "../api/definitions";
import { environmentOf } from "./compared";
import { EMPTY, baselineOf, choicesOf, countedIn, evened, judgedIn, missing, savedInWords, stepOf, sumOf } from "./draft";

test("each fault has its step", () => {
  expect(["/key", "/definition/variations/1/weight", "/definition/condition/country/$in", "/definition/goals/0", "/definition/plan/days", "/definition/redirects/pages/0/pattern", "/definition/sticky/min_bucket_version", "/definition/analysis/environment", "/definition/analysis/alpha", "/elsewhere"].map(stepOf)).toEqual(["idea", "variations", "who", "metrics", "plan", "variations", "who", "who", "metrics", undefined]);
});

test("what is missing is said at its step", () => {
  expect(Object.keys(missing(EMPTY, ""))).toEqual(["idea", "metrics"]);
  const whole = { ...EMPTY, hypothesis: "h", owner: "o", goals: ["bought"] };
  expect(missing(whole, "checkout")).toEqual({});
  expect(["-checkout", "check out", "a".repeat(101)].map((key) => Object.keys(missing(whole, key)))).toEqual([["idea"], ["idea"], ["idea"]]);
  expect(missing({ ...whole, variations: whole.variations.map((one) => ({ ...one, weight: 0.4 })) }, "checkout").variations).toContain("100 %");
  const plan = { baseline_mean: 0.1, baseline_variance: 0.09, users_per_day: 0, days: 14, minimum_effect: 0.05, accepts_low_power: false };
  expect(missing({ ...whole, plan }, "checkout").plan).toContain("is not kept");
  expect(missing({ ...whole, plan: { ...plan, users_per_day: 1 } }, "checkout")).toEqual({});
});

test("the environment goes there and back, and production names none", () => {
  const kept = (draft: Experiment): Experiment => JSON.parse(JSON.stringify(draft));
  const there = { ...EMPTY, ...judgedIn(EMPTY, "staging") };
  expect([environmentOf(EMPTY), environmentOf(there), kept(there).analysis.environment]).toEqual(["production", "staging", "staging"]);
  // Nothing else of the analysis is another, and what was chosen back is nothing unsaved.
  expect({ ...there.analysis, environment: undefined }).toEqual({ ...EMPTY.analysis, environment: undefined });
  expect(JSON.stringify({ ...there, ...judgedIn(there, "production") })).toBe(JSON.stringify(EMPTY));
  const saved = kept({ ...EMPTY, analysis: { ...EMPTY.analysis, environment: "staging", post_stratifies: false } });
  const back = { ...saved, ...judgedIn({ ...saved, ...judgedIn(saved, "production") }, "staging") };
  expect(JSON.stringify(back)).toBe(JSON.stringify(saved));
});

test("environments are chosen among those of the project, and one that has gone is said", () => {
  const there = { ...EMPTY, ...judgedIn(EMPTY, "staging"), hypothesis: "h", owner: "o", goals: ["bought"] };
  expect([choicesOf(EMPTY, ["production"]), choicesOf(EMPTY, ["production", "staging"]), choicesOf(there, ["production"])]).toEqual([[], ["production", "staging"], ["production", "staging"]]);
  expect([countedIn(EMPTY, ["production"]), countedIn(EMPTY, ["production", "staging"]), countedIn(there, ["production"])]).toEqual([undefined, "production", "staging"]);
  expect(missing(there, "checkout", ["production"]).who).toContain("“staging”");
  expect([missing(there, "checkout", ["production", "staging"]), missing(there, "checkout")]).toEqual([{}, {}]);
});

test("the form says when what is saved holds", () => {
  expect(savedInWords()).toBe(savedInWords("draft"));
  expect(savedInWords("in_review")).toContain("It is in review: once a change is saved it is a draft again");
  expect(savedInWords("approved")).toContain("needs a review again");
  expect(savedInWords("running")).toContain("holds at once");
  expect(savedInWords("stopped")).toContain("from a new phase on");
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

test("a baseline is of the environment that counts", () => {
  const measure = { conversion: { source: { event: "purchase", filters: [] } } };
  const asked = baselineOf({ measure } as never, "staging");
  expect(asked?.sql).toContain("AND coalesce(properties->>'$environment', 'production') = $p1 GROUP BY");
  expect(asked?.params).toEqual({ p0: "purchase", p1: "staging" });
  expect(baselineOf({ measure } as never)?.sql).not.toContain("coalesce(properties");
});
