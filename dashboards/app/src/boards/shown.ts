// What a tile shows of an answer: one number, a drawing, a table; all of the same numbers, each with the people behind it.

import { drawn, type Cell, type Drawn } from "../insights/drawn";
import { KINDS, type Kind } from "../insights/question";
import { apart } from "../insights/taken";
import { drawingOf, isNumber } from "../sql/drawing";
import type { Show, TileAnswer } from "./model";

export interface Shown extends Omit<Drawn, "rows"> {
  rows: (string | number | null)[][];
  figure?: number;
  /** What is behind the one number. */
  figureCell?: Cell;
  /** The question of an insight. */
  asked?: { kind: Kind; definition: Record<string, unknown> };
}

export function shownOf(answer: TileAnswer, zone: string): Shown {
  return as(answer.show, answer.question ? ofInsight(answer, zone) : ofRows(answer));
}

function ofInsight({ question, answer }: TileAnswer, zone: string): Shown {
  const asked = apart(question ?? {});
  if (!KINDS.some(([kind]) => kind === asked.kind)) return { head: [], rows: [], asked };
  const shown = drawn(asked.kind, asked.definition, answer, zone);
  const first = shown.drawing?.kind === "flows" ? undefined : shown.drawing?.lines[0]?.values;
  if (asked.kind === "funnel" && first && !asked.definition.trend) {
    const figure = first.at(-1);
    return { ...shown, asked, figure: figure ?? undefined, figureCell: { step: first.length, standing: "reached" } };
  }
  const figure = first?.reduce<number>((sum, value) => sum + (value ?? 0), 0);
  return { ...shown, asked, figure, figureCell: asked.kind === "trend" ? { series: 0 } : undefined };
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
