// The numbers of an answer as a table; each one that stands for people is a way to them.

import { Link } from "../frame/link";
import { placeOf } from "../frame/project";
import { number } from "../parts/format";
import { Grid } from "../parts/grid";
import type { Cell, Drawn } from "./drawn";

export const cellOf = (value: string | number | null | undefined) => (typeof value === "string" ? value : value === null || value === undefined ? "" : number(value));

interface Props {
  label: string;
  shown: Pick<Drawn, "head" | "rows" | "cells" | "shades">;
  show?: (cell: Cell, what: string) => void;
  height?: number;
  /** Persons of the column `person_id` are ways to their timelines in this project. */
  project?: string;
}

export function Numbers({ label, shown, show, height, project }: Props) {
  const cell = (row: number, column: number) => {
    const value = shown.rows[row]?.[column];
    const own = shown.cells?.[row]?.[column];
    const shade = shown.shades?.[row]?.[column];
    const style = shade ? { background: `color-mix(in srgb, var(--hue-0) ${Math.round(shade * 38)}%, transparent)` } : undefined;
    if (project && shown.head[column] === "person_id" && typeof value === "string") return <Link href={placeOf(project, `people/${encodeURIComponent(value)}`)}>{value}</Link>;
    if (!show || !own || !value) return style ? <span style={style}>{cellOf(value)}</span> : cellOf(value);
    const what = `${shown.head[column]}: ${shown.rows[row]?.[0]}`;
    return <button type="button" className="behind" style={style} title="Who is this?" aria-label={`${cellOf(value)}, ${what}: who is this?`} onClick={() => show(own, what)}>{cellOf(value)}</button>;
  };
  return <Grid label={label} columns={shown.head.map((name, index) => ({ name, isNumber: index > 0 }))} count={shown.rows.length} cell={cell} height={height} />;
}
