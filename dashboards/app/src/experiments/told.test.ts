// The page says "better" and "worse" only where the whole interval says so, and warns first.

import { expect, test } from "vitest";
import { EMPTY } from "./draft";
import { absoluteInWords, cellOf, conclude, effectsOf, harmed, powerInWords, verdictOf, type Comparison, type Results } from "./told";

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

test("what is within chance among all comparisons is no verdict", () => {
  const among = (p_value_holm: number) => {
    const found = results({ low: 0.01, high: 0.07 });
    return { ...found, metrics: found.metrics.map((metric) => (metric.role === "guardrail" ? metric : { ...metric, comparisons: metric.comparisons.map((one) => ({ ...one, p_value_holm })) })) };
  };
  expect(conclude(among(0.04), experiment).tone).toBe("good");
  expect(conclude(among(0.2), experiment)).toMatchObject({ tone: "open", title: "Nothing is decided yet" });
  expect(effectsOf(among(0.2).metrics, experiment, "sequential").map(({ verdict }) => verdict)).toEqual([undefined, "better"]);
});

test("a guardrail that is a goal as well does harm as well", () => {
  const both = { ...experiment, guardrails: [{ metric: "bought", tolerance: 0.02, rolls_back: true }] };
  expect(harmed(results({ low: -0.09, high: -0.03 }), both)).toEqual(["bought of treatment"]);
});

test("a guardrail bears what it was told to bear", () => {
  expect(harmed(results({ low: -0.05, high: -0.01 }), experiment)).toEqual([]);
  expect(harmed(results({ low: -0.05, high: -0.03 }), experiment)).toEqual(["speed of treatment"]);
});

/** Control has none of it: there is no share, and the difference itself is judged. */
const ofNothing = (low: number, high: number): Results => {
  const told = results({ low: 0, high: 0 });
  const absolute = { estimate: (low + high) / 2, interval: { low, high }, p_value: 0.001 };
  for (const metric of told.metrics) metric.comparisons = [{ variation: "treatment", effect: null, interval: null, absolute, can_be_said: "said", cannot_be_said: "open" } as never];
  return told;
};

test("where control has none of it, the difference itself decides", () => {
  expect(conclude(ofNothing(0.25, 0.75), experiment)).toMatchObject({ tone: "good", title: "treatment is better: +0.5 a person bought" });
  expect(conclude(ofNothing(-0.25, 0.75), experiment).tone).toBe("open");
  expect(effectsOf(ofNothing(0.25, 0.75).metrics, experiment, "sequential")[0]).toMatchObject({ effect: null, instead: "+0.5 a person (+0.25 to +0.75)", verdict: "better" });
  expect(harmed(ofNothing(-0.03, -0.01), experiment)).toEqual(["speed of treatment"]);
  expect(absoluteInWords({ absolute: undefined } as never)).toBeUndefined();
});

test("what the plan wants to see, and how many people it still takes", () => {
  const told = (now: number, additional_people: number | null) => powerInWords({ power: { effect: 0.05, now, additional_people } } as Comparison);
  expect(told(0.412, 1200)).toBe("An effect of +5.0 %, as planned, would be seen now with a chance of 41 %; about 1,200 more people make it 80 %.");
  expect(told(0.93, 0)).toBe("An effect of +5.0 %, as planned, would be seen now with a chance of 93 %.");
  expect(told(0.1, null)).toContain("more people alone do not");
  expect(powerInWords({} as Comparison)).toBeUndefined();
});

test("a holdout is told in its own words", () => {
  const verdicts = { better: (_: string, size: string) => `What is new is worth it: ${size}`, worse: "What is new does harm" };
  expect(conclude(results({ low: 0.01, high: 0.07 }), { ...experiment, guardrails: [] }, verdicts).title).toBe("What is new is worth it: +4.0 % bought");
  expect(conclude(results({ low: -0.07, high: -0.01 }), { ...experiment, guardrails: [{ metric: "speed", tolerance: 1, rolls_back: false }] }, verdicts).title).toBe("What is new does harm");
});

test("numbers of a table are read by their column", () => {
  const cells: [number | string | null, string][] = [[0.0000000012, "p"], [0.0312, "p (Holm)"], [0.0012, "p (corrected)"], [0.0041, "expected loss"], [0.97, "chance to win"], [-0.04, "low"], [0.12345, "mean"], [1234.5678, "mean of control"], [12_345, "people"], [null, "effect"], ["sequential", "method"]];
  expect(cells.map(([value, name]) => cellOf(value, name))).toEqual(["< 0.0001", "0.0312", "0.0012", "0.41 %", "97.0 %", "−4.0 %", "0.123", "1,235", "12,345", "–", "sequential"]);
});
