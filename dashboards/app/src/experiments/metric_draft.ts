// A metric while it is being made or changed: one flat shape, whatever is measured; and a metric in words.

import type { components } from "../../../client/src/schema";
import type { Metric } from "../api/definitions";
import { span } from "../parts/format";

type Schemas = components["schemas"];
type Source = Schemas["Source"];
type Operand = Schemas["Operand"];
type Aggregate = Schemas["Aggregate"];

export const KINDS = [["conversion", "whether it happened at all"], ["count", "how often it happened"], ["sum", "the sum of a number"], ["mean", "the mean of a number"], ["unique", "how many different values"], ["quantile", "a quantile"], ["retention", "whether it happens some days later"], ["ratio", "one sum over another"]] as const;
export type Kind = (typeof KINDS)[number][0];
export const TESTS = [["one_of", "is one of"], ["none_of", "is none of"], ["at_least", "is at least"], ["at_most", "is at most"], ["set", "is set"], ["not_set", "is not set"]] as const;
export const CAPS = [["none", "are kept"], ["at", "are cut at"], ["quantile", "are cut at the quantile"]] as const;
export const OPERANDS = [["count", "how often"], ["sum", "the sum of a number"]] as const;

/** Kinds of which no person counts for more than a cap. */
export const CAPPED: readonly Kind[] = ["count", "sum", "unique"];
export const QUANTILES = [["person", "each person's sum"], ["event", "the numbers of all activities"]] as const;
/** Kinds that read a number of each activity. */
export const SUMMED: readonly Kind[] = ["sum", "mean", "quantile"];

export interface Filter {
  property: string;
  test: (typeof TESTS)[number][0];
  values: string[];
  bound?: number;
}
export interface Side {
  event: string;
  filters: Filter[];
  /** How often, or the sum of a number: of ratios alone. */
  operand: (typeof OPERANDS)[number][0];
  /** Empty: the amount of the activity. */
  property: string;
}
export interface Draft {
  kind: Kind;
  /** Of a ratio above the line. */
  of: Side;
  /** … and below it. */
  over: Side;
  level?: number;
  /** Of a quantile: over what. */
  across: (typeof QUANTILES)[number][0];
  fromDay?: number;
  toDay?: number;
  delay?: number;
  hours?: number;
  capped: (typeof CAPS)[number][0];
  cap?: number;
  minimum?: number;
  lowerIsBetter: boolean;
  owner: string;
  description: string;
}

const SIDE: Side = { event: "", filters: [], operand: "count", property: "" };
export const EMPTY: Draft = { kind: "conversion", of: SIDE, over: SIDE, level: 0.5, across: "person", fromDay: 1, toDay: 8, delay: 0, capped: "none", minimum: 0, lowerIsBetter: false, owner: "", description: "" };
export const NO_FILTER: Filter = { property: "", test: "one_of", values: [] };

function comparedOf({ test, values, bound }: Filter): Schemas["Compared"] {
  switch (test) {
    case "one_of": return { one_of: values };
    case "none_of": return { none_of: values };
    case "at_least": return { at_least: bound ?? 0 };
    case "at_most": return { at_most: bound ?? 0 };
    case "set": return { set: true };
    case "not_set": return { set: false };
  }
}

const sourceOf = ({ event, filters }: Side): Source => ({ event, filters: filters.map((filter) => ({ property: filter.property, is: comparedOf(filter) })) });
const operandOf = ({ property }: Side): Operand => (property ? { property } : "amount");
const aggregateOf = (side: Side): Aggregate => (side.operand === "count" ? { count: { source: sourceOf(side) } } : { sum: { source: sourceOf(side), operand: operandOf(side) } });

function measureOf({ kind, of, over, level, across, fromDay, toDay }: Draft): Metric["measure"] {
  const [source, operand] = [sourceOf(of), operandOf(of)];
  switch (kind) {
    case "conversion": return { conversion: { source } };
    case "count": return { count: { source } };
    case "sum": return { sum: { source, operand } };
    case "mean": return { mean: { source, operand } };
    case "unique": return { unique: { source, property: of.property } };
    case "quantile": return { quantile: { source, operand, level: level ?? 0.5, ...(across === "event" && { of: across }) } };
    case "retention": return { retention: { source, from_day: fromDay ?? 1, to_day: toDay ?? 8 } };
    case "ratio": return { ratio: { numerator: aggregateOf(of), denominator: aggregateOf(over) } };
  }
}

export function metricOf(draft: Draft): Metric {
  const { kind, capped, cap, delay, hours, minimum, lowerIsBetter, owner, description } = draft;
  const isCapped = CAPPED.includes(kind) && capped !== "none" && cap !== undefined;
  return { measure: measureOf(draft), window: { delay_hours: delay ?? 0, hours: hours ?? null }, cap: isCapped ? (capped === "at" ? { at: cap } : { quantile: cap }) : null, lower_is_better: lowerIsBetter, minimum_sample: minimum ?? 0, owner, description };
}

function filterOf({ property, is }: Source["filters"][number]): Filter {
  if ("one_of" in is) return { property, test: "one_of", values: is.one_of };
  if ("none_of" in is) return { property, test: "none_of", values: is.none_of };
  if ("at_least" in is) return { property, test: "at_least", values: [], bound: is.at_least };
  if ("at_most" in is) return { property, test: "at_most", values: [], bound: is.at_most };
  return { property, test: is.set ? "set" : "not_set", values: [] };
}

function sideOf({ event, filters }: Source, operand?: Operand): Side {
  return { event, filters: filters.map(filterOf), operand: operand === undefined ? "count" : "sum", property: operand === undefined || operand === "amount" ? "" : operand.property };
}

const sideOfAggregate = (aggregate: Aggregate) => ("count" in aggregate ? sideOf(aggregate.count.source) : sideOf(aggregate.sum.source, aggregate.sum.operand));

function measuredOf(measure: Metric["measure"]): Partial<Draft> {
  if ("conversion" in measure) return { kind: "conversion", of: sideOf(measure.conversion.source) };
  if ("count" in measure) return { kind: "count", of: sideOf(measure.count.source) };
  if ("sum" in measure) return { kind: "sum", of: sideOf(measure.sum.source, measure.sum.operand) };
  if ("mean" in measure) return { kind: "mean", of: sideOf(measure.mean.source, measure.mean.operand) };
  if ("unique" in measure) return { kind: "unique", of: { ...sideOf(measure.unique.source), property: measure.unique.property } };
  if ("quantile" in measure) return { kind: "quantile", of: sideOf(measure.quantile.source, measure.quantile.operand), level: measure.quantile.level, across: measure.quantile.of ?? "person" };
  if ("retention" in measure) return { kind: "retention", of: sideOf(measure.retention.source), fromDay: measure.retention.from_day, toDay: measure.retention.to_day };
  return { kind: "ratio", of: sideOfAggregate(measure.ratio.numerator), over: sideOfAggregate(measure.ratio.denominator) };
}

export function draftOf({ measure, window, cap, lower_is_better, minimum_sample, owner, description }: Metric): Draft {
  const capped = cap === null || cap === undefined ? { capped: "none" as const } : "at" in cap ? { capped: "at" as const, cap: cap.at } : { capped: "quantile" as const, cap: cap.quantile };
  return { ...EMPTY, ...measuredOf(measure), ...capped, delay: window.delay_hours, hours: window.hours ?? undefined, minimum: minimum_sample, lowerIsBetter: lower_is_better, owner, description };
}

function filterInWords({ property, test, values, bound }: Filter): string {
  const said = TESTS.find(([key]) => key === test)?.[1] ?? test;
  return [property, values.length === 1 ? (test === "one_of" ? "is" : "is not") : said, values.join(", ") || bound].filter((part) => part !== undefined && part !== "").join(" ");
}

const sideInWords = ({ event, filters }: Side) => `${event}${filters.length ? ` (${filters.map(filterInWords).join("; ")})` : ""}`;
const numberInWords = ({ property }: Side) => property || "the amount";
const ofRatio = (side: Side) => (side.operand === "count" ? `times of ${sideInWords(side)}` : `sum of ${numberInWords(side)} of ${sideInWords(side)}`);

/** What it measures of each person. */
export function inWords(metric: Metric): string {
  const { kind, of, over, level, across, fromDay, toDay } = draftOf(metric);
  const what = sideInWords(of);
  switch (kind) {
    case "conversion": return `whether ${what} happened`;
    case "count": return `how often ${what} happened`;
    case "sum": return `sum of ${numberInWords(of)} of ${what}`;
    case "mean": return `mean of ${numberInWords(of)} of ${what}`;
    case "unique": return `different values of ${of.property} of ${what}`;
    case "quantile": return across === "event" ? `quantile ${level} of ${numberInWords(of)} of all ${what}` : `quantile ${level} of each person's sum of ${numberInWords(of)} of ${what}`;
    case "retention": return `whether ${what} happened from day ${fromDay} to before day ${toDay}`;
    case "ratio": return `${ofRatio(of)}, over ${ofRatio(over)}`;
  }
}

const HOUR = 3_600_000;

/** When after exposure something counts. */
export function windowInWords({ delay_hours, hours }: Metric["window"]): string {
  const from = delay_hours ? `from ${span(delay_hours * HOUR)} after exposure` : "from exposure";
  return hours ? `${from}, for ${span(hours * HOUR)}` : `${from}, until the phase ends`;
}

export const capInWords = (cap: Metric["cap"]) => (!cap ? undefined : "at" in cap ? `no person counts for more than ${cap.at}` : `values beyond the quantile ${cap.quantile} of all people are cut`);
