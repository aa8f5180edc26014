// Numbers, times and spans as people read them.

const WHOLE = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const FINE = new Intl.NumberFormat("en", { maximumFractionDigits: 2 });
const FINEST = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });
const SHORT = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

export function number(value: number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  if (Number.isInteger(value)) return WHOLE.format(value);
  return (Math.abs(value) < 1 ? FINEST : FINE).format(value);
}

/** So many of something: "1 person", "1,200 people". */
export const counted = (count: number, one: string, several = `${one}s`) => `${number(count)} ${count === 1 ? one : several}`;

export const times = (count: number) => (count === 1 ? "once" : `${number(count)} times`);

export const short = (value: number) => SHORT.format(value);

export const percent = (share: number | null | undefined, digits = 1) =>
  share === null || share === undefined || !Number.isFinite(share) ? "–" : `${(share * 100).toFixed(digits)} %`;

/** A share that somebody has set, to its last digit: a rollout to 0.5 % is not one to 1 %. */
export const setPercent = (share: number) => `${number(Number((share * 100).toPrecision(6)))} %`;

/** With its sign: an effect. */
export const signedPercent = (share: number | null | undefined) =>
  share === null || share === undefined ? "–" : `${share > 0 ? "+" : share < 0 ? "−" : "±"}${Math.abs(share * 100).toFixed(1)} %`;

/** A difference in units of what is measured. */
export const signed = (value: number | null | undefined) =>
  value === null || value === undefined ? "–" : `${value > 0 ? "+" : value < 0 ? "−" : "±"}${number(Number(Math.abs(value).toPrecision(4)))}`;

const CHANCE_MIN = 0.0001;

/** A p-value: how small it is beyond a ten-thousandth changes no decision. */
export const chance = (p: number | null | undefined, sign = "") =>
  p === null || p === undefined ? "–" : p < CHANCE_MIN ? "< 0.0001" : `${sign}${number(p)}`;

const UNITS: [number, string][] = [[86_400_000, "d"], [3_600_000, "h"], [60_000, "min"], [1000, "s"]];

export function span(ms: number): string {
  for (const [size, name] of UNITS) if (ms >= size) return `${FINEST.format(ms / size)} ${name}`;
  return `${Math.round(ms)} ms`;
}

export function moment(value: string | number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  return new Date(value).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" });
}

/** The day here, as 2026-05-04. */
export const localDay = (at = Date.now()): string => new Date(at).toLocaleDateString("sv-SE");

/** The middle of such a day here, in UTC. */
export const noonOf = (day: string): string => new Date(`${day}T12:00`).toISOString();

const AGO = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const AGO_UNITS: [number, Intl.RelativeTimeFormatUnit][] = [[31_536_000, "year"], [2_592_000, "month"], [86_400, "day"], [3600, "hour"], [60, "minute"], [1, "second"]];

export function ago(value: string | number, now = Date.now()): string {
  const seconds = (new Date(value).getTime() - now) / 1000;
  const [size, unit] = AGO_UNITS.find(([size]) => Math.abs(seconds) >= size) ?? [1, "second" as const];
  return AGO.format(Math.round(seconds / size), unit);
}

export type Bucket = "hour" | "day" | "week" | "month";

/** The name of a bucket of time in a zone; `whole` is the span as one. */
export function bucketName(startMs: number, bucket: Bucket | "whole", timeZone: string): string {
  if (bucket === "whole") return "The whole time";
  const parts: Record<Bucket, Intl.DateTimeFormatOptions> = {
    hour: { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" },
    day: { weekday: "short", day: "numeric", month: "short" },
    week: { day: "numeric", month: "short" },
    month: { month: "short", year: "numeric" },
  };
  const name = new Intl.DateTimeFormat("en-GB", { timeZone, ...parts[bucket] }).format(startMs);
  return bucket === "week" ? `Week of ${name}` : name;
}
