// A question as the page has it: one flat shape, kept in the address, and the body that the API is asked with.

import type { Bucket } from "../parts/format";

export const KINDS = [["trend", "Trend"], ["funnel", "Funnel"], ["retention", "Retention"], ["paths", "Paths"], ["lifecycle", "Lifecycle"], ["stickiness", "Stickiness"], ["sessions", "Sessions"]] as const;
export type Kind = (typeof KINDS)[number][0];
export const MEASURES = [["people", "people"], ["count", "times"], ["sessions", "sessions"], ["count_per_person", "times per person"], ["sum", "sum of"], ["average", "average of"]] as const;
export type Measure = (typeof MEASURES)[number][0];
export const TESTS = [["is", "is"], ["is_not", "is not"], ["contains", "contains"], ["set", "is set"], ["not_set", "is not set"], ["above", "is above"], ["below", "is below"]] as const;
export type Test = (typeof TESTS)[number][0];

export interface Filter {
  property: string;
  test: Test;
  value: string;
}
export interface Step {
  /** Empty: any activity. */
  activity: string;
  filters: Filter[];
  measure: Measure;
  property: string;
}
export interface Question {
  kind: Kind;
  days: number;
  bucket: Bucket;
  steps: Step[];
  breakdown: string;
  previous: boolean;
  windowDays: number;
  isBefore: boolean;
  length: number;
}

const DAY = 86_400_000;
export const stepOf = (activity = ""): Step => ({ activity, filters: [], measure: "people", property: "" });

const oneOf = <T extends string>(value: unknown, options: readonly (readonly [T, string])[], otherwise: T): T => options.find(([key]) => key === value)?.[0] ?? otherwise;
const whole = (value: unknown, least: number, most: number, otherwise: number) => (Number.isInteger(value) && Number(value) >= least && Number(value) <= most ? Number(value) : otherwise);
const text = (value: unknown) => (typeof value === "string" ? value.slice(0, 500) : "");
const list = (value: unknown): Record<string, unknown>[] => (Array.isArray(value) ? value.filter((one) => typeof one === "object" && one !== null) : []);

/** Whatever an address holds, as a question; what is missing or wrong becomes the usual. */
export function readQuestion(value: unknown): Question {
  const given = (typeof value === "object" && value !== null ? value : {}) as Record<string, unknown>;
  const steps = list(given.steps).slice(0, 16).map((step) => ({
    activity: text(step.activity),
    measure: oneOf(step.measure, MEASURES, "people"),
    property: text(step.property),
    filters: list(step.filters).slice(0, 20).map((filter) => ({ property: text(filter.property), test: oneOf(filter.test, TESTS, "is"), value: text(filter.value) })),
  }));
  return {
    kind: oneOf(given.kind, KINDS, "trend"),
    days: whole(given.days, 1, 3650, 30),
    bucket: oneOf<Bucket>(given.bucket, [["hour", ""], ["day", ""], ["week", ""], ["month", ""]], "day"),
    steps: steps.length ? steps : [stepOf()],
    breakdown: text(given.breakdown),
    previous: given.previous === true,
    windowDays: whole(given.windowDays, 1, 365, 7),
    isBefore: given.isBefore === true,
    length: whole(given.length, 1, 8, 4),
  };
}

function conditionOf({ property, test, value }: Filter) {
  const asked = { is: { is: [value] }, is_not: { is_not: [value] }, contains: { contains: value }, set: "set", not_set: "not_set", above: { above: Number(value) }, below: { below: Number(value) } }[test];
  return { property: { property, test: asked } };
}

export function selectorOf({ activity, filters }: Step) {
  const conditions = filters.filter(({ property }) => property).map(conditionOf);
  return { activities: activity ? [activity] : [], ...(conditions.length && { condition: { all: conditions } }) };
}

const measureOf = ({ measure, property }: Step) => (measure === "sum" || measure === "average" ? { [measure]: property } : measure);

/** The body of `POST …/insights/{kind}`; whole days of the zone that end with today. */
export function bodyOf(question: Question, endOfToday: number, zone: string): object {
  const scope = { from_ms: startOf(question, endOfToday, zone), until_ms: endOfToday, zone };
  const [first = stepOf(), second = first] = question.steps;
  const { bucket } = question;
  switch (question.kind) {
    case "trend": {
      const series = question.steps.map((step) => ({ select: selectorOf(step), measures: [measureOf(step)] }));
      return { scope, bucket, series, previous: question.previous, ...(question.breakdown && { breakdown: { properties: [question.breakdown], top: 6 } }) };
    }
    case "funnel": {
      const breakdown = question.breakdown && { breakdown: { property: question.breakdown, step: 1, attribution: "first_touch" } };
      return { scope, steps: question.steps.map(selectorOf), window_ms: question.windowDays * DAY, ...breakdown };
    }
    case "retention":
      return { scope, bucket, kind: "first_time", start: selectorOf(first), returning: selectorOf(second) };
    case "paths":
      return { scope, anchor: question.isBefore ? { before: first.activity } : { after: first.activity }, length: question.length, gap_ms: 1_800_000, top: 20 };
    case "sessions":
      return { scope, bucket };
    default:
      return { scope, bucket, select: selectorOf(first) };
  }
}

/** Midnight that ends today in a zone, and the one that begins a day so many before: a day may have 23 or 25 hours. */
export function midnight(now: number, days: number, zone: string): number {
  const [year = 0, month = 1, day = 1] = new Intl.DateTimeFormat("en-CA", { timeZone: zone }).format(now).split("-").map(Number);
  const wanted = Date.UTC(year, month - 1, day + days);
  const offset = (at: number) => {
    const parts = Object.fromEntries(new Intl.DateTimeFormat("en-GB", { timeZone: zone, hourCycle: "h23", dateStyle: "short", timeStyle: "medium" }).formatToParts(at).map(({ type, value }) => [type, Number(value)]));
    return Date.UTC(parts.year ?? 0, (parts.month ?? 1) - 1, parts.day, parts.hour, parts.minute, parts.second) - at;
  };
  const guess = wanted - offset(wanted);
  return wanted - offset(guess);
}

export const startOf = (question: Question, endOfToday: number, zone: string) => midnight(endOfToday - 1, 1 - question.days, zone);
