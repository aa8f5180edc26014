// What a tile shows of an answer: one number, a drawing, a table; all of the same numbers.

import type { Drawing } from "../chart/options";
import { drawn } from "../insights/drawn";
import { readQuestion } from "../insights/question";
import { drawingOf, isNumber } from "../sql/drawing";
import { questionOf, type Show, type TileAnswer } from "./model";

export interface Shown {
  figure?: number;
  drawing?: Drawing;
  head: string[];
  rows: (string | number | null)[][];
  about?: string;
}

const DRAWN = ["trend", "funnel", "retention", "paths", "lifecycle", "stickiness", "sessions"];

export function shownOf(answer: TileAnswer, zone: string): Shown {
  const all = answer.question ? ofInsight(answer, zone) : ofRows(answer);
  return { ...as(answer.show, all) };
}

function ofInsight({ question, answer }: TileAnswer, zone: string): Shown {
  const definition = question ?? {};
  if (DRAWN.includes(String(definition.question))) {
    const shown = drawn(readQuestion(questionOf(definition)), answer, zone);
    const first = shown.drawing?.kind === "flows" ? undefined : shown.drawing?.lines[0]?.values;
    return { ...shown, figure: first?.reduce<number>((sum, value) => sum + (value ?? 0), 0) };
  }
  // Kinds that have no drawing: their first list as it stands.
  const list = Object.values((answer ?? {}) as Record<string, unknown>).find(Array.isArray) as unknown[] | undefined;
  const head = list?.[0] && typeof list[0] === "object" && !Array.isArray(list[0]) ? Object.keys(list[0]) : ["value"];
  const cell = (value: unknown) => (typeof value === "number" || typeof value === "string" ? value : value === null || value === undefined ? null : JSON.stringify(value));
  return { head, rows: (list ?? []).map((one) => (head.length === 1 && head[0] === "value" ? [cell(one)] : head.map((name) => cell((one as Record<string, unknown>)[name])))) };
}

function ofRows({ columns, rows }: TileAnswer): Shown {
  const figure = rows[0]?.find((cell) => typeof cell === "number");
  const cells = rows.map((row) => row.map((cell) => (typeof cell === "number" || typeof cell === "string" || cell === null ? cell : JSON.stringify(cell))));
  return { figure: figure as number | undefined, drawing: columns.length > 1 && columns.slice(1).every(({ type }) => isNumber(type)) ? drawingOf({ columns, rows }) : undefined, head: columns.map(({ name }) => name), rows: cells };
}

function as(show: Show, all: Shown): Shown {
  const { drawing } = all;
  switch (show) {
    case "number": return { ...all, drawing: undefined };
    case "table": return { ...all, drawing: undefined, figure: undefined };
    case "line": case "bar":
      return { ...all, figure: undefined, drawing: drawing && drawing.kind !== "flows" ? { ...drawing, kind: show === "line" ? "lines" : "bars" } : drawing };
    case "usual": return { ...all, figure: undefined };
  }
}
