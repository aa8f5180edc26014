// Holdouts in words: people who get nothing new, beside as many who do.

import type { components } from "../../../client/src/schema";
import type { Experiment, Feature, Item } from "../api/definitions";
import { EMPTY } from "./draft";
import type { Results, Verdicts } from "./told";

export type Holdout = components["schemas"]["Holdout"];
export const NO_HOLDOUT: Holdout = { share: 0.05, hash_attribute: "id", metrics: [], description: "" };

/** The arms as GrowthBook's SDKs tell them. */
const ARMS: Record<string, string> = { holdoutcontrol: "held out", holdouttreatment: "with all that is new" };
const nameOf = (arm: string) => ARMS[arm] ?? arm;
const inWords = (text: string) => Object.entries(ARMS).reduce((told, [arm, name]) => told.replaceAll(arm, name), text);

export const VERDICTS: Verdicts = { better: (_, size) => `What is new is worth it: ${size}`, worse: "What is new does more harm than good" };

/** The results with the arms' names for people. */
export function named(results: Results): Results {
  return {
    ...results,
    variations: results.variations.map((one) => ({ ...one, key: nameOf(one.key) })),
    sample_ratio: { ...results.sample_ratio, reading: inWords(results.sample_ratio.reading) },
    metrics: results.metrics.map((metric) => ({
      ...metric,
      arms: metric.arms.map((arm) => ({ ...arm, variation: nameOf(arm.variation) })),
      comparisons: metric.comparisons.map((one) => ({ ...one, variation: nameOf(one.variation), can_be_said: inWords(one.can_be_said), cannot_be_said: inWords(one.cannot_be_said) })),
    })),
  };
}

/** What a holdout's results are judged by: it has goals alone. */
export const asExperiment = ({ metrics, hash_attribute }: Holdout): Experiment => ({ ...EMPTY, goals: metrics, hash_attribute });

/** What leaves its people out. */
export const usersOf = (key: string, experiments: Item<"experiments">[], features: Item<"features">[]) => ({
  experiments: experiments.filter(({ definition }) => definition.holdout === key).map(({ key }) => key),
  flags: features.filter(({ definition }: { definition: Feature }) => definition.holdout === key).map(({ key }) => key),
});
