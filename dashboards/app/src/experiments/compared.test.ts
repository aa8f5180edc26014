// What is said of the groups that people are compared in, of who does not count yet, and of environments.

import { expect, test } from "vitest";
import type { Metric } from "../api/definitions";
import { comparedOf, comparesApart, environmentOf, environmentsOf, notYetOf, rowsOf, savedInWords } from "./compared";
import { EMPTY } from "./draft";
import type { Results } from "./told";

const STRATA = [{ stratum: "active before", people: [300, 310], moments: [] }, { stratum: "not active before", people: [1200, 190], moments: [] }];
const stratified = (variance_left: number | null) => ({ variation: "treatment", post_stratified: { variance_left, strata: STRATA } });
const metric = (key: string, comparison: object, more: object = {}) => ({ key, arms: [{ variation: "control", people: 1500 }, { variation: "treatment", people: 500 }], comparisons: [{ variation: "treatment", ...comparison }], ...more });
const results = (metrics: object[], more: object = {}) => ({ environment: "production", metrics, ...more }) as unknown as Results;
const told = (found: Results, experiment: object = {}, definitions: Record<string, object> = {}) =>
  comparedOf(found, { ...EMPTY, ...experiment } as never, new Map(Object.entries(definitions) as [string, Metric][]));
const analysis = (more: object) => ({ analysis: { ...EMPTY.analysis, ...more } });

test("groups are named with their people and what they save", () => {
  const found = results([metric("bought", stratified(0.83)), metric("spent", stratified(1.004))]);
  expect(told(found)).toEqual([
    { names: ["bought"], text: "Compared within 2 groups: active before (300 and 310 people), not active before (1,200 and 190 people). That saves 17.0 % of the variance." },
    { names: ["spent"], text: "Compared within 2 groups: active before (300 and 310 people), not active before (1,200 and 190 people). That adds 0.4 % to the variance." },
  ]);
  expect([savedInWords(0.9999), savedInWords(1), savedInWords(null)]).toEqual(["That changes the variance by less than 0.1 %.", "That changes the variance by less than 0.1 %.", "What that saves of the variance cannot be told."]);
});

test("of several variations each is told, and what is the same is told once", () => {
  const several = { ...metric("bought", {}), comparisons: [{ variation: "red" }, { variation: "blue" }] };
  expect(told(results([several]), { ...analysis({ post_stratifies: false }) })).toEqual([{ names: ["bought, red", "bought, blue"], text: "All people are compared at once: the experiment has that switched off." }]);
});

test("where there are no groups it is said why", () => {
  const why = (experiment: object, definition?: object, more: object = {}) => told(results([metric("m", {})], more), experiment, definition ? { m: definition } : {})[0]?.text.replace("All people are compared at once: ", "");
  const count = { measure: { count: { source: { event: "e" } } } };
  expect(why({}, undefined, { switchback: { windows: 2 } })).toBe("times are divided, not people.");
  expect(why({ bandit: { every_hours: 24 } })).toBe("a bandit is compared period by period.");
  expect(why({ design: { kind: "clusters", property: "company" } })).toBe("clusters are divided, not people.");
  expect(why(analysis({ post_stratifies: false }))).toBe("the experiment has that switched off.");
  expect(why(analysis({ covariate_days: 0 }))).toBe("the experiment looks at no days before exposure.");
  expect(why({}, { measure: { quantile: { level: 0.9 } } })).toBe("quantiles do not add up over groups.");
  expect(why({}, { ...count, post_stratifies: false })).toBe("the metric has that switched off.");
  expect(why({}, count)).toContain("no two groups with 20 people of each variation");
  expect(why(analysis({ post_stratifies: false, stratified_by: "country" }), count)).toContain("no two groups");
});

test("an experiment compares people apart who did something before, unless it cannot", () => {
  const others = [analysis({ post_stratifies: false }), analysis({ covariate_days: 0 }), { bandit: { every_hours: 24 } }, { design: { kind: "clusters", property: "company" } }];
  expect([EMPTY, ...others.map((more) => ({ ...EMPTY, ...more }) as never)].map(comparesApart)).toEqual([true, false, false, false, false]);
});

test("who does not count yet is told where somebody has to wait", () => {
  const of = (people_not_mature: number | undefined, arms = [{ people: 400 }, { people: 380 }]) => notYetOf(results([{ ...metric("back", {}), arms, ...(people_not_mature !== undefined && { people_not_mature }) }]));
  expect(of(1220)).toEqual([{ names: ["back"], text: "1,220 of 2,000 people do not count yet: they could come back for some days more. Each counts once these days are over." }]);
  expect(of(1, [])[0]?.text).toContain("The one person does not count yet");
  expect(of(0)).toEqual([{ names: ["back"], text: "Everybody counts: the days of all people are over." }]);
  expect([of(undefined), of(0, [])]).toEqual([[], []]);
});

test("there is a line for each group, and one for all people without any", () => {
  expect(rowsOf(results([metric("bought", stratified(0.83)), metric("back", {}, { people_not_mature: 12 })]))).toEqual([
    ["bought", "treatment", "active before", 300, 310, 0.83, null],
    ["bought", "treatment", "not active before", 1200, 190, 0.83, null],
    ["back", "treatment", "all people", 1500, 500, null, 12],
  ]);
});

test("production is the environment of what names none, and alone it is no choice", () => {
  const staging = analysis({ environment: "staging" }) as never;
  expect([environmentOf(EMPTY), environmentOf(staging)]).toEqual(["production", "staging"]);
  expect(environmentsOf(EMPTY, [])).toEqual([]);
  expect(environmentsOf(EMPTY, ["staging", "qa"])).toEqual(["production", "staging", "qa"]);
  expect(environmentsOf(staging, ["staging"])).toEqual(["staging", "production"]);
  expect(environmentsOf(EMPTY, [], "gone")).toEqual(["production", "gone"]);
});
