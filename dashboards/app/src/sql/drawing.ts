// Rows as a chart: a column against the numbers beside it.

import type { Rows } from "../api/rows";
import type { Drawing } from "../chart/options";

export const SHAPES = [["usual", "automatic"], ["lines", "lines"], ["bars", "bars"], ["stacked", "stacked bars"]] as const;
/** What somebody chose; what is left out is the usual. */
export interface Chosen {
  shape?: (typeof SHAPES)[number][0];
  /** The column along the chart. */
  along?: number;
  /** The one column of numbers that is drawn. */
  number?: number;
}

/** What an address says of it. */
export function readChosen(value: unknown): Chosen | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { shape, along, number } = value as Record<string, unknown>;
  const place = (of: unknown) => (Number.isInteger(of) && Number(of) >= 0 ? Number(of) : undefined);
  const known = SHAPES.find(([key]) => key === shape)?.[0];
  return { ...(known && { shape: known }), ...(place(along) !== undefined && { along: place(along) }), ...(place(number) !== undefined && { number: place(number) }) };
}

/** Without columns that these rows do not have. */
export function fitting({ columns }: Rows, { shape, along, number }: Chosen = {}): Chosen {
  const isThere = (at: number | undefined) => at !== undefined && at < columns.length;
  return { ...(shape && { shape }), ...(isThere(along) && { along }), ...(isThere(number) && { number }) };
}

export const isNumber = (type: string) => type === "integer" || type === "float" || type === "number";

const ROWS_MAX = 2000;

export function drawingOf({ columns, rows }: Rows, { shape = "usual", along = 0, number }: Chosen = {}): Drawing | undefined {
  const numbers = columns.flatMap(({ type }, index) => (index !== along && isNumber(type) && (number === undefined || number === index) ? index : []));
  if (numbers.length === 0 || rows.length > ROWS_MAX) return undefined;
  const lines = numbers.map((index) => ({ name: columns[index]?.name ?? "", values: rows.map((row) => (typeof row[index] === "number" ? row[index] : null)) }));
  const usual = columns[along]?.type === "timestamp" ? "lines" : "bars";
  return { kind: shape === "usual" ? usual : shape === "lines" ? "lines" : "bars", names: rows.map((row) => String(row[along] ?? "null")), lines, ...(shape === "stacked" && { isStacked: true }) };
}
