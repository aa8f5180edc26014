// A trend of the span as a whole, divided: a row for each part, a column for each measure, and what they sum up to.

import { activityOf, labelled, type Cell, type Definition, type Drawn, type Figure, type Label, type Value } from "./drawn";
import type { TrendAnswer } from "./drawn_time";

interface Column {
  series: number;
  measure: number;
  name: string;
  /** Of parts without anything in common. */
  isSummed: boolean;
}

export const MEASURED: Record<string, string> = { count: "times", people: "people", new_people: "new people", sessions: "sessions", count_per_person: "times per person" };
const nameOf = (measure: unknown) => (typeof measure === "string" ? MEASURED[measure] ?? measure : Object.entries((measure ?? {}) as object).map(([name, of]) => `${name.replaceAll("_", " ")}${typeof of === "string" ? ` of ${of}` : ""}`).join(", "));
const isSum = (measure: unknown) => measure === "count" || (typeof measure === "object" && measure !== null && "sum" in measure);

/** What rows are told apart by, as a name of a column. */
export function byName(by: unknown): string {
  if (typeof by === "string") return by === "activity.event" ? "activity" : by.replace(/^activity\./, "");
  const [[of, what] = []] = Object.entries((by ?? {}) as Record<string, { property?: string; group?: string }>);
  return [of === "session" ? "session’s" : what?.group ?? "", what?.property ?? ""].filter(Boolean).join(" ");
}

const keyOf = (label: Label) => JSON.stringify(label);

export function parts(asked: Definition, { buckets, lines }: TrendAnswer): Drawn {
  const series = asked.series ?? [];
  const columns = series.flatMap(({ select, measures = [] }, place): Column[] => measures.map((measure, at) => ({
    series: place, measure: at, isSummed: isSum(measure) && !asked.cohorts?.length,
    name: series.length > 1 ? `${activityOf(select)}${measures.length > 1 ? ` ${nameOf(measure)}` : ""}` : nameOf(measure),
  })));
  const by = asked.cohorts?.length ? ["cohort"] : (asked.breakdown?.properties ?? []).map(byName);
  const found = new Map<string, { label: Label; values: Value[] }>();
  for (const { series: place, label, measures } of lines) {
    const row = found.get(keyOf(label)) ?? { label, values: columns.map(() => null) };
    columns.forEach((column, index) => { if (column.series === place) row.values[index] = measures[column.measure]?.[0] ?? null; });
    found.set(keyOf(label), row);
  }
  const isOther = (label: Label) => Number(label === "other");
  const all = [...found.values()].sort((a, b) => isOther(a.label) - isOther(b.label) || Number(b.values[0] ?? 0) - Number(a.values[0] ?? 0));
  const names = (label: Label) => (typeof label === "object" && "values" in label ? label.values.map((value) => value ?? "(none)") : [labelled(label), ...by.slice(1).map(() => "")]);
  const cellOf = (label: Label, { series: place, measure }: Column): Cell => ({ series: place, bucket_ms: buckets[0], label, previous: false, ...((series[place]?.measures?.length ?? 0) > 1 && { measure }) });
  const before = by.map(() => null);
  const hasTotals = all.length > 1 && columns.some(({ isSummed }) => isSummed);
  const sum = (column: Column, index: number) => (column.isSummed ? all.reduce((sum, { values }) => sum + Number(values[index] ?? 0), 0) : null);
  return {
    drawing: { kind: "bars", names: all.map(({ label }) => labelled(label)), lines: columns.map(({ name }, index) => ({ name, values: all.map(({ values }) => (typeof values[index] === "number" ? values[index] : null)) })) },
    head: [...by, ...columns.map(({ name }) => name)], labels: by.length,
    rows: all.map(({ label, values }) => [...names(label), ...values]),
    cells: all.map(({ label }) => [...before, ...columns.map((column) => cellOf(label, column))]),
    cellAt: (index, line) => { const [row, column] = [all[index], columns[line]]; return row && column ? cellOf(row.label, column) : null; },
    ...(hasTotals && { totals: { values: ["all", ...before.slice(1), ...columns.map(sum)], cells: [...before, ...columns.map((column) => (column.isSummed ? cellOf("everything", column) : null))] } }),
    figures: lines.flatMap(({ series: place, label, measures }): Figure[] => measures.map(([value], at) => {
      const own = columns.find((column) => column.series === place && column.measure === at);
      const measured = (series[place]?.measures?.length ?? 0) > 1 ? ` ${nameOf(series[place]?.measures?.[at])}` : "";
      return { name: `${series.length > 1 ? `${String.fromCharCode(65 + place)} ` : ""}${activityOf(series[place]?.select)}${measured} · ${labelled(label)}`, value: value ?? null, cell: own ? cellOf(label, own) : null };
    })),
  };
}
