// The body that the API is asked with: `POST …/insights/{kind}` (docs/insights).

import { spanOf, stepOf, type Filter, type Question, type Step, type Who } from "./question";

const DAY = 86_400_000;
/** Edges of a histogram: ten a power of ten would be many, three are enough to see a shape. */
const EDGES = [1, 2, 3, 5, 10, 20, 30, 50, 100, 200, 300, 500, 1000, 2000, 5000, 10_000];
export const RANKS = [0, 0.1, 0.25, 0.5, 0.75, 0.9, 1];
export { EDGES };

const testOf = ({ test, value }: Filter) => ({ is: { is: [value] }, is_not: { is_not: [value] }, contains: { contains: value }, set: "set", not_set: "not_set", above: { above: Number(value) }, below: { below: Number(value) } })[test];
const conditionOf = (filter: Filter) => ({ property: { property: filter.property, test: testOf(filter) } });

export function selectorOf({ activity, filters }: Pick<Step, "activity" | "filters">) {
  const conditions = filters.filter(({ property }) => property).map(conditionOf);
  return { activities: activity ? [activity] : [], ...(conditions.length && { condition: { all: conditions } }) };
}

const measureOf = ({ measure, property }: Step) => (measure === "sum" || measure === "average" ? { [measure]: property } : measure);

/** A group of people; undefined for everybody. What is not filled in yet says nothing. */
export function cohortOf(who: Who[], [from_ms, until_ms]: [number, number]): object | undefined {
  const parts = who.flatMap(({ kind, activity, times, filter }): object[] => {
    if (kind === "is") return filter.property ? [{ person: { property: filter.property, test: testOf(filter) } }] : [];
    const select = selectorOf({ activity, filters: filter.property ? [filter] : [] });
    return [{ did: kind === "did" ? { select, from_ms, until_ms, at_least: times } : { select, from_ms, until_ms, at_least: 0, at_most: 0 } }];
  });
  return parts.length ? { all: parts } : undefined;
}

/** Whole days of the zone; the usual span ends with today. */
export function bodyOf(question: Question, endOfToday: number, zone: string): object {
  const span = spanOf(question, endOfToday, zone);
  const people = cohortOf(question.who, span);
  const scope = { from_ms: span[0], until_ms: span[1], zone, ...(people && { people }) };
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
    case "active_people":
      return { scope, select: selectorOf(first) };
    case "distribution":
      return { scope, select: selectorOf(first), of: question.property ? { property: question.property } : "rows_per_person", edges: EDGES, ranks: RANKS };
    case "time_between":
      return { scope, from: selectorOf(first), to: selectorOf(second), window_ms: question.windowDays * DAY, ranks: RANKS };
    case "ranking":
      return { scope, select: selectorOf(first), by: question.by, top: 50 };
    case "cohort":
      return { cohort: people ?? { all: [] }, list: 200 };
    default:
      return { scope, bucket, select: selectorOf(first) };
  }
}
