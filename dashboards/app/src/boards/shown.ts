// What a tile shows of an answer: one number, a drawing, a table; all of the same numbers, each with the people behind it.

import { drawn, type Definition, type Drawn, type Figure } from "../insights/drawn";
import { KINDS, type Kind } from "../insights/question";
import { apart } from "../insights/taken";
import { drawingOf, isNumber } from "../sql/drawing";
import type { Show, TileAnswer } from "./model";

export interface Shown extends Omit<Drawn, "rows"> {
  rows: (string | number | null)[][];
  /** What a tile that shows numbers shows; none for answers that are no numbers. */
  figures?: Figure[];
  /** The question of an insight. */
  asked?: { kind: Kind; definition: Record<string, unknown> };
}

const FIGURES_MAX = 12;

export function shownOf(answer: TileAnswer, zone: string): Shown {
  return as(answer.show, answer.question ? ofInsight(answer, zone) : ofRows(answer));
}

function ofInsight({ question, answer }: TileAnswer, zone: string): Shown {
  const asked = apart(question ?? {});
  if (!KINDS.some(([kind]) => kind === asked.kind)) return { head: [], rows: [], asked };
  const shown = drawn(asked.kind, asked.definition, answer, zone);
  return { ...shown, asked, figures: figuresOf(asked.kind, asked.definition as Definition, shown) };
}

/** Of a span asked as a whole (the server does, where a tile shows numbers) each number of its one bucket; of funnels who got through. */
function figuresOf(kind: Kind, { bucket, trend }: Definition, shown: Drawn): Figure[] | undefined {
  const { drawing, rows, cells, head } = shown;
  if (shown.figures) return shown.figures.slice(0, FIGURES_MAX);
  if (kind === "funnel" && !trend && drawing && drawing.kind !== "flows") {
    const last = drawing.names.length - 1;
    return drawing.lines.slice(0, FIGURES_MAX).map(({ name, values }, line) => ({ name, value: values[last] ?? null, cell: shown.cellAt?.(last, line) }));
  }
  const [row, ...others] = rows;
  if (bucket !== "whole" || !row || others.length > 0) return undefined;
  return row.slice(1, 1 + FIGURES_MAX).map((value, index) => ({ name: head[index + 1] ?? "", value, cell: cells?.[0]?.[index + 1] }));
}

function ofRows({ columns, rows }: TileAnswer): Shown {
  const figure = rows[0]?.find((cell): cell is number => typeof cell === "number");
  const cells = rows.map((row) => row.map((cell) => (typeof cell === "number" || typeof cell === "string" || cell === null ? cell : JSON.stringify(cell))));
  return { figures: [{ name: columns[rows[0]?.findIndex((cell) => typeof cell === "number") ?? 0]?.name ?? "", value: figure ?? null }], drawing: columns.length > 1 && columns.slice(1).every(({ type }) => isNumber(type)) ? drawingOf({ columns, rows }) : undefined, head: columns.map(({ name }) => name), rows: cells };
}

function as(show: Show, all: Shown): Shown {
  const { drawing } = all;
  switch (show) {
    case "number": return all.figures ? { ...all, drawing: undefined } : all;
    case "table": return { ...all, drawing: undefined, figures: undefined };
    case "line": case "bar":
      return { ...all, figures: undefined, drawing: drawing && drawing.kind !== "flows" ? { ...drawing, kind: show === "line" ? "lines" : "bars" } : drawing };
    case "usual": return { ...all, figures: undefined };
  }
}
