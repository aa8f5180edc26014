// One metric day by day: what is drawn, and how far the drawing reaches.

import type { Lines } from "../chart/options";
import type { Comparison } from "./told";

export const daysOf = (comparisons: Comparison[]) => [...new Set(comparisons.flatMap(({ curve }) => curve.map(({ day }) => day)))].sort();

const REACH_MIN = 0.02;
const REACH_TIMES = 4;

/** Effects and intervals as they are. Those of the first days are so wide that nothing else would be seen: the axis ends at four times the last. */
export function curves(comparisons: Comparison[]): Lines {
  const days = daysOf(comparisons);
  const lines = comparisons.map(({ variation, curve }) => {
    const at = new Map(curve.map((point) => [point.day, point]));
    const points = days.map((day) => at.get(day));
    return {
      name: variation,
      values: points.map((point) => point?.effect ?? null),
      band: points.map((point) => (point?.interval?.low == null || point.interval.high == null ? null : { low: point.interval.low, high: point.interval.high })),
    };
  });
  const lasts = comparisons.map(({ curve }) => curve.at(-1)?.interval).flatMap((interval) => [Math.abs(interval?.low ?? 0), Math.abs(interval?.high ?? 0)]);
  const reach = Math.max(REACH_MIN, REACH_TIMES * Math.max(0, ...lasts));
  return { kind: "lines", names: days.map((day) => new Date(day).toLocaleDateString("en-GB", { day: "numeric", month: "short", timeZone: "UTC" })), lines, unit: "percent", reach };
}

/** Something is wider than what is drawn. */
export const isCut = ({ lines, reach = Infinity }: Lines) => lines.some(({ values, band = [] }) => [...values, ...band.flatMap((one) => [one?.low ?? 0, one?.high ?? 0])].some((value) => Math.abs(value ?? 0) > reach));
