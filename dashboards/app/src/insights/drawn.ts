// An answer as a drawing and a table of the same numbers.

import type { Drawing } from "../chart/options";
import { bucketName, number, percent, span } from "../parts/format";
import type { Question } from "./question";

export type Value = string | number | null;
export interface Drawn {
  drawing?: Drawing;
  head: string[];
  rows: Value[][];
  about?: string;
}
type Label = "everything" | "other" | { values: (string | null)[] };
interface TrendAnswer {
  buckets: number[];
  lines: { series: number; label: Label; measures: (number | null)[][] }[];
  previous?: TrendAnswer;
}
export interface Answers {
  trend: TrendAnswer;
  funnel: { groups: { value: string | null; reached: number[]; converted_ms: number[] }[] };
  retention: { cohorts: { start_ms: number; people: number; returned: number[] }[] };
  paths: { paths: { activities: string[]; count: number }[]; edges: { place: number; from: string; to: string; count: number }[] };
  lifecycle: { buckets: { start_ms: number; new: number; returning: number; resurrecting: number; dormant: number }[] };
  stickiness: { people: number[] };
  sessions: { buckets: { start_ms: number; sessions: number; duration_ms: number; bounces: number; rows: number }[] };
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
  }
}

function trend(question: Question, answer: TrendAnswer, name: (start: number) => string): Drawn {
  const lineOf = ({ series, label, measures }: TrendAnswer["lines"][number], isPrevious: boolean) => {
    const step = question.steps[series];
    const part = label === "everything" ? "" : label === "other" ? " · other" : ` · ${label.values.map((value) => value ?? "(none)").join(", ")}`;
    return { name: `${question.steps.length > 1 ? `${String.fromCharCode(65 + series)} ` : ""}${nameOf(step?.activity)}${part}${isPrevious ? " (before)" : ""}`, values: measures[0] ?? [], isPrevious };
  };
  const lines = [...answer.lines.map((line) => lineOf(line, false)), ...(answer.previous?.lines ?? []).map((line) => lineOf(line, true))];
  const names = answer.buckets.map(name);
  return { drawing: { kind: "lines", names, lines }, head: [question.bucket, ...lines.map((line) => line.name)], rows: names.map((bucket, index) => [bucket, ...lines.map(({ values }) => values[index] ?? null)]) };
}

function funnel(question: Question, answer: Answers["funnel"]): Drawn {
  const names = question.steps.map((step, index) => `${index + 1} ${nameOf(step.activity)}`);
  const lines = answer.groups.map((group) => ({ name: question.breakdown ? group.value ?? "(none)" : "people", values: group.reached }));
  const rows = answer.groups.flatMap((group) => group.reached.map((people, level): Value[] => [
    ...(question.breakdown ? [group.value ?? "(none)"] : []), names[level] ?? "", people, percent(people / (group.reached[0] || Number.NaN)), level ? percent(people / (group.reached[level - 1] || Number.NaN)) : "",
  ]));
  const middle = answer.groups.length === 1 ? answer.groups[0]?.converted_ms[3] : undefined;
  return { drawing: { kind: "bars", names, lines }, head: [...(question.breakdown ? [question.breakdown] : []), "step", "people", "of all", "of the step before"], rows, about: middle === undefined ? undefined : `Half of those who got through took ${span(middle)} or less.` };
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
  const lines = [{ name: "% who return", values: shares.map((share) => (share === null ? null : Math.round(share * 1000) / 10)) }];
  return { drawing: { kind: "lines", names: shares.map((_, index) => String(index)), lines }, head: ["started", "people", ...shares.map((_, index) => String(index))], rows };
}

function paths({ paths, edges }: Answers["paths"]): Drawn {
  const flows = edges.slice(0, 60).map(({ place, from, to, count }) => ({ from: `${place} · ${from}`, to: `${place + 1} · ${to}`, count }));
  return { drawing: flows.length ? { kind: "flows", edges: flows } : undefined, head: ["path", "times"], rows: paths.map(({ activities, count }) => [activities.join(" → "), count]) };
}

function lifecycle({ buckets }: Answers["lifecycle"], name: (start: number) => string): Drawn {
  const standings = ["new", "returning", "resurrecting", "dormant"] as const;
  const lines = standings.map((standing) => ({ name: standing, values: buckets.map((bucket) => (standing === "dormant" ? -bucket.dormant : bucket[standing])) }));
  const names = buckets.map(({ start_ms }) => name(start_ms));
  return { drawing: { kind: "bars", names, lines, isStacked: true }, head: ["when", ...standings], rows: buckets.map((bucket, index) => [names[index] ?? "", ...standings.map((standing) => bucket[standing])]) };
}

function stickiness(question: Question, { people }: Answers["stickiness"]): Drawn {
  const names = people.map((_, index) => `${index + 1}`);
  return { drawing: { kind: "bars", names, lines: [{ name: "people", values: people }] }, head: [`${question.bucket}s`, "people"], rows: people.map((count, index) => [index + 1, count]) };
}

function sessions({ buckets }: Answers["sessions"], name: (start: number) => string): Drawn {
  const names = buckets.map(({ start_ms }) => name(start_ms));
  const rows = buckets.map(({ sessions, duration_ms, bounces, rows }, index): Value[] => [names[index] ?? "", sessions, sessions ? span(duration_ms / sessions) : null, percent(bounces / (sessions || Number.NaN)), sessions ? number(rows / sessions) : null]);
  return { drawing: { kind: "bars", names, lines: [{ name: "sessions", values: buckets.map(({ sessions }) => sessions) }] }, head: ["when", "sessions", "length on average", "of one activity", "activities each"], rows };
}
