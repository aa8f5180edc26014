// Results in the words and marks of the page: what is sure, what a guardrail bears, and one sentence for all of it.

import type { components } from "../../../client/src/schema";
import type { Effect } from "../chart/forest";
import type { Experiment } from "../api/definitions";
import { percent, signedPercent } from "../parts/format";
import { untilPlanned } from "./horizon";

export type Results = components["schemas"]["ExperimentResults"];
export type MetricReport = Results["metrics"][number];
export type Comparison = MetricReport["comparisons"][number];
export type View = "sequential" | "bayesian";

/** Sure to be better or worse: the whole interval lies on one side of zero. */
export function verdictOf(low: number | null | undefined, high: number | null | undefined, lowerIsBetter: boolean): Effect["verdict"] {
  if (low !== null && low !== undefined && low > 0) return lowerIsBetter ? "worse" : "better";
  if (high !== null && high !== undefined && high < 0) return lowerIsBetter ? "better" : "worse";
  return undefined;
}

/** Sure among all comparisons of the report: Holm's p-value, where one was made, is below the error rate that the experiment bears. */
export const isSure = (one: Comparison, experiment: Experiment) => (one.p_value_holm ?? 0) < (experiment.analysis.alpha);

export const intervalOf = (one: Comparison, view: View) => (view === "bayesian" ? one.credible_interval : one.interval) ?? undefined;

export function effectsOf(metrics: MetricReport[], experiment: Experiment, view: View): Effect[] {
  return metrics.flatMap((metric) => metric.comparisons.map((one): Effect => {
    const interval = intervalOf(one, view);
    const [low, high] = [interval?.low ?? null, interval?.high ?? null];
    const tolerance = experiment.guardrails.find((guardrail) => guardrail.metric === metric.key)?.tolerance;
    const isTold = view === "bayesian" || isSure(one, experiment);
    const note = view === "bayesian" ? `${one.variation} · ${percent(one.chance_to_win)} to win` : one.variation;
    return { name: metric.key, note, effect: one.effect ?? null, low, high, verdict: interval && isTold ? verdictOf(low, high, metric.lower_is_better) : undefined, bound: metric.role === "guardrail" && tolerance !== undefined ? (metric.lower_is_better ? tolerance : -tolerance) : undefined };
  }));
}

/** A guardrail that is surely worse than is borne. */
export function harmed(results: Results, experiment: Experiment): string[] {
  return results.metrics.flatMap((metric) => {
    const tolerance = experiment.guardrails.find((guardrail) => guardrail.metric === metric.key)?.tolerance;
    // A guardrail may be a goal as well.
    if (tolerance === undefined) return [];
    return metric.comparisons.filter(({ interval }) => (metric.lower_is_better ? (interval?.low ?? -Infinity) > tolerance : (interval?.high ?? Infinity) < -tolerance)).map(({ variation }) => `${metric.key} of ${variation}`);
  });
}

export interface Conclusion {
  tone: "good" | "bad" | "open";
  title: string;
  sentences: string[];
}

/** What a product manager needs to know first. */
export function conclude(results: Results, experiment: Experiment): Conclusion {
  const goals = results.metrics.filter(({ role }) => role === "goal");
  const said = goals.flatMap(({ comparisons }) => comparisons.map(({ can_be_said }) => can_be_said));
  if (results.sample_ratio.is_off) return { tone: "bad", title: "Do not decide on these numbers", sentences: [results.sample_ratio.reading] };
  const harm = harmed(results, experiment);
  if (harm.length) return { tone: "bad", title: `It does harm: ${harm.join(", ")}`, sentences: [...said, "A guardrail is surely worse than was to be borne."] };
  const waits = untilPlanned(results, experiment);
  if (waits) return { tone: "open", ...waits };
  const first = goals[0];
  const judged = first?.comparisons.map((one) => ({ one, verdict: isSure(one, experiment) ? verdictOf(one.interval?.low, one.interval?.high, first.lower_is_better) : undefined })) ?? [];
  const better = judged.filter(({ verdict }) => verdict === "better").sort((a, b) => Math.abs(b.one.effect ?? 0) - Math.abs(a.one.effect ?? 0))[0]?.one;
  if (better && first) return { tone: "good", title: `${better.variation} is better: ${signedPercent(better.effect)} ${first.key}`, sentences: said };
  if (judged.length > 0 && judged.every(({ verdict }) => verdict === "worse")) return { tone: "bad", title: "Control is better", sentences: said };
  return { tone: "open", title: "Nothing is decided yet", sentences: [...said, ...new Set(goals.flatMap(({ comparisons }) => comparisons.map(({ cannot_be_said }) => cannot_be_said)))] };
}
