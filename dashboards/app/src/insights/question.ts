// A question as the page has it: one flat shape, kept in the address, and the body that the API is asked with.

import type { Bucket } from "../parts/format";

export const KINDS = [["trend", "Trend"], ["funnel", "Funnel"], ["retention", "Retention"], ["paths", "Paths"], ["lifecycle", "Lifecycle"], ["stickiness", "Stickiness"], ["sessions", "Sessions"], ["active_people", "Active people"], ["distribution", "Distribution"], ["time_between", "Time between"], ["ranking", "Ranking"], ["cohort", "Cohort"]] as const;
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
/** People who did something, did not, or are something. */
export interface Who {
  kind: "did" | "did_not" | "is";
  activity: string;
  times: number;
  filter: Filter;
}
export const WHOS = [["did", "did"], ["did_not", "did not do"], ["is", "are"]] as const;
export interface Question {
  kind: Kind;
  /** 0: from `from` to `until`, days as 2026-05-04, both included. */
  days: number;
  from: string;
  until: string;
  bucket: Bucket;
  steps: Step[];
  breakdown: string;
  previous: boolean;
  windowDays: number;
  isBefore: boolean;
  length: number;
  /** The number of a distribution; without it times per person. */
  property: string;
  by: "activity" | "person";
  /** Only people who meet all of this. */
  who: Who[];
}

export const stepOf = (activity = ""): Step => ({ activity, filters: [], measure: "people", property: "" });

const oneOf = <T extends string>(value: unknown, options: readonly (readonly [T, string])[], otherwise: T): T => options.find(([key]) => key === value)?.[0] ?? otherwise;
const whole = (value: unknown, least: number, most: number, otherwise: number) => (Number.isInteger(value) && Number(value) >= least && Number(value) <= most ? Number(value) : otherwise);
const text = (value: unknown) => (typeof value === "string" ? value.slice(0, 500) : "");
const list = (value: unknown): Record<string, unknown>[] => (Array.isArray(value) ? value.filter((one) => typeof one === "object" && one !== null) : []);

const isDay = (value: unknown): value is string => typeof value === "string" && /^\d{4}-\d\d-\d\d$/.test(value) && !Number.isNaN(Date.parse(value));

/** Whatever an address holds, as a question; what is missing or wrong becomes the usual. */
export function readQuestion(value: unknown): Question {
  const given = (typeof value === "object" && value !== null ? value : {}) as Record<string, unknown>;
  const steps = list(given.steps).slice(0, 16).map((step) => ({
    activity: text(step.activity),
    measure: oneOf(step.measure, MEASURES, "people"),
    property: text(step.property),
    filters: list(step.filters).slice(0, 20).map(filterOf),
  }));
  return {
    kind: oneOf(given.kind, KINDS, "trend"),
    days: isDay(given.from) && isDay(given.until) ? whole(given.days, 0, 3650, 30) : whole(given.days, 1, 3650, 30),
    from: isDay(given.from) ? given.from : "",
    until: isDay(given.until) ? given.until : "",
    bucket: oneOf<Bucket>(given.bucket, [["hour", ""], ["day", ""], ["week", ""], ["month", ""]], "day"),
    steps: steps.length ? steps : [stepOf()],
    breakdown: text(given.breakdown),
    previous: given.previous === true,
    windowDays: whole(given.windowDays, 1, 365, 7),
    isBefore: given.isBefore === true,
    length: whole(given.length, 1, 8, 4),
    property: text(given.property),
    by: given.by === "person" ? "person" : "activity",
    who: list(given.who).slice(0, 10).map((one) => ({ kind: oneOf(one.kind, WHOS, "did"), activity: text(one.activity), times: whole(one.times, 1, 1_000_000, 1), filter: filterOf(one.filter) })),
  };
}

function filterOf(value: unknown): Filter {
  const given = (typeof value === "object" && value !== null ? value : {}) as Record<string, unknown>;
  return { property: text(given.property), test: oneOf(given.test, TESTS, "is"), value: text(given.value) };
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

/** The span that is asked about, whole days of the zone. */
export function spanOf(question: Question, endOfToday: number, zone: string): [number, number] {
  if (question.days > 0) return [startOf(question, endOfToday, zone), endOfToday];
  const noon = (day: string) => Date.parse(`${day}T12:00:00Z`);
  const [from, until] = [question.from, question.until].sort();
  return [midnight(noon(from ?? ""), 0, zone), midnight(noon(until ?? ""), 1, zone)];
}

export { bodyOf, selectorOf } from "./body";
