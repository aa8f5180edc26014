// Among whom people are compared, in words: their groups (strata) and what they save, or why there are none; who does not count yet; and where.

import type { Experiment, Metric } from "../api/definitions";
import { number, percent } from "../parts/format";
import type { Comparison, MetricReport, Results } from "./told";

/** The environment of everything that names none. */
export const PRODUCTION = "production";
/** Fewer people of a variation are no group of their own (docs/experiments/statistics.md). */
const PEOPLE_MIN = 20;

/** Whose exposures an experiment is judged by. */
export const environmentOf = ({ analysis }: Pick<Experiment, "analysis">) => analysis.environment ?? PRODUCTION;

/** The environments that can be looked at, that of the experiment first; none where there is one alone. */
export function environmentsOf(experiment: Pick<Experiment, "analysis">, others: string[], asked = ""): string[] {
  const all = [...new Set([environmentOf(experiment), PRODUCTION, ...others, ...(asked ? [asked] : [])])];
  return all.length > 1 ? all : [];
}

/** What strata leave of the variance, as what they save of it. */
export function savedInWords(left: number | null | undefined): string {
  if (left === null || left === undefined) return "What that saves of the variance cannot be told.";
  const size = percent(Math.abs(1 - left));
  if (size === percent(0)) return "That changes the variance by less than 0.1 %.";
  return left < 1 ? `That saves ${size} of the variance.` : `That adds ${size} to the variance.`;
}

/** People who did something before, and all others, are compared apart. */
export const comparesApart = ({ analysis, bandit, design }: Pick<Experiment, "analysis" | "bandit" | "design">) =>
  analysis.post_stratifies !== false && analysis.covariate_days > 0 && !bandit && (design?.kind ?? "people") === "people";

/** Why people of a metric are compared all at once. */
function whyAtOnce({ switchback }: Results, { analysis, bandit, design }: Experiment, definition?: Metric): string {
  if (switchback) return "times are divided, not people";
  if (bandit) return "a bandit is compared period by period";
  if (design?.kind === "clusters") return "clusters are divided, not people";
  if (!analysis.stratified_by && analysis.post_stratifies === false) return "the experiment has that switched off";
  if (!analysis.stratified_by && analysis.covariate_days === 0) return "the experiment looks at no days before exposure";
  if (definition && "quantile" in definition.measure) return "quantiles do not add up over groups";
  if (definition?.post_stratifies === false) return "the metric has that switched off";
  return `there are no two groups with ${PEOPLE_MIN} people of each variation, or too few people in all`;
}

/** How the people of one comparison are compared, in a sentence or two. */
export function comparedInWords(one: Comparison, results: Results, experiment: Experiment, definition?: Metric): string {
  const { post_stratified: stratified } = one;
  if (!stratified) return `All people are compared at once: ${whyAtOnce(results, experiment, definition)}.`;
  const groups = stratified.strata.map(({ stratum, people }) => `${stratum} (${people.map(number).join(" and ")} people)`);
  return `Compared within ${number(groups.length)} groups: ${groups.join(", ")}. ${savedInWords(stratified.variance_left)}`;
}

/** Who is in none of the numbers of a metric, as their days are not over; undefined where nobody has to wait. */
export function notYetInWords({ people_not_mature: waiting, arms }: MetricReport): string | undefined {
  if (waiting === null || waiting === undefined) return undefined;
  const all = waiting + arms.reduce((sum, { people }) => sum + people, 0);
  if (waiting === 0) return all === 0 ? undefined : "Everybody counts: the days of all people are over.";
  const who = all === 1 ? "The one person does" : `${number(waiting)} of ${number(all)} people do`;
  return `${who} not count yet: they could come back for some days more. Each counts once these days are over.`;
}

export interface Told {
  names: string[];
  text: string;
}

/** Sentences with what they are said of, what is the same once. */
function together(said: { name: string; text: string }[]): Told[] {
  const found = new Map<string, string[]>();
  for (const { name, text } of said) found.set(text, [...(found.get(text) ?? []), name]);
  return [...found].map(([text, names]) => ({ names, text }));
}

/** How people are compared, of all metrics and variations. */
export function comparedOf(results: Results, experiment: Experiment, definitions: Map<string, Metric>): Told[] {
  return together(results.metrics.flatMap((metric) => metric.comparisons.map((one) => ({
    name: metric.comparisons.length > 1 ? `${metric.key}, ${one.variation}` : metric.key,
    text: comparedInWords(one, results, experiment, definitions.get(metric.key)),
  }))));
}

/** Of which metrics people do not count yet. */
export const notYetOf = ({ metrics }: Results): Told[] =>
  together(metrics.flatMap((metric) => {
    const text = notYetInWords(metric);
    return text ? [{ name: metric.key, text }] : [];
  }));

export const HEAD = ["metric", "variation", "group", "people of control", "people", "variance left", "not counted yet"];
type Row = (string | number | null)[];

/** A line for each group; for all people where they are compared at once. */
export function rowsOf({ metrics }: Results): Row[] {
  return metrics.flatMap((metric) => metric.comparisons.flatMap(({ variation, post_stratified: stratified }): Row[] => {
    const waiting = metric.people_not_mature ?? null;
    const people = (arm?: string) => metric.arms.find((one) => one.variation === arm)?.people ?? null;
    if (!stratified) return [[metric.key, variation, "all people", people(metric.arms[0]?.variation), people(variation), null, waiting]];
    return stratified.strata.map(({ stratum, people }) => [metric.key, variation, stratum, people[0] ?? null, people[1] ?? null, stratified.variance_left, waiting]);
  }));
}
