// Results in the words and marks of the page: what is sure, what a guardrail bears, and one sentence for all of it.

import type { components } from "../../../client/src/schema";
import type { Effect } from "../chart/forest";
import type { Experiment } from "../api/definitions";
import { chance, number, percent, signed, signedPercent } from "../parts/format";
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

/** What an effect is judged by: its interval, or that of the difference itself where nothing is a share of control's zero. */
const judgedBy = (one: Comparison) => one.interval ?? one.absolute?.interval ?? undefined;

/** The effect as a text: a share of control, or so much of the metric for each person. */
export const sizeOf = ({ effect, absolute }: Comparison) => ((effect === null || effect === undefined) && absolute ? `${signed(absolute.estimate)} a person` : signedPercent(effect));

const EFFECTS = new Set(["effect", "low", "high", "effect of the plan"]);
const SHARES = new Set(["chance to win", "power now"]);
const CHANCES = new Set(["p", "p (Holm)", "p (corrected)"]);

/** A cell of a table of effects, by the name of its column. A loss has no sign, and how small a p-value is says nothing from a point on. */
export function cellOf(value: string | number | null, name: string): string {
  if (typeof value !== "number") return value ?? "–";
  if (EFFECTS.has(name)) return signedPercent(value);
  if (SHARES.has(name)) return percent(value);
  if (name === "expected loss") return percent(value, 2);
  if (CHANCES.has(name)) return chance(value);
  // People are counted, to the last of them; a small mean is rounded once alone.
  return number(Number.isInteger(value) || Math.abs(value) < 1 ? value : Number(value.toPrecision(4)));
}

/** The difference itself with its interval; undefined where the effect is a share. */
export function absoluteInWords({ absolute }: Comparison): string | undefined {
  if (!absolute) return undefined;
  const { interval } = absolute;
  const span = interval ? ` (${interval.low === null ? "−∞" : signed(interval.low)} to ${interval.high === null ? "∞" : signed(interval.high)})` : "";
  return `${signed(absolute.estimate)} a person${span}`;
}

/** The usual chance of seeing an effect that is there. */
const POWER = 0.8;

/** Whether what the plan wants to see would be seen by now; undefined without a plan. */
export function powerInWords({ power }: Comparison): string | undefined {
  if (!power) return undefined;
  const now = `An effect of ${signedPercent(power.effect)}, as planned, would be seen now with a chance of ${percent(power.now, 0)}`;
  if (power.now >= POWER || power.additional_people === 0) return `${now}.`;
  return power.additional_people === null ? `${now}; more people alone do not make it 80 %.` : `${now}; about ${number(power.additional_people)} more people make it 80 %.`;
}

export function effectsOf(metrics: MetricReport[], experiment: Experiment, view: View): Effect[] {
  return metrics.flatMap((metric) => metric.comparisons.map((one): Effect => {
    const interval = intervalOf(one, view);
    const [low, high] = [interval?.low ?? null, interval?.high ?? null];
    const tolerance = experiment.guardrails.find((guardrail) => guardrail.metric === metric.key)?.tolerance;
    const isTold = view === "bayesian" || isSure(one, experiment);
    const note = view === "bayesian" ? `${one.variation} · ${percent(one.chance_to_win)} to win` : one.variation;
    const judged = interval ?? (one.effect === null || one.effect === undefined ? one.absolute?.interval : undefined) ?? undefined;
    return { name: metric.key, note, effect: one.effect ?? null, low, high, instead: absoluteInWords(one), verdict: judged && isTold ? verdictOf(judged.low, judged.high, metric.lower_is_better) : undefined, bound: metric.role === "guardrail" && tolerance !== undefined ? (metric.lower_is_better ? tolerance : -tolerance) : undefined };
  }));
}

/** A guardrail that is surely worse than is borne. */
export function harmed(results: Results, experiment: Experiment): string[] {
  return results.metrics.flatMap((metric) => {
    const tolerance = experiment.guardrails.find((guardrail) => guardrail.metric === metric.key)?.tolerance;
    // A guardrail may be a goal as well.
    if (tolerance === undefined) return [];
    // Any share of nothing is nothing.
    const borne = ({ interval }: Comparison) => (interval ? tolerance : 0);
    const isHarmed = (one: Comparison) => (metric.lower_is_better ? (judgedBy(one)?.low ?? -Infinity) > borne(one) : (judgedBy(one)?.high ?? Infinity) < -borne(one));
    return metric.comparisons.filter(isHarmed).map(({ variation }) => `${metric.key} of ${variation}`);
  });
}

export interface Conclusion {
  tone: "good" | "bad" | "open";
  title: string;
  sentences: string[];
}

/** How it is said who does better. */
export interface Verdicts {
  better: (variation: string, size: string) => string;
  worse: string;
}
const OF_EXPERIMENTS: Verdicts = { better: (variation, size) => `${variation} is better: ${size}`, worse: "Control is better" };

/** What a product manager needs to know first. */
export function conclude(results: Results, experiment: Experiment, verdicts = OF_EXPERIMENTS): Conclusion {
  const goals = results.metrics.filter(({ role }) => role === "goal");
  const said = goals.flatMap(({ comparisons }) => comparisons.map(({ can_be_said }) => can_be_said));
  if (results.sample_ratio.is_off) return { tone: "bad", title: "Do not decide on these numbers", sentences: [results.sample_ratio.reading] };
  const harm = harmed(results, experiment);
  if (harm.length) return { tone: "bad", title: `It does harm: ${harm.join(", ")}`, sentences: [...said, "A guardrail is surely worse than was to be borne."] };
  const waits = untilPlanned(results, experiment);
  if (waits) return { tone: "open", ...waits };
  const first = goals[0];
  const judged = first?.comparisons.map((one) => ({ one, verdict: isSure(one, experiment) ? verdictOf(judgedBy(one)?.low, judgedBy(one)?.high, first.lower_is_better) : undefined })) ?? [];
  const better = judged.filter(({ verdict }) => verdict === "better").sort((a, b) => Math.abs(b.one.effect ?? 0) - Math.abs(a.one.effect ?? 0))[0]?.one;
  if (better && first) return { tone: "good", title: verdicts.better(better.variation, `${sizeOf(better)} ${first.key}`), sentences: said };
  if (judged.length > 0 && judged.every(({ verdict }) => verdict === "worse")) return { tone: "bad", title: verdicts.worse, sentences: said };
  return { tone: "open", title: "Nothing is decided yet", sentences: [...said, ...new Set(goals.flatMap(({ comparisons }) => comparisons.map(({ cannot_be_said }) => cannot_be_said)))] };
}
