// How much arrives a second: what came within the last moments, however much that is.

export interface Wave {
  at: number;
  count: number;
}

const WINDOW_MS = 10_000;
const isRecent = (now: number) => ({ at }: Wave) => at > now - WINDOW_MS;

/** With what has just arrived, and without what is too old to count. */
export const withWave = (waves: Wave[], count: number, now: number): Wave[] => [...waves.filter(isRecent(now)), { at: now, count }];

/** Activities a second. */
export const rateOf = (waves: Wave[], now: number): number => waves.filter(isRecent(now)).reduce((sum, { count }) => sum + count, 0) / (WINDOW_MS / 1000);
