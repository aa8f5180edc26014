// A question as the page has it: one flat shape, kept in the address. What the API is asked with is made of it in body.ts.

import type { Bucket } from "../parts/format";

export const KINDS = [["trend", "Trend"], ["funnel", "Funnel"], ["retention", "Retention"], ["paths", "Paths"], ["lifecycle", "Lifecycle"], ["stickiness", "Stickiness"], ["sessions", "Sessions"], ["active_people", "Active people"], ["distribution", "Distribution"], ["time_between", "Time between"], ["ranking", "Ranking"], ["correlation", "Correlation"], ["compare", "Compare"], ["places", "Places"], ["cohort", "Cohort"]] as const;
export type Kind = (typeof KINDS)[number][0];
export const MEASURES = [["people", "people"], ["count", "times"], ["new_people", "new people"], ["sessions", "sessions"], ["count_per_person", "times per person"], ["median_per_person", "median times per person"], ["sum", "sum of"], ["average", "average of"], ["minimum", "minimum of"], ["median", "median of"], ["p90", "90th percentile of"], ["maximum", "maximum of"], ["sum_per_person", "average sum per person of"]] as const;
export type Measure = (typeof MEASURES)[number][0];
export const WITH_NUMBER: readonly Measure[] = ["sum", "average", "minimum", "median", "p90", "maximum", "sum_per_person"];
export const TESTS = [["is", "is"], ["is_not", "is not"], ["contains", "contains"], ["not_contains", "does not contain"], ["starts_with", "begins with"], ["ends_with", "ends with"], ["regex", "matches"], ["set", "is set"], ["not_set", "is not set"], ["above", "is above"], ["at_least", "is at least"], ["below", "is below"], ["at_most", "is at most"], ["before", "is before"], ["since", "is since"], ["is_true", "is true"], ["is_false", "is false"]] as const;
export type Test = (typeof TESTS)[number][0];
export const WITHOUT_VALUE: readonly Test[] = ["set", "not_set", "is_true", "is_false"];
/** What a filter looks at. */
export const OFS = [["activity", "with"], ["person", "by people with"], ["session", "in sessions with"], ["cohort", "by people of the cohort"], ["group", "by the group"], ["sql", "where SQL says"]] as const;
export type Of = (typeof OFS)[number][0];

export interface Filter {
  of: Of;
  /** The key of a saved cohort or an expression of SQL where these are looked at; of a group nothing, for its key. */
  property: string;
  /** The type of a group. */
  group?: string;
  test: Test;
  value: string;
}
export interface Step {
  /** Empty: any activity. */
  activity: string;
  filters: Filter[];
  /** One of the filters is enough. */
  isAny: boolean;
  measure: Measure;
  property: string;
}
/** What ends an attempt between two steps of a funnel. */
export interface Exclusion {
  activity: string;
  filters: Filter[];
  after: number;
}
export const WHOS = [["did", "did"], ["did_not", "did not do"], ["did_often", "did on different days"], ["is", "are"], ["in", "are in the cohort"], ["not_in", "are not in the cohort"]] as const;
/** People who did something, did not, are something, or are in a saved cohort. */
export interface Who {
  kind: (typeof WHOS)[number][0];
  activity: string;
  times: number;
  filter: Filter;
  cohort: string;
}
export const ORDERS = [["ordered", "in this order"], ["strict", "nothing between"], ["unordered", "in any order"]] as const;
export const TOUCHES = [["first_touch", "first"], ["last_touch", "last"]] as const;
export const SESSION_MEASURES = [["sessions", "how many"], ["average_duration", "average length"], ["bounce_rate", "bounce rate"], ["average_rows", "average activities"]] as const;
export type SessionMeasure = (typeof SESSION_MEASURES)[number][0];
export const RUNNINGS = [["each", "as is"], ["sum", "running total"], ["average3", "average of 3"], ["average7", "average of 7"], ["average28", "average of 28"]] as const;
export const ANCHORS = [["after", "after"], ["before", "before"], ["beginning", "from the beginning"], ["ending", "to the end"]] as const;
export const COMPARED = [["converts", "how many convert"], ["rows", "times per person"], ["sum", "sum per person of"]] as const;

export interface Question {
  kind: Kind;
  /** 0: from `from` to `until`, days as 2026-05-04, both included. */
  days: number;
  from: string;
  until: string;
  bucket: Bucket;
  steps: Step[];
  /** Properties that divide the answer; of funnels and retention the first. */
  breakdown: string[];
  /** Saved cohorts that divide the answer, by key. */
  cohorts: string[];
  previous: boolean;
  formulas: string[];
  running: (typeof RUNNINGS)[number][0];
  sessionMeasure: SessionMeasure;
  windowDays: number;
  order: (typeof ORDERS)[number][0];
  exclusions: Exclusion[];
  touch: (typeof TOUCHES)[number][0];
  /** The step whose row has the value of the breakdown, from 1. */
  touchStep: number;
  isOverTime: boolean;
  isRecurring: boolean;
  isUnbounded: boolean;
  anchor: (typeof ANCHORS)[number][0];
  length: number;
  shorter: boolean;
  /** The number of a distribution or comparison; without it times per person. */
  property: string;
  by: "activity" | "person";
  /** What may go with converting. */
  factors: string[];
  traits: string[];
  compared: (typeof COMPARED)[number][0];
  /** The second group of a comparison; the first is `who`. Nothing: everybody else. */
  against: Who[];
  resolution: number;
  /** Only people who meet all of this. */
  who: Who[];
}

/** It says something: what it looks at, and a value where its test has one. */
export const isFilled = ({ of, property, group, test, value }: Filter) => {
  if (of === "cohort" || of === "sql") return property.trim() !== "";
  return (of === "group" ? !!group : property.trim() !== "") && (WITHOUT_VALUE.includes(test) || value.trim() !== "");
};
export const NO_FILTER: Filter = { of: "activity", property: "", test: "is", value: "" };
export const stepOf = (activity = ""): Step => ({ activity, filters: [], isAny: false, measure: "people", property: "" });
export const whoOf = (kind: Who["kind"]): Who => ({ kind, activity: "", times: 1, filter: NO_FILTER, cohort: "" });

const oneOf = <T extends string>(value: unknown, options: readonly (readonly [T, string])[], otherwise: T): T => options.find(([key]) => key === value)?.[0] ?? otherwise;
const whole = (value: unknown, least: number, most: number, otherwise: number) => (Number.isInteger(value) && Number(value) >= least && Number(value) <= most ? Number(value) : otherwise);
const text = (value: unknown) => (typeof value === "string" ? value.slice(0, 500) : "");
const list = (value: unknown): Record<string, unknown>[] => (Array.isArray(value) ? value.filter((one) => typeof one === "object" && one !== null) : []);
/** Addresses of before had one text where there are several now. */
const texts = (value: unknown, most: number) => (Array.isArray(value) ? value : [value]).map(text).filter(Boolean).slice(0, most);
const isDay = (value: unknown): value is string => typeof value === "string" && /^\d{4}-\d\d-\d\d$/.test(value) && !Number.isNaN(Date.parse(value));

/** Whatever an address holds, as a question; what is missing or wrong becomes the usual. */
export function readQuestion(value: unknown): Question {
  const given = (typeof value === "object" && value !== null ? value : {}) as Record<string, unknown>;
  const steps = list(given.steps).slice(0, 16).map((step) => ({
    activity: text(step.activity),
    measure: oneOf(step.measure, MEASURES, "people"),
    property: text(step.property),
    isAny: step.isAny === true,
    filters: list(step.filters).slice(0, 20).map(filterOf),
  }));
  return {
    kind: oneOf(given.kind, KINDS, "trend"),
    days: isDay(given.from) && isDay(given.until) ? whole(given.days, 0, 3650, 30) : whole(given.days, 1, 3650, 30),
    from: isDay(given.from) ? given.from : "",
    until: isDay(given.until) ? given.until : "",
    bucket: oneOf<Bucket>(given.bucket, [["hour", ""], ["day", ""], ["week", ""], ["month", ""]], "day"),
    steps: steps.length ? steps : [stepOf()],
    breakdown: texts(given.breakdown, 3),
    cohorts: texts(given.cohorts, 20),
    previous: given.previous === true,
    formulas: texts(given.formulas, 20),
    running: oneOf(given.running, RUNNINGS, "each"),
    sessionMeasure: oneOf(given.sessionMeasure, SESSION_MEASURES, "sessions"),
    windowDays: whole(given.windowDays, 1, 365, 7),
    order: oneOf(given.order, ORDERS, "ordered"),
    exclusions: list(given.exclusions).slice(0, 16).map((one) => ({ activity: text(one.activity), filters: list(one.filters).slice(0, 20).map(filterOf), after: whole(one.after, 1, 15, 1) })),
    touch: oneOf(given.touch, TOUCHES, "first_touch"),
    touchStep: whole(given.touchStep, 1, 16, 1),
    isOverTime: given.isOverTime === true,
    isRecurring: given.isRecurring === true,
    isUnbounded: given.isUnbounded === true,
    anchor: given.isBefore === true ? "before" : oneOf(given.anchor, ANCHORS, "after"),
    length: whole(given.length, 1, 8, 4),
    shorter: given.shorter === true,
    property: text(given.property),
    by: given.by === "person" ? "person" : "activity",
    factors: texts(given.factors, 20),
    traits: texts(given.traits, 20),
    compared: oneOf(given.compared, COMPARED, "converts"),
    against: list(given.against).slice(0, 10).map(readWho),
    resolution: whole(given.resolution, 0, 15, 5),
    who: list(given.who).slice(0, 10).map(readWho),
  };
}

const readWho = (one: Record<string, unknown>): Who => ({ kind: oneOf(one.kind, WHOS, "did"), activity: text(one.activity), times: whole(one.times, 1, 1_000_000, 1), filter: filterOf(one.filter), cohort: text(one.cohort) });

function filterOf(value: unknown): Filter {
  const given = (typeof value === "object" && value !== null ? value : {}) as Record<string, unknown>;
  const of = oneOf(given.of, OFS, "activity");
  return { of, property: text(given.property), ...(of === "group" && { group: text(given.group) }), test: oneOf(given.test, TESTS, "is"), value: text(given.value) };
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

/** Why it cannot be asked yet. */
export function lackOf({ kind, anchor, steps, who, compared, property }: Question): string | undefined {
  const lacking = kind === "trend" && steps.find(({ measure, property }) => WITH_NUMBER.includes(measure) && !property.trim());
  if (lacking) return `Choose the number of “${MEASURES.find(([key]) => key === lacking.measure)?.[1] ?? ""}”.`;
  if (kind === "compare" && compared === "sum" && !property.trim()) return "Choose the number that is summed.";
  if (kind === "paths" && (anchor === "after" || anchor === "before") && !steps[0]?.activity) return "Choose the activity that the paths lead from or to.";
  if (kind === "cohort" && who.length === 0) return "Say who belongs to the group.";
  if (kind === "compare" && who.length === 0) return "Say who belongs to the first group.";
  if (kind === "correlation" && steps.length < 2) return "A funnel has two steps or more.";
  return undefined;
}

export { bodyOf, selectorOf } from "./body";
