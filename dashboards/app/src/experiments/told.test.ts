// The page says "better" and "worse" only where the whole interval says so, and warns first.

import { expect, test } from "vitest";
import { EMPTY } from "./draft";
import { conclude, harmed, verdictOf, type Results } from "./told";

const results = (interval: { low: number | null; high: number | null }, more: Partial<Results> = {}): Results => {
  const comparison = { variation: "treatment", effect: 0.04, interval, can_be_said: "said", cannot_be_said: "open" };
  const metric = (key: string, role: string) => ({ key, role, lower_is_better: false, arms: [], comparisons: [comparison] });
  return { sample_ratio: { is_off: false, reading: "fine", suspects: [] }, metrics: [metric("bought", "goal"), metric("speed", "guardrail")], ...more } as never;
};
const experiment = { ...EMPTY, goals: ["bought"], guardrails: [{ metric: "speed", tolerance: 0.02, rolls_back: false }] };

test("only a whole interval on one side is a verdict", () => {
  expect([verdictOf(0.01, 0.05, false), verdictOf(-0.01, 0.05, false), verdictOf(-0.05, -0.01, false), verdictOf(-0.05, -0.01, true), verdictOf(0.1, null, false), verdictOf(null, null, false)]).toEqual(["better", undefined, "worse", "better", "better", undefined]);
});

test("people that are off come first, then harm, then the goal", () => {
  expect(conclude(results({ low: 0.01, high: 0.07 }), experiment)).toMatchObject({ tone: "good", title: "treatment is better: +4.0 % bought" });
  expect(conclude(results({ low: -0.01, high: 0.07 }), experiment).tone).toBe("open");
  expect(conclude(results({ low: -0.09, high: -0.03 }), experiment).title).toContain("does harm");
  expect(conclude(results({ low: 0.01, high: 0.07 }, { sample_ratio: { is_off: true, reading: "off", suspects: [] } as never }), experiment)).toMatchObject({ tone: "bad", sentences: ["off"] });
});

test("a guardrail bears what it was told to bear", () => {
  expect(harmed(results({ low: -0.05, high: -0.01 }), experiment)).toEqual([]);
  expect(harmed(results({ low: -0.05, high: -0.03 }), experiment)).toEqual(["speed of treatment"]);
});
