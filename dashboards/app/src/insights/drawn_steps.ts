// Answers about steps and groups: funnels, paths, what goes with converting, and whether two groups differ.

import { number, percent, span } from "../parts/format";
import { Elsewhere, activityOf, dividedBy, isDivided, labelled, type Cell, type Definition, type Drawn, type Label, type Value } from "./drawn";

interface Group {
  value: string | null;
  label?: Label;
  reached: number[];
  converted_ms: number[];
  trend?: { start_ms: number; reached: number[] }[];
}
export interface FunnelAnswer {
  groups: Group[];
}

const called = ({ value, label }: Group) => (label && label !== "everything" ? labelled(label) : value ?? "(none)");
/** The ranks that times to convert are told for. */
const RANKS = ["the fastest", "10 % within", "25 % within", "50 % within", "75 % within", "90 % within", "the slowest"];

export function funnel(asked: Definition, answer: FunnelAnswer, name: (start: number) => string): Drawn {
  if (asked.trend) return overTime(asked, answer, name);
  const names = (asked.steps ?? []).map((step, index) => `${index + 1} ${activityOf(step)}`);
  const by = isDivided(asked) ? [dividedBy(asked)] : [];
  const lines = answer.groups.map((group) => ({ name: by.length ? called(group) : "people", values: group.reached }));
  const rows = answer.groups.flatMap((group) => group.reached.map((people, level): Value[] => [
    ...by.map(() => called(group)), names[level] ?? "", people, level ? (group.reached[level - 1] ?? 0) - people : null, percent(people / (group.reached[0] || Number.NaN)), level ? percent(people / (group.reached[level - 1] || Number.NaN)) : "",
  ]));
  const label = (group: Group): Label => group.label ?? "everything";
  const cells = answer.groups.flatMap((group) => group.reached.map((_, level): Cell[] => [
    ...by.map(() => null), null, { step: level + 1, standing: "reached", label: label(group) }, level ? { step: level, standing: "dropped", label: label(group) } : null, null, null,
  ]));
  const [only] = answer.groups;
  const facts = answer.groups.length === 1 && only ? only.converted_ms.map((ms, rank): [string, string] => [RANKS[rank] ?? "", span(ms)]) : answer.groups.flatMap((group) => (group.converted_ms[3] === undefined ? [] : [[`50 % of ${called(group)} within`, span(group.converted_ms[3])] as [string, string]]));
  const middle = answer.groups.length === 1 ? only?.converted_ms[3] : undefined;
  const cellAt = (index: number, at: number): Cell => { const group = answer.groups[at]; return group ? { step: index + 1, standing: "reached", label: label(group) } : null; };
  return { drawing: { kind: "bars", names, lines }, head: [...by, "step", "people", "dropped off", "of the first step", "of the step before"], rows, cells, cellAt, facts, about: middle === undefined ? undefined : `Half of those who got through took ${span(middle)} or less.` };
}

/** How many of those who began in a bucket got through. */
function overTime(asked: Definition, { groups }: FunnelAnswer, name: (start: number) => string): Drawn {
  const starts = (groups[0]?.trend ?? []).map(({ start_ms }) => start_ms);
  const by = isDivided(asked) ? [dividedBy(asked)] : [];
  const last = (asked.steps?.length ?? 1) - 1;
  const share = (reached: number[]) => (reached[0] ? (reached[last] ?? 0) / reached[0] : null);
  const cell = (group: Group, bucket_ms: number, step: number) => ({ step, standing: "reached", label: group.label ?? "everything", bucket_ms });
  const all = groups.flatMap((group) => (group.trend ?? []).map((bucket) => ({ group, ...bucket })));
  return {
    drawing: { kind: "lines", unit: "percent", names: starts.map(name), lines: groups.map((group) => ({ name: by.length ? called(group) : "% who get through", values: (group.trend ?? []).map(({ reached }) => share(reached)) })) },
    head: [...by, "began", "people", "got through", "share"], starts,
    rows: all.map(({ group, start_ms, reached }) => [...by.map(() => called(group)), name(start_ms), reached[0] ?? 0, reached[last] ?? 0, percent(share(reached))]),
    cells: all.map(({ group, start_ms }) => [...by.map(() => null), null, cell(group, start_ms, 1), cell(group, start_ms, last + 1), null]),
    cellAt: (index, line) => { const group = groups[line]; const start = starts[index]; return group && start !== undefined ? cell(group, start, last + 1) : null; },
  };
}

export interface PathsAnswer {
  paths: { activities: string[]; count: number }[];
  edges: { place: number; from: string; to: string; count: number }[];
}
const EDGES_MAX = 60;

export function paths({ paths, edges }: PathsAnswer): Drawn {
  const shown = edges.slice(0, EDGES_MAX);
  const flows = shown.map(({ place, from, to, count }) => ({ from: `${place} · ${from}`, to: `${place + 1} · ${to}`, count }));
  const cellAt = (index: number): Cell => { const edge = shown[index]; return edge ? { edge: { place: edge.place, from: edge.from, to: edge.to } } : null; };
  return { drawing: flows.length ? { kind: "flows", edges: flows } : undefined, about: edges.length > EDGES_MAX ? `Of ${number(edges.length)} ways from one activity to the next the ${EDGES_MAX} most taken are drawn.` : undefined, head: ["path", "times"], rows: paths.map(({ activities, count }) => [activities.join(" → "), count]), cells: paths.map(({ activities }) => [null, { path: activities }]), cellAt };
}

type FactorOf = { property: { name: string; value: string } } | { person_property: { name: string; value: string } } | { activity: string };
export interface CorrelationAnswer {
  entered: number;
  converted: number;
  tested: number;
  factors: { of: FactorOf; converted_with: number; dropped_with: number; converted_without: number; dropped_without: number; odds_ratio: number; p: number; q: number; test: string }[];
}
const FACTORS_DRAWN = 12;
const SURE = 0.05;

const chance = (p: number) => (p < 0.0001 ? "under 0.0001" : p.toFixed(4));

function factorName(of: FactorOf): string {
  if ("activity" in of) return `did ${of.activity}`;
  return "property" in of ? `${of.property.name} is ${of.property.value}` : `person’s ${of.person_property.name} is ${of.person_property.value}`;
}

export function correlation(answer: CorrelationAnswer): Drawn {
  const { entered, converted, tested, factors } = answer;
  const rate = (yes: number, no: number) => (yes + no ? yes / (yes + no) : null);
  const having = (factor: FactorOf, converted: boolean): Cell => ({ factor, converted });
  const top = factors.slice(0, FACTORS_DRAWN);
  return {
    drawing: top.length ? { kind: "bars", unit: "percent", names: top.map(({ of }) => factorName(of)), lines: [{ name: "convert with it", values: top.map(({ converted_with, dropped_with }) => rate(converted_with, dropped_with)) }, { name: "convert without it", values: top.map(({ converted_without, dropped_without }) => rate(converted_without, dropped_without)) }] } : undefined,
    head: ["what", "converted with it", "dropped with it", "with it", "without it", "odds", "q", "p"],
    rows: factors.map((one) => [factorName(one.of), one.converted_with, one.dropped_with, percent(rate(one.converted_with, one.dropped_with)), percent(rate(one.converted_without, one.dropped_without)), Number(one.odds_ratio.toPrecision(3)), chance(one.q), chance(one.p)]),
    cells: factors.map(({ of }) => [null, having(of, true), having(of, false), null, null, null, null, null]),
    about: `${number(converted)} of ${number(entered)} people got through. ${number(tested)} properties and activities were tested together; ${number(factors.filter(({ q }) => q <= SURE).length)} of those shown go with it beyond chance (q up to 0.05). None of it is a cause, and an activity that only takes time goes with not converting.`,
  };
}

interface By {
  estimate: number | null;
  interval: [number, number] | null;
  p: number | null;
  method: string;
  can_be_said: string;
  cannot_be_said: string;
}
export interface CompareAnswer {
  segments: { name: string; people: number; mean: number | null; standard_deviation: number | null }[];
  in_both: number;
  absolute: By;
  relative: By;
}

export function compare(asked: Definition, { segments, in_both, absolute, relative }: CompareAnswer): Drawn {
  const isShare = typeof asked.of === "object" && asked.of !== null && "converts" in asked.of;
  const told = (value: number | null) => (value === null ? "–" : isShare ? percent(value, 2) : number(value));
  const signed = (value: number | null, say: (value: number) => string) => (value === null ? "–" : `${value > 0 ? "+" : value < 0 ? "−" : ""}${say(Math.abs(value))}`);
  const between = ({ estimate, interval }: By, say: (value: number) => string) => `${signed(estimate, say)}${interval ? `, with 95 % confidence between ${signed(interval[0], say)} and ${signed(interval[1], say)}` : ""}`;
  const own = (place: number): Cell => {
    const cohort = asked.segments?.[place]?.cohort;
    const other = asked.segments?.[1 - place]?.cohort;
    return cohort && other ? new Elsewhere("cohort", { cohort: { all: [cohort, { not: other }] } }, {}) : null;
  };
  return {
    drawing: { kind: "bars", unit: isShare ? "percent" : "number", names: segments.map(({ name }) => name), lines: [{ name: isShare ? "convert" : "on average", values: segments.map(({ mean }) => mean) }] },
    head: ["group", "people", isShare ? "convert" : "on average", "standard deviation"],
    rows: segments.map(({ name, people, mean, standard_deviation }) => [name, people, told(mean), standard_deviation === null ? null : number(standard_deviation)]),
    cells: segments.map((_, place) => [null, own(place), null, null]), cellAt: (index) => own(index),
    facts: [["Difference", between(absolute, told as (value: number) => string)], ["As a share", between(relative, (value) => percent(value))], ["p", absolute.p === null ? "–" : chance(absolute.p)], ["Test", absolute.method], ["In both, left out", number(in_both)]],
    about: `${absolute.can_be_said} ${absolute.cannot_be_said} The groups were not drawn by lot: a difference says nothing of its cause.`.trim(),
  };
}
