// The body that the API is asked with: `POST …/insights/{kind}` (docs/insights).

import { WITH_NUMBER, isFilled, spanOf, stepOf, type Filter, type Question, type Step, type Who } from "./question";

const DAY = 86_400_000;
/** Edges of a histogram: ten a power of ten would be many, three are enough to see a shape. */
const EDGES = [1, 2, 3, 5, 10, 20, 30, 50, 100, 200, 300, 500, 1000, 2000, 5000, 10_000];
const RANKS = [0, 0.1, 0.25, 0.5, 0.75, 0.9, 1];
const TOP = 6;

function testOf({ test, value }: Filter): unknown {
  switch (test) {
    case "set": case "not_set": case "is_true": case "is_false": return test;
    case "is": case "is_not": return { [test]: [value] };
    case "above": case "at_least": case "below": case "at_most": return { [test]: Number(value) };
    default: return { [test]: value };
  }
}

function conditionOf(filter: Filter): object {
  const comparison = { property: filter.property, test: testOf(filter) };
  switch (filter.of) {
    case "activity": return { property: comparison };
    case "person": return { person: comparison };
    case "session": return { session: comparison };
    case "group": return { group: { group: filter.group, ...(filter.property && { property: filter.property }), test: testOf(filter) } };
    case "sql": return { sql: filter.property };
    case "cohort": return filter.test === "is_not" ? { not: { cohort: { cohort: filter.property } } } : { cohort: { cohort: filter.property } };
  }
}

export function selectorOf({ activity, filters, isAny = false }: Pick<Step, "activity" | "filters"> & { isAny?: boolean }) {
  const conditions = filters.filter(isFilled).map(conditionOf);
  return { activities: activity ? [activity] : [], ...(conditions.length && { condition: isAny ? { any: conditions } : { all: conditions } }) };
}

function measureOf({ measure, property }: Step): unknown {
  switch (measure) {
    case "median": return { percentile: [property, 0.5] };
    case "p90": return { percentile: [property, 0.9] };
    case "median_per_person": return { per_person: { value: "rows", statistic: { percentile: 0.5 } } };
    case "sum_per_person": return { per_person: { value: { sum: property }, statistic: "average" } };
    default: return WITH_NUMBER.includes(measure) ? { [measure]: property } : measure;
  }
}

/** When people did something: a span, or the last days before it is asked, today included. */
export type When = [number, number] | { days: number };

/** A group of people; undefined for everybody. What is not filled in yet says nothing. */
export function cohortOf(who: Who[], when: When, zone = "UTC"): object | undefined {
  const doing = (name: string, what: object, cut?: object) => Array.isArray(when)
    ? { [name]: { ...what, from_ms: when[0], until_ms: when[1], ...cut } }
    : { lately: { last: when.days, unit: "day", zone, of: { [name]: what } } };
  const parts = who.flatMap(({ kind, activity, times, filter, cohort }): object[] => {
    const select = selectorOf({ activity, filters: filter.property ? [{ ...filter, of: "activity" }] : [] });
    switch (kind) {
      case "is": return filter.property ? [{ person: { property: filter.property, test: testOf(filter) } }] : [];
      case "in": return cohort ? [{ cohort }] : [];
      case "not_in": return cohort ? [{ not: { cohort } }] : [];
      case "did": return [doing("did", { select, at_least: times })];
      case "did_not": return [doing("did", { select, at_least: 0, at_most: 0 })];
      case "did_often": return [doing("did_often", { select, bucket: "day", at_least: times }, { zone })];
    }
  });
  return parts.length ? { all: parts } : undefined;
}

function runningOf({ running }: Question): object {
  if (running === "each") return {};
  return { running: running === "sum" ? "sum" : { average: Number(running.slice("average".length)) } };
}

/** A funnel without its time: of the question of that name, and within others. */
const stepsOf = ({ steps, windowDays }: Question) => ({ steps: steps.map((step) => selectorOf(step)), window_ms: windowDays * DAY });

function funnelOf(question: Question): object {
  const { order, exclusions, breakdown: [property], touch, touchStep, steps, isOverTime, bucket } = question;
  const excluded = exclusions.filter(({ activity, filters }) => activity || filters.some(isFilled)).map(({ activity, filters, after }) => ({ select: selectorOf({ activity, filters }), after: Math.min(after, steps.length - 1), before: Math.min(after, steps.length - 1) + 1 }));
  return {
    ...stepsOf(question), ...(order !== "ordered" && { order }), ...(excluded.length > 0 && order !== "unordered" && steps.length > 1 && { exclusions: excluded }),
    ...(property && { breakdown: { property, step: Math.min(touchStep, steps.length), attribution: touch, top: TOP } }), ...(isOverTime && order !== "unordered" && { trend: bucket }),
  };
}

/** Whole days of the zone; the usual span ends with today. */
export function bodyOf(question: Question, endOfToday: number, zone: string): Record<string, unknown> {
  const span = spanOf(question, endOfToday, zone);
  const people = cohortOf(question.who, span, zone);
  const everybody = { from_ms: span[0], until_ms: span[1], zone };
  const scope = { ...everybody, ...(people && { people }) };
  const [first = stepOf(), second = first] = question.steps;
  const { bucket, breakdown } = question;
  const named = question.cohorts.map((cohort) => ({ name: cohort, cohort: { cohort } }));
  const parts = named.length ? { cohorts: named } : breakdown.length ? { breakdown: { properties: breakdown, top: TOP } } : {};
  switch (question.kind) {
    case "trend": {
      const series = question.steps.map((step) => ({ select: selectorOf(step), measures: [measureOf(step)] }));
      const isWhole = named.length === 0 && breakdown.length === 0;
      return { scope, bucket, series, previous: question.previous, ...parts, ...(isWhole && question.formulas.length > 0 && { formulas: question.formulas }), ...runningOf(question) };
    }
    case "funnel":
      return named.length ? { scope, ...funnelOf({ ...question, breakdown: [] }), cohorts: named } : { scope, ...funnelOf(question) };
    case "retention":
      return { scope, bucket, kind: question.isRecurring ? "recurring" : "first_time", start: selectorOf(first), returning: selectorOf(second), ...(question.isUnbounded && { unbounded: true }), ...(named.length ? parts : breakdown[0] && { breakdown: { properties: [breakdown[0]], top: TOP } }) };
    case "paths": {
      const { anchor } = question;
      return { scope, anchor: anchor === "after" || anchor === "before" ? { [anchor]: first.activity } : anchor, length: question.length, gap_ms: 1_800_000, top: 20, ...(question.shorter && { shorter: true }) };
    }
    case "sessions":
      return { scope, bucket, ...(question.sessionMeasure !== "sessions" && { measure: question.sessionMeasure }) };
    case "active_people":
      return { scope, select: selectorOf(first) };
    case "distribution":
      return { scope, select: selectorOf(first), of: question.property ? { property: question.property } : "rows_per_person", edges: EDGES, ranks: RANKS };
    case "time_between":
      return { scope, from: selectorOf(first), to: selectorOf(second), window_ms: question.windowDays * DAY, ranks: RANKS };
    case "ranking":
      return { scope, select: selectorOf(first), by: question.by, top: 50 };
    case "correlation":
      return { funnel: { scope, ...stepsOf(question), ...(question.order === "strict" && { order: "strict" }) }, properties: question.factors, person_properties: question.traits };
    case "compare": {
      const group = people ?? { all: [] };
      const other = cohortOf(question.against, span, zone);
      const segments = [{ name: "The first group", cohort: group }, other ? { name: "The second group", cohort: other } : { name: "Everybody else", cohort: { not: group } }];
      const of = { converts: { converts: stepsOf(question) }, rows: { rows_per_person: selectorOf(first) }, sum: { sum_per_person: { select: selectorOf(first), property: question.property } } }[question.compared];
      return { scope: everybody, segments, of };
    }
    case "places":
      return { scope, select: selectorOf(first), resolution: question.resolution, latitude: "activity.latitude", longitude: "activity.longitude", top: 500 };
    case "cohort":
      return { cohort: people ?? { all: [] }, list: 200 };
    default:
      return { scope, bucket, select: selectorOf(first) };
  }
}
