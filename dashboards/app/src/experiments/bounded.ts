// Curves of effects with their intervals.

import type { Line } from "../chart/options";

interface Point {
  effect?: number | null;
  interval?: { low: number | null; high: number | null } | null;
}

/** Intervals of few people are so wide that nothing else would be seen: all is cut at four times the narrowest. */
export function bounded(name: string, points: (Point | undefined)[]): Line {
  const widths = points.flatMap((point) => (point?.interval ? [Math.max(Math.abs(point.interval.low ?? Infinity), Math.abs(point.interval.high ?? Infinity))] : []));
  const reach = 4 * Math.max(0.005, Math.min(...widths.filter(Number.isFinite)));
  const cut = (value: number) => (Number.isFinite(reach) ? Math.max(-reach, Math.min(reach, value)) : value);
  return {
    name,
    values: points.map((point) => (point?.effect === null || point?.effect === undefined ? null : cut(point.effect))),
    band: points.map((point) => (point?.interval?.low === null || point?.interval?.high === null || !point?.interval ? null : { low: cut(point.interval.low), high: cut(point.interval.high) })),
  };
}
