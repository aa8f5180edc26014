// One metric day by day: what is drawn, and how far the drawing reaches.

import type { Line, Lines } from "../chart/options";
import type { Comparison } from "./told";

export const daysOf = (comparisons: Comparison[]) => [...new Set(comparisons.flatMap(({ curve }) => curve.map(({ day }) => day)))].sort();

const REACH_MIN = 0.02;
const REACH_TIMES = 4;

interface Point {
  effect?: number | null;
  interval?: { low: number | null; high: number | null } | null;
}

/** Effects with their intervals, as they are. */
export const lineOf = (name: string, points: (Point | undefined)[]): Line => ({
  name,
  values: points.map((point) => point?.effect ?? null),
  band: points.map((point) => (point?.interval?.low == null || point.interval.high == null ? null : { low: point.interval.low, high: point.interval.high })),
});

/** Where an axis ends so that wide intervals do not hide the others: at four times these. */
export const reachOf = (intervals: (Point["interval"])[]) =>
  Math.max(REACH_MIN, REACH_TIMES * Math.max(0, ...intervals.flatMap((interval) => [Math.abs(interval?.low ?? 0), Math.abs(interval?.high ?? 0)])));

/** Effects and intervals as they are. Those of the first days are so wide that nothing else would be seen: the axis ends at four times the last. */
export function curves(comparisons: Comparison[]): Lines {
  const days = daysOf(comparisons);
  const lines = comparisons.map(({ variation, curve }) => {
    const at = new Map(curve.map((point) => [point.day, point]));
    return lineOf(variation, days.map((day) => at.get(day)));
  });
  const reach = reachOf(comparisons.map(({ curve }) => curve.at(-1)?.interval));
  return { kind: "lines", names: days.map((day) => new Date(day).toLocaleDateString("en-GB", { day: "numeric", month: "short", timeZone: "UTC" })), lines, unit: "percent", reach };
}

/** Something is wider than what is drawn. */
export const isCut = ({ lines, reach = Infinity }: Lines) => lines.some(({ values, band = [] }) => [...values, ...band.flatMap((one) => [one?.low ?? 0, one?.high ?? 0])].some((value) => Math.abs(value ?? 0) > reach));
