// A fixed horizon concludes nothing before its end.

import { expect, test } from "vitest";
import type { Experiment } from "../api/definitions";
import { untilPlanned } from "./horizon";
import { conclude, type Results } from "./told";

const of = (method: string, days: number | null) => ({ analysis: { method, alpha: 0.05 }, plan: days === null ? null : { days }, guardrails: [] }) as unknown as Experiment;
const span = (days: number) => ({ from: "2026-05-01T00:00:00Z", until: new Date(Date.parse("2026-05-01T00:00:00Z") + days * 86_400_000).toISOString() });

test("until the planned days are over it is only told which day it is", () => {
  expect(untilPlanned(span(2.5), of("fixed_horizon", 14))?.title).toBe("Planned for 14 days, this is day 3");
  expect(untilPlanned(span(14), of("fixed_horizon", 14))).toBeUndefined();
  expect(untilPlanned(span(2.5), of("sequential", 14))).toBeUndefined();
  expect(untilPlanned(span(2.5), of("fixed_horizon", null))).toBeUndefined();
});

test("a winner of the third day is none, and one of the last day is", () => {
  const comparison = { variation: "b", effect: 0.2, interval: { low: 0.1, high: 0.3 }, can_be_said: "b is better.", cannot_be_said: "" };
  const results = (days: number) => ({ ...span(days), sample_ratio: { is_off: false }, metrics: [{ key: "buy", role: "goal", lower_is_better: false, comparisons: [comparison] }] }) as unknown as Results;
  expect(conclude(results(3), of("fixed_horizon", 14))).toMatchObject({ tone: "open", title: "Planned for 14 days, this is day 4" });
  expect(conclude(results(14), of("fixed_horizon", 14)).tone).toBe("good");
  expect(conclude(results(3), of("sequential", 14)).tone).toBe("good");
});
