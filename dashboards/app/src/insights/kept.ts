// A question as it is kept (boards/insight.ts), read back as the page has it: the way of body.ts, backwards. What the page could not say
// again exactly as it is kept is not read.

import { savedInsight } from "../boards/insight";
import type { SavedQuestion } from "../boards/calls";
import { readQuestion, type Question } from "./question";

type Members = Record<string, unknown>;
const DAY = 86_400_000;

const membersOf = (value: unknown): Members => (typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Members) : {});
const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

/** The test and its value, as they are typed. */
function testOf(test: unknown): Members {
  if (typeof test === "string") return { test, value: "" };
  const [[name, value] = ["", ""]] = Object.entries(membersOf(test));
  return { test: name, value: String(Array.isArray(value) ? value[0] : value) };
}

function filterOf(condition: unknown): Members {
  const [[of, given] = ["", undefined]] = Object.entries(membersOf(condition));
  const { property, test, group } = membersOf(given);
  switch (of) {
    case "sql": return { of, property: given };
    case "cohort": return { of, property: membersOf(given).cohort, test: "is" };
    case "not": return { of: "cohort", property: membersOf(membersOf(given).cohort).cohort, test: "is_not" };
    case "group": return { of, group, property: property ?? "", ...testOf(test) };
    default: return { of: of === "property" ? "activity" : of, property, ...testOf(test) };
  }
}

function stepOf(select: unknown): Members {
  const { activities, condition } = membersOf(select);
  const { all, any } = membersOf(condition);
  return { activity: listOf(activities)[0] ?? "", isAny: any !== undefined, filters: listOf(any ?? all).map(filterOf) };
}

function measureOf(measure: unknown): Members {
  if (typeof measure === "string") return { measure };
  const { per_person, percentile, ...plain } = membersOf(measure);
  const [property, rank] = listOf(percentile);
  if (percentile) return { measure: rank === 0.9 ? "p90" : "median", property };
  const { value } = membersOf(per_person);
  if (per_person) return value === "rows" ? { measure: "median_per_person" } : { measure: "sum_per_person", property: membersOf(value).sum };
  const [[name, of] = ["", ""]] = Object.entries(plain);
  return { measure: name, property: of };
}

function whoOf(part: unknown): Members {
  const { person, cohort, not, did, did_often } = membersOf(part);
  const filter = (value: unknown) => ({ of: "activity", ...(value as Members) });
  if (person) return { kind: "is", filter: filter({ property: membersOf(person).property, ...testOf(membersOf(person).test) }) };
  if (cohort) return { kind: "in", cohort };
  if (not) return { kind: "not_in", cohort: membersOf(not).cohort };
  const { select, at_least, at_most } = membersOf(did ?? did_often);
  const { activity, filters } = stepOf(select);
  return { kind: did_often ? "did_often" : at_most === 0 ? "did_not" : "did", activity, times: at_least || 1, filter: listOf(filters)[0] };
}

const whosOf = (group: unknown) => listOf(membersOf(group).all).map(whoOf);

/** Selectors without the people to whom all of them were narrowed, and those people. */
function widened(body: Members): { body: Members; people?: unknown } {
  const found: unknown[] = [];
  const without = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(without);
    if (typeof value !== "object" || value === null) return value;
    const members = value as Members;
    const inner = Object.fromEntries(Object.entries(members).map(([name, one]) => [name, name === "condition" ? one : without(one)]));
    if (!Array.isArray(members.activities)) return inner;
    const all = listOf(membersOf(members.condition).all);
    const people = membersOf(membersOf(all.at(-1)).cohort).all && membersOf(all.at(-1)).cohort;
    found.push(people);
    const { condition: _, ...rest } = inner;
    return people ? { ...rest, ...(all.length > 1 && { condition: all[0] }) } : inner;
  };
  const wide = without(body) as Members;
  const [first] = found;
  return first !== undefined && found.every((one) => written(one) === written(first)) ? { body: wide, people: first } : { body };
}

function partsOf({ breakdown, cohorts }: Members): Members {
  return { breakdown: listOf(membersOf(breakdown).properties), cohorts: listOf(cohorts).map((one) => membersOf(membersOf(one).cohort).cohort) };
}

const windowOf = (ms: unknown) => ({ windowDays: Number(ms) / DAY });

function funnelOf({ steps, window_ms, order, exclusions, breakdown, trend, cohorts }: Members): Members {
  const { property, step, attribution } = membersOf(breakdown);
  return {
    steps: listOf(steps).map(stepOf), ...windowOf(window_ms), order: order ?? "ordered", isOverTime: trend !== undefined, ...(trend !== undefined && { bucket: trend }),
    exclusions: listOf(exclusions).map((one) => ({ ...stepOf(membersOf(one).select), after: membersOf(one).after })),
    ...partsOf({ cohorts }), ...(breakdown !== undefined && { breakdown: [property], touch: attribution, touchStep: step }),
  };
}

function detailsOf(kind: string, body: Members): Members {
  const { bucket, select } = body;
  const one = { bucket, steps: [stepOf(select)] };
  switch (kind) {
    case "trend": {
      const { average } = membersOf(body.running);
      const steps = listOf(body.series).map((series) => ({ ...stepOf(membersOf(series).select), ...measureOf(listOf(membersOf(series).measures)[0]) }));
      return { bucket, steps, previous: body.previous, formulas: body.formulas, running: average ? `average${average}` : body.running ?? "each", ...partsOf(body) };
    }
    case "funnel": return funnelOf(body);
    case "retention": return { bucket, steps: [stepOf(body.start), stepOf(body.returning)], isRecurring: body.kind === "recurring", isUnbounded: body.unbounded, ...partsOf(body) };
    case "paths": {
      const [[anchor, activity] = [body.anchor, ""]] = Object.entries(membersOf(body.anchor));
      return { anchor, steps: [{ activity }], length: body.length, shorter: body.shorter };
    }
    case "distribution": return { ...one, property: membersOf(body.of).property ?? "" };
    case "time_between": return { steps: [stepOf(body.from), stepOf(body.to)], ...windowOf(body.window_ms) };
    case "ranking": return { ...one, by: body.by };
    case "sessions": return { ...one, sessionMeasure: body.measure };
    case "places": return { ...one, resolution: body.resolution };
    case "compare": {
      const [own, other] = listOf(body.segments).map((segment) => membersOf(segment).cohort);
      const { converts, rows_per_person, sum_per_person } = membersOf(body.of);
      const { steps, window_ms } = membersOf(converts);
      const groups = { who: whosOf(own), against: membersOf(other).not ? [] : whosOf(other) };
      if (converts) return { ...groups, compared: "converts", steps: listOf(steps).map(stepOf), ...windowOf(window_ms) };
      const { select, property } = membersOf(sum_per_person);
      return { ...groups, compared: rows_per_person ? "rows" : "sum", steps: [stepOf(rows_per_person ?? select)], property };
    }
    default: return one;
  }
}

/** The question of the page that is kept as this; undefined if the page cannot say all of it. */
export function questionOf({ ask, days = 30 }: Pick<SavedQuestion, "ask" | "days">): Question | undefined {
  if (!("insight" in ask)) return undefined;
  const { question: kind, ...kept } = ask.insight;
  const { body, people } = widened(kept);
  const question = readQuestion({ days, ...detailsOf(String(kind), body), kind, ...(people !== undefined && { who: whosOf(people) }) });
  const again = savedInsight(question).ask as { insight: Members };
  return written(again.insight) === written(ask.insight) && question.days === days ? question : undefined;
}

/** Whether two are the same question; a time within a group is the question's own. */
export const isSame = (one: SavedQuestion["ask"], other: SavedQuestion["ask"]) => written(one) === written(other);

/** As one text, whatever the order of members; without what is usual, and the times of conditions on people, which are those of the moment of saving. */
function written(value: unknown): string {
  return JSON.stringify(value, (name, one: unknown) => {
    if (name === "from_ms" || name === "until_ms" || (name === "previous" && one === false)) return undefined;
    return typeof one === "object" && one !== null && !Array.isArray(one) ? Object.fromEntries(Object.entries(one).sort(([a], [b]) => a.localeCompare(b))) : one;
  }) ?? "";
}

