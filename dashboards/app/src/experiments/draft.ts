// An experiment while it is being made, step by step, and where the server's faults belong.

import type { Experiment, Metric, State } from "../api/definitions";
import { PRODUCTION, environmentOf } from "./compared";

export const STEPS = [["idea", "Idea"], ["variations", "Variations"], ["who", "Who takes part"], ["metrics", "Metrics"], ["plan", "Plan"]] as const;
export type Step = (typeof STEPS)[number][0];

export const EMPTY: Experiment = {
  hypothesis: "", owner: "", description: "", tags: [],
  variations: [{ key: "control", weight: 0.5, name: "", description: "" }, { key: "treatment", weight: 0.5, name: "", description: "" }],
  coverage: 1, hash_attribute: "id", fallback_attribute: null, condition: null, prerequisites: [], namespace: null, holdout: null,
  goals: [], secondary: [], guardrails: [],
  analysis: { method: "sequential", alpha: 0.05, tuning: 5000, covariate_days: 14, prior_deviation: null, excludes_bots: true, internal_property: null },
  plan: null,
  bandit: null,
};

const OWNERS: Record<Step, RegExp> = { idea: /^\/(key|definition\/(hypothesis|owner|description|tags))/, variations: /^\/definition\/(variations|redirects)/, who: /^\/definition\/(coverage|hash|fallback|condition|prereq|namespace|holdout|sticky|analysis\/environment)/, metrics: /^\/definition\/(goals|secondary|guardrails|analysis)/, plan: /^\/definition\/plan/ };

/** The step that a fault is about. */
export const stepOf = (pointer: string): Step | undefined => STEPS.find(([step]) => OWNERS[step].test(pointer))?.[0];

/** Equal weights whose sum is exactly one to within rounding. */
export const evened = (variations: Experiment["variations"]): Experiment["variations"] => variations.map((one) => ({ ...one, weight: 1 / variations.length }));

export const sumOf = (variations: Experiment["variations"]) => variations.reduce((sum, { weight }) => sum + weight, 0);

/** The same, judged by what happens in an environment; production is what goes without saying. */
export const judgedIn = ({ analysis }: Pick<Experiment, "analysis">, environment: string): Pick<Experiment, "analysis"> => ({ analysis: { ...analysis, environment: environment === PRODUCTION ? undefined : environment } });

/** The environments to choose from, that of the draft among them; none where there is one alone. */
export function choicesOf(draft: Pick<Experiment, "analysis">, environments: string[]): string[] {
  const all = [...new Set([...environments, environmentOf(draft)])];
  return all.length > 1 ? all : [];
}

/** That of activity that counts, as the server reads it: undefined where there is no other. */
export const countedIn = (draft: Pick<Experiment, "analysis">, environments: string[]) => (choicesOf(draft, environments).length > 0 ? environmentOf(draft) : undefined);

/** When what is saved holds, by the state of the experiment; a new one has none. */
export function savedInWords(status?: State["status"]): string {
  if (status === undefined || status === "draft") return "Five steps. Whatever is saved is a draft until it is started.";
  if (status === "in_review" || status === "approved") return `It is ${status.replace("_", " ")}: once a change is saved it is a draft again, and needs a review again.`;
  if (status === "running") return "It is running: what is saved holds at once. Who takes part, weights and pages are changed by a new phase alone.";
  return "It is not running: who takes part, and weights, hold from a new phase on; everything else at once.";
}

/** What there is to say before the server is asked. `environments`: those of the project, once they are known. */
export function missing(draft: Experiment, key: string, environments?: string[]): Partial<Record<Step, string>> {
  const found: Partial<Record<Step, string>> = {};
  if (!/^[A-Za-z0-9][A-Za-z0-9\-_.:|]{0,99}$/.test(key)) found.idea = "A key of letters, digits and - _ . : | is needed, the first a letter or digit.";
  else if (!draft.hypothesis.trim()) found.idea = "A hypothesis is needed before it starts.";
  else if (!draft.owner.trim()) found.idea = "An owner is needed.";
  if (Math.abs(sumOf(draft.variations) - 1) > 1e-6) found.variations = "The weights have to sum to 100 %.";
  else if (new Set(draft.variations.map(({ key }) => key)).size < draft.variations.length) found.variations = "Each variation needs a key of its own.";
  if (environments && !environments.includes(environmentOf(draft))) found.who = `There is no environment “${environmentOf(draft)}” any more: choose another one.`;
  if (draft.goals.length === 0) found.metrics = "At least one goal is needed before it starts.";
  if (draft.plan && !(draft.plan.users_per_day > 0)) found.plan = "Without people a day it is no plan, and is not kept.";
  return found;
}

/** What one person comes to by a metric, in SQL over `activity`, of one environment where it is told; undefined where the plan has to be written by hand. */
export function baselineOf({ measure }: Metric, environment?: string): { sql: string; params: Record<string, string> } | undefined {
  const params: Record<string, string> = {};
  const bind = (text: string) => {
    const name = `p${Object.keys(params).length}`;
    params[name] = text;
    return `$${name}`;
  };
  const source = "conversion" in measure ? measure.conversion.source : "count" in measure ? measure.count.source : "sum" in measure ? measure.sum.source : undefined;
  if (!source || source.filters.length > 0) return undefined;
  const happened = `event = ${bind(source.event)}`;
  const number = "sum" in measure ? (measure.sum.operand === "amount" ? "amount" : `TRY_CAST(properties->>${bind(measure.sum.operand.property)} AS DOUBLE)`) : "1.0";
  const value = "conversion" in measure ? `max(CASE WHEN ${happened} THEN 1.0 ELSE 0.0 END)` : `sum(CASE WHEN ${happened} THEN coalesce(${number}, 0.0) ELSE 0.0 END)`;
  const here = environment === undefined ? "" : ` AND coalesce(properties->>'$environment', '${PRODUCTION}') = ${bind(environment)}`;
  return { sql: `SELECT avg(value), var_samp(value), count(*) FROM (SELECT person_id, ${value} AS value FROM activity WHERE timestamp >= $since${here} GROUP BY person_id)`, params };
}
