// Where things of a chart lie: the values' axis, stacks, and which names there is room for.

import { extent, nice, ticks } from "d3-array";
import { short } from "../parts/format";
import { widthOf, type Lines, type Unit } from "./options";

export interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}
export interface Axis {
  low: number;
  high: number;
  ticks: number[];
}
export type Stacked = { from: number; to: number } | null;

export const written = (value: number, unit: Unit = "number") => (unit === "percent" ? `${Number((value * 100).toFixed(2))} %` : short(value));

/** An axis from zero, or from below it, with round ends. */
export function axisOf(values: Iterable<number | null>, height: number): Axis {
  const [least = 0, most = 0] = extent([...values].filter((value): value is number => value !== null && Number.isFinite(value)));
  const [from, to] = [Math.min(0, least), Math.max(0, most)];
  const count = Math.max(2, Math.round(height / 56));
  const [low, high] = from === to ? [0, 1] : nice(from, to, count);
  return { low, high, ticks: ticks(low, high, count) };
}

/** Each line's bars: beside one another from zero, or on top of one another, what is negative downwards. */
export function stacked({ lines, names, isStacked }: Lines): Stacked[][] {
  const ends = names.map(() => ({ up: 0, down: 0 }));
  return lines.map(({ values }) => names.map((_, index) => {
    const value = values[index];
    const end = ends[index];
    if (value === null || value === undefined || !end) return null;
    if (!isStacked) return { from: 0, to: value };
    const side = value < 0 ? "down" : "up";
    const from = end[side];
    end[side] += value;
    return { from, to: end[side] };
  }));
}

/** Every so-manieth name has room; where the first and the last name begin and end at their places, those reach half a name further. */
export function strideOf(names: string[], width: number, isFlush = false): number {
  const widest = Math.max(1, ...names.map((name) => widthOf(shortened(name)))) * (isFlush ? 1.5 : 1) + 14;
  return Math.max(1, Math.ceil((names.length * widest) / Math.max(1, width)));
}

/** The names along an axis as they are written, and every so-manieth of them. Of bars all are written where few have to be shorter for it, and all are told apart even so. */
export function labelsOf(names: string[], width: number, isFlush: boolean): { texts: string[]; stride: number } {
  const stride = strideOf(names, width, isFlush);
  const room = Math.floor((width / Math.max(1, names.length) - 14) / widthOf("m"));
  const shorter = names.map((name) => shortened(name, room));
  const cut = shorter.filter((name, index) => name !== names[index]).length;
  const isEnough = !isFlush && stride > 1 && room >= 6 && cut <= names.length / 3 && new Set(shorter).size === new Set(names).size;
  return isEnough ? { texts: shorter, stride: 1 } : { texts: names.map((name) => shortened(name)), stride };
}

export const shortened = (name: string, most = 18) => (name.length > most ? `${name.slice(0, most - 1)}…` : name);

/** Which line lies nearest to a value at a place; of bars on each other the one that holds it. None has to be there. */
export function lineAt({ lines, kind, isStacked }: Lines, bars: Stacked[][], index: number, value: number, across: number): number {
  if (kind === "bars" && !isStacked) return Math.max(0, Math.min(lines.length - 1, Math.floor(across * lines.length)));
  const away = lines.map(({ values }, line) => {
    const bar = kind === "bars" ? bars[line]?.[index] : undefined;
    if (bar) return Math.max(0, Math.min(bar.from, bar.to) - value, value - Math.max(bar.from, bar.to)) + (bar.from === bar.to ? Number.MIN_VALUE : 0);
    const own = values[index];
    return kind === "bars" || own === null || own === undefined ? Number.POSITIVE_INFINITY : Math.abs(own - value);
  });
  return Math.max(0, away.indexOf(Math.min(...away)));
}
