// An answer as a drawing and a table of the same numbers; each number knows the people behind it.

import type { Drawing } from "../chart/options";
import { bucketName, number, percent, span } from "../parts/format";
import { EDGES, RANKS } from "./body";
import type { Question } from "./question";

export type Value = string | number | null;
/** A number of the answer, as `POST …/insights/{kind}/people` names it. */
export type Cell = object | null;
export interface Drawn {
  drawing?: Drawing;
  head: string[];
  rows: Value[][];
  about?: string;
  /** What is behind each number of the rows; null where there is nobody to show. */
  cells?: Cell[][];
  /** What is behind a place of the drawing. */
  cellAt?: (index: number, line: number) => Cell;
  /** From 0 to 1: how dark a number stands in the table. */
  shades?: (number | null)[][];
  /** Rows that are people, by id. */
  people?: string[];
}
type Label = "everything" | "other" | { values: (string | null)[] };
interface TrendAnswer {
  buckets: number[];
  lines: { series: number; label: Label; measures: (number | null)[][] }[];
  previous?: TrendAnswer;
}
export interface Answers {
  trend: TrendAnswer;
  funnel: { groups: { value: string | null; label?: Label; reached: number[]; converted_ms: number[] }[] };
  retention: { cohorts: { start_ms: number; people: number; returned: number[] }[] };
  paths: { paths: { activities: string[]; count: number }[]; edges: { place: number; from: string; to: string; count: number }[] };
  lifecycle: { buckets: { start_ms: number; new: number; returning: number; resurrecting: number; dormant: number }[] };
  stickiness: { people: number[] };
  sessions: { buckets: { start_ms: number; sessions: number; duration_ms: number; bounces: number; rows: number }[] };
  active_people: { days: { start_ms: number; day: number; week: number; month: number }[] };
  distribution: { count: number; sum: number; minimum: number | null; maximum: number | null; histogram: number[]; percentiles: (number | null)[] };
  time_between: { count: number; people: number; sum_ms: number; percentiles_ms: (number | null)[] };
  ranking: { rows: { activity: string | null; person: string | null; rows: number }[] };
  cohort: { people: number; listed: string[] };
}

const nameOf = (activity: string | undefined) => activity || "any activity";

export function drawn(question: Question, answer: unknown, zone: string): Drawn {
  const name = (start: number) => bucketName(start, question.bucket, zone);
  switch (question.kind) {
    case "trend": return trend(question, answer as Answers["trend"], name);
    case "funnel": return funnel(question, answer as Answers["funnel"]);
    case "retention": return retention(answer as Answers["retention"], name);
    case "paths": return paths(answer as Answers["paths"]);
    case "lifecycle": return lifecycle(answer as Answers["lifecycle"], name);
    case "stickiness": return stickiness(question, answer as Answers["stickiness"]);
    case "sessions": return sessions(answer as Answers["sessions"], name);
    case "active_people": return active(answer as Answers["active_people"], (start) => bucketName(start, "day", zone));
    case "distribution": return distribution(question, answer as Answers["distribution"]);
    case "time_between": return timeBetween(answer as Answers["time_between"]);
    case "ranking": return ranking(answer as Answers["ranking"]);
    case "cohort": return cohort(answer as Answers["cohort"]);
  }
}

function trend(question: Question, answer: TrendAnswer, name: (start: number) => string): Drawn {
  const lineOf = ({ series, label, measures }: TrendAnswer["lines"][number], isPrevious: boolean) => {
    const step = question.steps[series];
    const part = label === "everything" ? "" : label === "other" ? " · other" : ` · ${label.values.map((value) => value ?? "(none)").join(", ")}`;
    return { name: `${question.steps.length > 1 ? `${String.fromCharCode(65 + series)} ` : ""}${nameOf(step?.activity)}${part}${isPrevious ? " (before)" : ""}`, values: measures[0] ?? [], isPrevious };
  };
  const own = [...answer.lines.map((line) => ({ line, previous: false })), ...(answer.previous?.lines ?? []).map((line) => ({ line, previous: true }))];
  const lines = own.map(({ line, previous }) => lineOf(line, previous));
  const cellAt = (index: number, at: number): Cell => {
    const { line, previous } = own[at] ?? {};
    const bucket_ms = (previous ? answer.previous : answer)?.buckets[index];
    return line && bucket_ms !== undefined ? { series: line.series, bucket_ms, label: line.label, previous } : null;
  };
  const names = answer.buckets.map(name);
  return {
    drawing: { kind: "lines", names, lines }, head: [question.bucket, ...lines.map((line) => line.name)],
    rows: names.map((bucket, index) => [bucket, ...lines.map(({ values }) => values[index] ?? null)]),
    cells: names.map((_, index) => [null, ...lines.map((_, at) => cellAt(index, at))]), cellAt,
  };
}

function funnel(question: Question, answer: Answers["funnel"]): Drawn {
  const names = question.steps.map((step, index) => `${index + 1} ${nameOf(step.activity)}`);
  const called = ({ value, label }: Answers["funnel"]["groups"][number]) => (label === "other" ? "other" : value ?? "(none)");
  const lines = answer.groups.map((group) => ({ name: question.breakdown ? called(group) : "people", values: group.reached }));
  const rows = answer.groups.flatMap((group) => group.reached.map((people, level): Value[] => [
    ...(question.breakdown ? [called(group)] : []), names[level] ?? "", people, level ? (group.reached[level - 1] ?? 0) - people : null, percent(people / (group.reached[0] || Number.NaN)), level ? percent(people / (group.reached[level - 1] || Number.NaN)) : "",
  ]));
  const label = (group: Answers["funnel"]["groups"][number]): Label => group.label ?? "everything";
  const cells = answer.groups.flatMap((group) => group.reached.map((_, level): Cell[] => [
    ...(question.breakdown ? [null] : []), null, { step: level + 1, standing: "reached", label: label(group) }, level ? { step: level, standing: "dropped", label: label(group) } : null, null, null,
  ]));
  const middle = answer.groups.length === 1 ? answer.groups[0]?.converted_ms[3] : undefined;
  const cellAt = (index: number, at: number): Cell => { const group = answer.groups[at]; return group ? { step: index + 1, standing: "reached", label: label(group) } : null; };
  return { drawing: { kind: "bars", names, lines }, head: [...(question.breakdown ? [question.breakdown] : []), "step", "people", "lost before it", "of all", "of the step before"], rows, cells, cellAt, about: middle === undefined ? undefined : `Half of those who got through took ${span(middle)} or less.` };
}

function retention({ cohorts }: Answers["retention"], name: (start: number) => string): Drawn {
  const longest = Math.max(0, ...cohorts.map(({ returned }) => returned.length));
  // A later bucket counts only the people who have had the time to reach it.
  const shares = Array.from({ length: longest }, (_, after) => {
    const old = cohorts.filter(({ returned }) => returned.length > after);
    const people = old.reduce((sum, cohort) => sum + cohort.people, 0);
    return people ? old.reduce((sum, { returned }) => sum + (returned[after] ?? 0), 0) / people : null;
  });
  const rows = cohorts.map(({ start_ms, people, returned }): Value[] => [name(start_ms), people, ...Array.from({ length: longest }, (_, after) => returned[after] ?? null)]);
  const cells = cohorts.map(({ start_ms, returned }): Cell[] => [null, { start_ms }, ...Array.from({ length: longest }, (_, after) => (after < returned.length ? { start_ms, after } : null))]);
  const shades = cohorts.map(({ people, returned }) => [null, null, ...Array.from({ length: longest }, (_, after) => (people ? (returned[after] ?? 0) / people : null))]);
  const lines = [{ name: "% who return", values: shares.map((share) => (share === null ? null : Math.round(share * 1000) / 10)) }];
  return { drawing: { kind: "lines", names: shares.map((_, index) => String(index)), lines }, head: ["started", "people", ...shares.map((_, index) => String(index))], rows, cells, shades };
}

function paths({ paths, edges }: Answers["paths"]): Drawn {
  const shown = edges.slice(0, 60);
  const flows = shown.map(({ place, from, to, count }) => ({ from: `${place} · ${from}`, to: `${place + 1} · ${to}`, count }));
  const cellAt = (index: number): Cell => { const edge = shown[index]; return edge ? { edge: { place: edge.place, from: edge.from, to: edge.to } } : null; };
  return { drawing: flows.length ? { kind: "flows", edges: flows } : undefined, head: ["path", "times"], rows: paths.map(({ activities, count }) => [activities.join(" → "), count]), cells: paths.map(({ activities }) => [null, { path: activities }]), cellAt };
}

function lifecycle({ buckets }: Answers["lifecycle"], name: (start: number) => string): Drawn {
  const standings = ["new", "returning", "resurrecting", "dormant"] as const;
  const lines = standings.map((standing) => ({ name: standing, values: buckets.map((bucket) => (standing === "dormant" ? -bucket.dormant : bucket[standing])) }));
  const names = buckets.map(({ start_ms }) => name(start_ms));
  const cells = buckets.map(({ start_ms }): Cell[] => [null, ...standings.map((standing) => ({ bucket_ms: start_ms, standing }))]);
  return { drawing: { kind: "bars", names, lines, isStacked: true }, head: ["when", ...standings], rows: buckets.map((bucket, index) => [names[index] ?? "", ...standings.map((standing) => bucket[standing])]), cells };
}

function stickiness(question: Question, { people }: Answers["stickiness"]): Drawn {
  const names = people.map((_, index) => `${index + 1}`);
  return { drawing: { kind: "bars", names, lines: [{ name: "people", values: people }] }, head: [`${question.bucket}s`, "people"], rows: people.map((count, index) => [index + 1, count]), cells: people.map((_, index) => [null, { buckets: index + 1 }]), cellAt: (index) => ({ buckets: index + 1 }) };
}

function sessions({ buckets }: Answers["sessions"], name: (start: number) => string): Drawn {
  const names = buckets.map(({ start_ms }) => name(start_ms));
  const rows = buckets.map(({ sessions, duration_ms, bounces, rows }, index): Value[] => [names[index] ?? "", sessions, sessions ? span(duration_ms / sessions) : null, percent(bounces / (sessions || Number.NaN)), sessions ? number(rows / sessions) : null]);
  const cells = buckets.map(({ start_ms }): Cell[] => [null, { bucket_ms: start_ms }, null, { bucket_ms: start_ms, bounced: true }, null]);
  return { drawing: { kind: "bars", names, lines: [{ name: "sessions", values: buckets.map(({ sessions }) => sessions) }] }, head: ["when", "sessions", "length on average", "of one activity", "activities each"], rows, cells, cellAt: (index) => (buckets[index] ? { bucket_ms: buckets[index].start_ms } : null) };
}

function active({ days }: Answers["active_people"], name: (start: number) => string): Drawn {
  const periods = ["day", "week", "month"] as const;
  const names = days.map(({ start_ms }) => name(start_ms));
  const called = { day: "on the day", week: "in 7 days", month: "in 30 days" };
  const cellAt = (index: number, line: number): Cell => { const day = days[index]; const period = periods[line]; return day && period ? { day_ms: day.start_ms, period } : null; };
  return { drawing: { kind: "lines", names, lines: periods.map((period) => ({ name: called[period], values: days.map((day) => day[period]) })) }, head: ["day", ...periods.map((period) => called[period]), "of the month’s on the day"], rows: days.map((day, index) => [names[index] ?? "", day.day, day.week, day.month, percent(day.day / (day.month || Number.NaN))]), cells: days.map((_, index) => [null, ...periods.map((_, line) => cellAt(index, line)), null]), cellAt };
}

function distribution(question: Question, { count, sum, minimum, maximum, histogram, percentiles }: Answers["distribution"]): Drawn {
  const names = histogram.map((_, index) => (index === 0 ? `under ${EDGES[0]}` : index === EDGES.length ? `${EDGES.at(-1)} and more` : `${EDGES[index - 1]} to ${EDGES[index]}`));
  // Empty ends say nothing.
  const first = Math.max(0, histogram.findIndex((count) => count > 0));
  const last = histogram.findLastIndex((count) => count > 0);
  const places = histogram.map((_, index) => index).slice(first, last + 1);
  const of = question.property ? "times" : "people";
  const about = count ? `${number(count)} ${of}; least ${number(minimum)}, most ${number(maximum)}, ${number(sum / count)} on average; ${RANKS.slice(1, -1).map((rank, index) => `${rank * 100} % at most ${number(percentiles[index + 1])}`).join(", ")}.` : undefined;
  return { drawing: { kind: "bars", names: places.map((place) => names[place] ?? ""), lines: [{ name: of, values: places.map((place) => histogram[place] ?? 0) }] }, head: [question.property || "times per person", of], rows: places.map((place) => [names[place] ?? "", histogram[place] ?? 0]), cells: places.map((bin) => [null, { bin }]), cellAt: (index) => ({ bin: places[index] }), about };
}

function timeBetween({ count, people, sum_ms, percentiles_ms }: Answers["time_between"]): Drawn {
  const rows = RANKS.map((rank, index): Value[] => { const at = percentiles_ms[index]; return [rank === 0 ? "shortest" : rank === 1 ? "longest" : `${rank * 100} % at most`, at === null || at === undefined ? null : span(at), at ?? null]; });
  const cells = RANKS.map((_, index): Cell[] => { const at_most_ms = percentiles_ms[index]; return [null, null, at_most_ms === null || at_most_ms === undefined ? null : { at_most_ms }]; });
  return { head: ["share", "time", "milliseconds"], rows: count ? rows : [], cells, about: count ? `${number(count)} times by ${number(people)} people, ${span(sum_ms / count)} on average.` : undefined };
}

function ranking({ rows }: Answers["ranking"]): Drawn {
  const people = rows.some(({ person }) => person !== null) ? rows.map(({ person }) => person ?? "") : undefined;
  const names = rows.map(({ activity, person }) => activity ?? person ?? "");
  const top = names.slice(0, 15);
  return { drawing: people ? undefined : { kind: "bars", names: top, lines: [{ name: "times", values: rows.slice(0, 15).map(({ rows }) => rows) }] }, head: [people ? "person" : "activity", "times"], rows: rows.map(({ rows }, index) => [names[index] ?? "", rows]), cells: people ? undefined : rows.map(({ activity }) => [null, { activity }]), cellAt: people ? undefined : (index) => ({ activity: rows[index]?.activity }), people };
}

function cohort({ people, listed }: Answers["cohort"]): Drawn {
  return { head: ["person"], rows: listed.map((id) => [id]), people: listed, about: `${number(people)} ${people === 1 ? "person belongs" : "people belong"} to this group${people > listed.length ? `; the first ${number(listed.length)} are listed` : ""}.` };
}
