// Metrics as they are made by clicking: back and forth without a loss, and in words.

import { expect, test } from "vitest";
import type { Metric } from "../api/definitions";
import { capInWords, draftOf, inWords, metricOf, windowInWords } from "./metric_draft";

const rest = { window: { delay_hours: 0, hours: null }, cap: null, lower_is_better: false, minimum_sample: 0, owner: "", description: "" };
const source = { event: "purchase", filters: [{ property: "method", is: { one_of: ["card", "in, voice"] } }, { property: "amount", is: { at_least: 2.5 } }, { property: "coupon", is: { set: false } }] };
const plain = { event: "browse", filters: [] };
const METRICS: Metric[] = [
  { ...rest, measure: { conversion: { source } }, window: { delay_hours: 24, hours: 48 } },
  { ...rest, measure: { count: { source: { event: "a", filters: [{ property: "p", is: { none_of: ["x"] } }, { property: "q", is: { at_most: 0 } }, { property: "r", is: { set: true } }] } } }, cap: { at: 20 } },
  { ...rest, measure: { sum: { source, operand: "amount" } }, cap: { quantile: 0.99 }, owner: "Olga", description: "Money.", minimum_sample: 100, lower_is_better: true },
  { ...rest, measure: { mean: { source: plain, operand: { property: "price" } } } },
  { ...rest, measure: { unique: { source: plain, property: "product" } } },
  { ...rest, measure: { quantile: { source: plain, operand: { property: "ms" }, level: 0.9 } } },
  { ...rest, measure: { quantile: { source: plain, operand: { property: "ms" }, level: 0.5, of: "event" } } },
  { ...rest, measure: { retention: { source: plain, from_day: 7, to_day: 14 } } },
  { ...rest, measure: { ratio: { numerator: { sum: { source, operand: { property: "price" } } }, denominator: { count: { source: plain } } } } },
];

test.each(METRICS.map((metric) => [Object.keys(metric.measure)[0], metric] as const))("%s comes back", (_, metric) => {
  expect(metricOf(draftOf(metric))).toEqual(metric);
});

test("a cap goes with what can be capped", () => {
  expect(metricOf({ ...draftOf(METRICS[1] as Metric), kind: "conversion" }).cap).toBeNull();
  expect(metricOf({ ...draftOf(METRICS[1] as Metric), cap: undefined }).cap).toBeNull();
});

test("in words", () => {
  const told = METRICS.map(inWords);
  expect(told[0]).toBe("whether purchase (method is one of card, in, voice; amount is at least 2.5; coupon is not set) happened");
  expect(told[1]).toBe("how often a (p is not x; q is at most 0; r is set) happened");
  expect(told[4]).toBe("different values of product of browse");
  expect(told[6]).toBe("quantile 0.5 of ms of all browse");
  expect(told[8]).toContain("over times of browse");
  expect(windowInWords({ delay_hours: 24, hours: 48 })).toBe("from 1 d after exposure, for 2 d");
  expect(windowInWords({ delay_hours: 0, hours: null })).toBe("from exposure, until the phase ends");
  expect(METRICS.slice(0, 3).map(({ cap }) => capInWords(cap))).toEqual([undefined, "no person counts for more than 20", "values beyond the quantile 0.99 of all people are cut"]);
});
