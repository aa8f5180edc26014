// Answers over time: trends, retention, lifecycle, stickiness, sessions, active people.

import { number, percent, span } from "../parts/format";
import type { SessionMeasure } from "./question";
import { activityOf, dividedBy, isDivided, labelled, type Cell, type Definition, type Drawn, type Label, type Value } from "./drawn";

type Name = (start: number) => string;

interface TrendLine {
  series: number;
  label: Label;
  measures: (number | null)[][];
}
export interface TrendAnswer {
  buckets: number[];
  lines: TrendLine[];
  previous?: TrendAnswer;
}

/** What has not begun yet has no numbers: what the answer says of it, as zeros of the hours to come, is none. */
const begun = (starts: number[], values: (number | null)[], now: number) => values.map((value, index) => ((starts[index] ?? 0) > now ? null : value));

/** The bucket that is not over yet; one alone does not say how long it is. */
export function openOf(starts: number[], now: number): number | undefined {
  const at = starts.findLastIndex((start) => start <= now);
  const [before, start] = [starts[at - 1], starts[at]];
  if (start === undefined || before === undefined) return undefined;
  return now < (starts[at + 1] ?? start + (start - before)) ? at : undefined;
}

export function trend(asked: Definition, answer: TrendAnswer, name: Name, now: number): Drawn {
  const series = asked.series ?? [];
  const nameOf = ({ series: place, label }: TrendLine, measure: number, isPrevious: boolean) => {
    const formula = asked.formulas?.[place - series.length];
    const own = series[place];
    const letter = series.length > 1 || asked.formulas?.length ? `${String.fromCharCode(65 + place)} ` : "";
    const measured = (own?.measures?.length ?? 0) > 1 ? ` ${measureName(own?.measures?.[measure])}` : "";
    const part = labelled(label);
    return `${formula ?? `${letter}${activityOf(own?.select)}${measured}`}${part && ` · ${part}`}${isPrevious ? " (before)" : ""}`;
  };
  const flat = (of: TrendAnswer | undefined, previous: boolean) => (of?.lines ?? []).flatMap((line) => line.measures.map((values, measure) => ({ line, measure, values: begun(of?.buckets ?? [], values, now), previous, name: nameOf(line, measure, previous) })));
  const own = [...flat(answer, false), ...flat(answer.previous, true)];
  const lines = own.map(({ name, values, previous }) => ({ name, values, isPrevious: previous }));
  const cellAt = (index: number, at: number): Cell => {
    const { line, measure, previous } = own[at] ?? {};
    const bucket_ms = (previous ? answer.previous : answer)?.buckets[index];
    const of = series[line?.series ?? 0]?.measures ?? [];
    // What runs on, and what is worked out of several numbers, is of nobody who can be asked for.
    return line && bucket_ms !== undefined && line.series < series.length && !asked.running ? { series: line.series, bucket_ms, label: line.label, previous, ...((of.length > 1 || of[0] === "new_people") && { measure }) } : null;
  };
  const names = answer.buckets.map(name);
  return {
    drawing: { kind: "lines", names, lines, open: openOf(answer.buckets, now) }, head: [asked.bucket ?? "day", ...lines.map((line) => line.name)], starts: answer.buckets,
    rows: names.map((bucket, index) => [bucket, ...lines.map(({ values }) => values[index] ?? null)]),
    cells: names.map((_, index) => [null, ...lines.map((_, at) => cellAt(index, at))]), cellAt,
  };
}

const measureName = (measure: unknown) => (typeof measure === "string" ? measure.replaceAll("_", " ") : Object.keys((measure ?? {}) as object).join(" ").replaceAll("_", " "));

interface RetentionCohort {
  start_ms: number;
  people: number;
  returned: number[];
}
export interface RetentionAnswer {
  cohorts: RetentionCohort[];
  groups?: { label: Label; cohorts: RetentionCohort[] }[];
}

/** Of each later bucket the share that returned; one counts only the people who have had the time to reach it. */
function sharesOf(cohorts: RetentionCohort[], longest: number): (number | null)[] {
  return Array.from({ length: longest }, (_, after) => {
    const old = cohorts.filter(({ returned }) => returned.length > after);
    const people = old.reduce((sum, cohort) => sum + cohort.people, 0);
    return people ? old.reduce((sum, { returned }) => sum + (returned[after] ?? 0), 0) / people : null;
  });
}

export function retention(asked: Definition, { cohorts, groups = [] }: RetentionAnswer, name: Name): Drawn {
  const longest = Math.max(0, ...cohorts.map(({ returned }) => returned.length));
  const places = Array.from({ length: longest }, (_, after) => after);
  const parts = isDivided(asked) && groups.length ? groups : [{ label: "everything" as Label, cohorts }];
  const all = parts.flatMap(({ label, cohorts }) => cohorts.map((cohort) => ({ ...cohort, label })));
  const lead = parts === groups ? 1 : 0;
  const before = <T>(value: T): T[] => (lead ? [value] : []);
  const lines = parts.map(({ label, cohorts }) => ({ name: lead ? labelled(label) : "% who return", values: sharesOf(cohorts, longest).map((share) => (share === null ? null : Math.round(share * 1000) / 10)) }));
  const rows = all.map(({ label, start_ms, people, returned }): Value[] => [...before(labelled(label)), name(start_ms), people, ...places.map((after) => returned[after] ?? null)]);
  const part = (label: Label) => (lead ? { label } : {});
  const cells = all.map(({ label, start_ms, returned }): Cell[] => [...before(null), null, { start_ms, ...part(label) }, ...places.map((after) => (after < returned.length ? { start_ms, after, ...part(label) } : null))]);
  const shades = all.map(({ people, returned }) => [...before(null), null, null, ...places.map((after) => (people ? (returned[after] ?? 0) / people : null))]);
  return { drawing: { kind: "lines", names: places.map(String), lines }, head: [...before(dividedBy(asked)), "started", "people", ...places.map(String)], rows, cells, shades };
}

export interface LifecycleAnswer {
  buckets: { start_ms: number; new: number; returning: number; resurrecting: number; dormant: number }[];
}

export function lifecycle({ buckets: all }: LifecycleAnswer, name: Name, now: number): Drawn {
  const buckets = all.filter(({ start_ms }) => start_ms <= now);
  const standings = ["new", "returning", "resurrecting", "dormant"] as const;
  const lines = standings.map((standing) => ({ name: standing, values: buckets.map((bucket) => (standing === "dormant" ? -bucket.dormant : bucket[standing])) }));
  const names = buckets.map(({ start_ms }) => name(start_ms));
  const cells = buckets.map(({ start_ms }): Cell[] => [null, ...standings.map((standing) => ({ bucket_ms: start_ms, standing }))]);
  const cellAt = (index: number, line: number): Cell => { const bucket = buckets[index]; const standing = standings[line]; return bucket && standing ? { bucket_ms: bucket.start_ms, standing } : null; };
  return { drawing: { kind: "bars", names, lines, isStacked: true }, head: ["when", ...standings], rows: buckets.map((bucket, index) => [names[index] ?? "", ...standings.map((standing) => bucket[standing])]), cells, cellAt, starts: buckets.map(({ start_ms }) => start_ms) };
}

export function stickiness(asked: Definition, { people }: { people: number[] }): Drawn {
  const names = people.map((_, index) => `${index + 1}`);
  return { drawing: { kind: "bars", names, lines: [{ name: "people", values: people }] }, head: [`${asked.bucket ?? "day"}s`, "people"], rows: people.map((count, index) => [index + 1, count]), cells: people.map((_, index) => [null, { buckets: index + 1 }]), cellAt: (index) => ({ buckets: index + 1 }) };
}

export interface SessionsAnswer {
  buckets: { start_ms: number; sessions: number; duration_ms: number; bounces: number; rows: number }[];
  entries?: [string, number][];
  exits?: [string, number][];
  groups?: { label: Label; buckets: SessionsAnswer["buckets"] }[];
}

/** What is drawn of one bucket of sessions, if it has any. */
const SESSION_LINES: Record<SessionMeasure, { line: string; kind: "bars" | "lines"; unit?: "percent"; of: (bucket: SessionsAnswer["buckets"][number]) => number }> = {
  sessions: { line: "sessions", kind: "bars", of: ({ sessions }) => sessions },
  average_duration: { line: "average minutes", kind: "lines", of: ({ duration_ms, sessions }) => duration_ms / sessions / 60_000 },
  bounce_rate: { line: "bounce rate", kind: "lines", unit: "percent", of: ({ bounces, sessions }) => bounces / sessions },
  average_rows: { line: "average activities", kind: "lines", of: ({ rows, sessions }) => rows / sessions },
};

export function sessions(asked: Definition, answer: SessionsAnswer, name: Name): Drawn {
  const { measure = "sessions" } = asked;
  const { buckets, entries = [], exits = [], groups = [] } = answer;
  if (asked.bucket === "whole" && groups.length > 0) return sessionParts(asked, buckets[0], groups);
  const { line, of, ...drawing } = SESSION_LINES[measure];
  const isCount = measure === "sessions";
  const names = buckets.map(({ start_ms }) => name(start_ms));
  const rows = buckets.map(({ sessions, duration_ms, bounces, rows }, index): Value[] => [names[index] ?? "", sessions, sessions ? span(duration_ms / sessions) : null, percent(bounces / (sessions || Number.NaN)), sessions ? number(rows / sessions) : null]);
  const cells = buckets.map(({ start_ms, bounces }): Cell[] => [null, { bucket_ms: start_ms }, null, bounces ? { bucket_ms: start_ms, bounced: true } : null, null]);
  const most = (list: [string, number][]) => list.slice(0, 5).map(([activity, count]) => `${activity} (${number(count)})`).join(", ");
  return {
    drawing: { ...drawing, names, lines: [{ name: line, values: buckets.map((bucket) => (isCount || bucket.sessions ? of(bucket) : null)) }] }, starts: buckets.map(({ start_ms }) => start_ms),
    facts: [...(entries.length ? [["Begin with", most(entries)] as [string, string]] : []), ...(exits.length ? [["End with", most(exits)] as [string, string]] : [])],
    head: ["when", "sessions", "average length", "bounce rate", "activities each"], rows, cells, cellAt: (index) => (buckets[index] ? { bucket_ms: buckets[index].start_ms } : null),
  };
}

export interface ActiveAnswer {
  days: { start_ms: number; day: number; week: number; month: number }[];
}

export function active({ days }: ActiveAnswer, name: Name): Drawn {
  const periods = ["day", "week", "month"] as const;
  const names = days.map(({ start_ms }) => name(start_ms));
  const called = { day: "on the day", week: "in 7 days", month: "in 30 days" };
  const cellAt = (index: number, line: number): Cell => { const day = days[index]; const period = periods[line]; return day && period ? { day_ms: day.start_ms, period } : null; };
  return {
    drawing: { kind: "lines", names, lines: periods.map((period) => ({ name: called[period], values: days.map((day) => day[period]) })) }, starts: days.map(({ start_ms }) => start_ms),
    head: ["day", ...periods.map((period) => called[period]), "day as a share of 30 days"], rows: days.map((day, index) => [names[index] ?? "", day.day, day.week, day.month, percent(day.day / (day.month || Number.NaN))]),
    cells: days.map((_, index) => [null, ...periods.map((_, line) => cellAt(index, line)), null]), cellAt,
  };
}

type Session = SessionsAnswer["buckets"][number];

/** Of the span as a whole, divided: a row for each part. */
function sessionParts(asked: Definition, all: Session | undefined, groups: { label: Label; buckets: Session[] }[]): Drawn {
  const parts = groups.flatMap(({ label, buckets: [bucket] }) => (bucket ? [{ label, ...bucket }] : []));
  const ranked = [...parts].sort((a, b) => Number(a.label === "other") - Number(b.label === "other") || b.sessions - a.sessions);
  const row = ({ sessions, duration_ms, bounces, rows }: Session): Value[] => [sessions, sessions ? span(duration_ms / sessions) : null, percent(bounces / (sessions || Number.NaN)), sessions ? number(rows / sessions) : null];
  const cells = ({ start_ms: bucket_ms, bounces }: Session, label: Label): Cell[] => [null, { bucket_ms, label }, null, bounces ? { bucket_ms, bounced: true, label } : null, null];
  return {
    drawing: { kind: "bars", names: ranked.map(({ label }) => labelled(label)), lines: [{ name: "sessions", values: ranked.map(({ sessions }) => sessions) }] },
    head: [dividedBy(asked), "sessions", "average length", "bounce rate", "activities each"],
    rows: ranked.map(({ label, ...one }) => [labelled(label), ...row(one)]), cells: ranked.map((one) => cells(one, one.label)),
    cellAt: (index) => { const part = ranked[index]; return part ? { bucket_ms: part.start_ms, label: part.label } : null; },
    ...(all && ranked.length > 1 && { totals: { values: ["all", ...row(all)], cells: cells(all, "everything") } }),
    figures: ranked.map(({ label, sessions, start_ms }) => ({ name: labelled(label), value: sessions, cell: { bucket_ms: start_ms, label } })),
  };
}
