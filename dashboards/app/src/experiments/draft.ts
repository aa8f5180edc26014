// An experiment while it is being made, step by step, and where the server's faults belong.

import type { Experiment, Metric } from "../api/definitions";

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

const OWNERS: Record<Step, RegExp> = { idea: /^\/(key|definition\/(hypothesis|owner|description|tags))/, variations: /^\/definition\/(variations|redirects)/, who: /^\/definition\/(coverage|hash|fallback|condition|prereq|namespace|holdout|sticky)/, metrics: /^\/definition\/(goals|secondary|guardrails|analysis)/, plan: /^\/definition\/plan/ };

/** The step that a fault is about. */
export const stepOf = (pointer: string): Step | undefined => STEPS.find(([step]) => OWNERS[step].test(pointer))?.[0];

/** Equal weights whose sum is exactly one to within rounding. */
export const evened = (variations: Experiment["variations"]): Experiment["variations"] => variations.map((one) => ({ ...one, weight: 1 / variations.length }));

export const sumOf = (variations: Experiment["variations"]) => variations.reduce((sum, { weight }) => sum + weight, 0);

/** What there is to say before the server is asked. */
export function missing(draft: Experiment, key: string): Partial<Record<Step, string>> {
  const found: Partial<Record<Step, string>> = {};
  if (!/^[A-Za-z0-9\-_.:|]{1,100}$/.test(key)) found.idea = "A key of letters, digits and - _ . : | is needed.";
  else if (!draft.hypothesis.trim()) found.idea = "A hypothesis is needed before it starts.";
  else if (!draft.owner.trim()) found.idea = "An owner is needed.";
  if (Math.abs(sumOf(draft.variations) - 1) > 1e-6) found.variations = "The weights have to sum to 100 %.";
  else if (new Set(draft.variations.map(({ key }) => key)).size < draft.variations.length) found.variations = "Each variation needs a key of its own.";
  if (draft.goals.length === 0) found.metrics = "At least one goal is needed before it starts.";
  return found;
}

/** What one person comes to by a metric, in SQL over `activity`; undefined where the plan has to be written by hand. */
export function baselineOf({ measure }: Metric): { sql: string; params: Record<string, string> } | undefined {
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
  return { sql: `SELECT avg(value), var_samp(value), count(*) FROM (SELECT person_id, ${value} AS value FROM activity WHERE timestamp >= $since GROUP BY person_id)`, params };
}
