// The numbers of an answer as a table; each one that stands for people, activities or rows is a way to them.

import type { ReactNode } from "react";
import { Link } from "../frame/link";
import { number } from "../parts/format";
import { Grid } from "../parts/grid";
import { hrefOf, type Where } from "../sql/links";
import type { Cell, Drawn, Value } from "./drawn";

export const cellOf = (value: string | number | null | undefined) => (typeof value === "string" ? value : value === null || value === undefined ? "" : number(value));

interface Props {
  label: string;
  shown: Pick<Drawn, "head" | "rows" | "cells" | "shades" | "totals" | "labels">;
  show?: (cell: Cell, what: string) => void;
  height?: number;
  /** Ids and names of rows of SQL are ways to their pages in this project. */
  project?: Where;
  /** What stands in the first column of a row. */
  first?: (row: number) => ReactNode;
  /** Leads to the rows behind a row of SQL, where there are some. */
  rowsOf?: (row: number) => (() => void) | undefined;
}

export function Numbers({ label, shown, show, height, project, first, rowsOf }: Props) {
  const labels = shown.labels ?? 1;
  const behind = (value: Value | undefined, own: Cell | undefined, what: string, style?: { background: string }): ReactNode => {
    const text = cellOf(value);
    if (!show || !own || !value) return style ? <span style={style}>{text}</span> : text;
    return <button type="button" className="behind" style={style} title="Who is this?" aria-label={`${text}, ${what}: who is this?`} onClick={() => show(own, what)}>{text}</button>;
  };
  const cell = (row: number, column: number) => {
    if (column === 0 && first) return first(row);
    const value = shown.rows[row]?.[column];
    const shade = shown.shades?.[row]?.[column];
    const style = shade ? { background: `color-mix(in srgb, var(--hue-0) ${Math.round(shade * 38)}%, transparent)` } : undefined;
    const href = project === undefined ? undefined : hrefOf(project, shown.head[column] ?? "", value);
    if (href) return <Link href={href}>{value}</Link>;
    const what = `${shown.head[column]}: ${shown.rows[row]?.slice(0, labels).filter(Boolean).join(", ")}`;
    const rows = typeof value === "number" ? rowsOf?.(row) : undefined;
    if (rows) return <button type="button" className="behind" title="Which rows are these?" aria-label={`${cellOf(value)}, ${what}: which rows are these?`} onClick={rows}>{cellOf(value)}</button>;
    return behind(value, shown.cells?.[row]?.[column], what, style);
  };
  const { totals } = shown;
  const foot = totals?.values.map((value, column) => behind(value, totals.cells[column], `${shown.head[column]}: all`));
  return <Grid label={label} columns={shown.head.map((name, index) => ({ name, isNumber: index >= labels }))} count={shown.rows.length} cell={cell} foot={foot} height={height} />;
}
