// Rows as a chart: the first column against the numbers beside it.

import type { Rows } from "../api/rows";
import type { Drawing } from "../chart/options";

export const isNumber = (type: string) => type === "integer" || type === "float" || type === "number";

const ROWS_MAX = 2000;

export function drawingOf({ columns, rows }: Rows): Drawing | undefined {
  const numbers = columns.flatMap(({ type }, index) => (index > 0 && isNumber(type) ? index : []));
  if (numbers.length === 0 || rows.length > ROWS_MAX) return undefined;
  const lines = numbers.map((index) => ({ name: columns[index]?.name ?? "", values: rows.map((row) => (typeof row[index] === "number" ? row[index] : null)) }));
  return { kind: columns[0]?.type === "timestamp" ? "lines" : "bars", names: rows.map((row) => String(row[0] ?? "null")), lines };
}
