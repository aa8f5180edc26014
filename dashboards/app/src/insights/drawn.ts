// An answer as a drawing and a table of the same numbers; each number knows the people behind it.

import type { Drawing } from "../chart/options";
import { bucketName, type Bucket } from "../parts/format";
import { cohort, distribution, places, ranking, timeBetween } from "./drawn_lists";
import { byName, parts } from "./drawn_parts";
import { compare, correlation, funnel, paths } from "./drawn_steps";
import { active, lifecycle, retention, sessions, stickiness, trend } from "./drawn_time";
import type { Kind, SessionMeasure } from "./question";

export type Value = string | number | null;
/** The people of a number that only another question can name. */
export class Elsewhere {
  constructor(readonly kind: Kind, readonly question: object, readonly cell: object) {}
}
/** A number of activities, where others beside it are of people. */
export class OfActivities {
  constructor(readonly cell: object) {}
}
/** A number of the answer, as `POST …/insights/{kind}/people` names it. */
export type Cell = object | null;
/** A large number, with what it counts where there are several. */
export interface Figure {
  name: string;
  value: Value;
  /** Who is behind it. */
  cell?: Cell;
}
export interface Drawn {
  drawing?: Drawing;
  head: string[];
  rows: Value[][];
  about?: string;
  /** What is said beside the chart, each with a name. */
  facts?: [string, string][];
  /** What is behind each number of the rows; null where there is nobody to show. */
  cells?: Cell[][];
  /** What is behind a place of the drawing. */
  cellAt?: (index: number, line: number) => Cell;
  /** What the rows sum up to, and what is behind that. */
  totals?: { values: Value[]; cells: Cell[] };
  /** So many columns name what the rows are of; one if absent. */
  labels?: number;
  /** Its numbers one by one, where a tile shows numbers. */
  figures?: Figure[];
  /** From 0 to 1: how dark a number stands in the table. */
  shades?: (number | null)[][];
  /** Rows that are people, by id. */
  people?: string[];
  /** When the places of the drawing begin, in milliseconds: for what happened when. */
  starts?: number[];
}

interface Selector {
  activities?: string[];
}
/** As much of a definition as drawing needs (docs/insights). */
export interface Definition {
  bucket?: Bucket | "whole";
  series?: { select?: Selector; measures?: unknown[] }[];
  formulas?: string[];
  /** Values run on: those of a bucket are of those before it too. */
  running?: unknown;
  steps?: Selector[];
  trend?: Bucket;
  breakdown?: { property?: unknown; properties?: unknown[] };
  cohorts?: { name: string }[];
  of?: unknown;
  edges?: number[];
  ranks?: number[];
  funnel?: Definition;
  segments?: { name: string; cohort: object }[];
  resolution?: number;
  measure?: SessionMeasure;
}
export type Label = "everything" | "other" | { values: (string | null)[] } | { cohort: string };

export const activityOf = (select: Selector | undefined) => select?.activities?.join(" or ") || "any activity";
export const isDivided = ({ breakdown, cohorts }: Definition) => Boolean(breakdown?.property || breakdown?.properties?.length || cohorts?.length);
/** What the parts of a divided answer are parts of. */
export const dividedBy = ({ breakdown, cohorts }: Definition) => (breakdown?.property ? byName(breakdown.property) : breakdown?.properties?.map(byName).join(", ") ?? (cohorts?.length ? "cohort" : ""));
export function labelled(label: Label | undefined): string {
  if (label === undefined || label === "everything") return "";
  if (label === "other") return "other";
  return "cohort" in label ? label.cohort : label.values.map((value) => value ?? "(none)").join(", ");
}

/** Parts of the span as a whole have nothing to be drawn along. */
const isOfParts = (asked: Definition, { previous }: { previous?: unknown }) => asked.bucket === "whole" && isDivided(asked) && !previous;

/** Draws the answer to a definition of `kind`. Kinds without a drawing of their own are undefined. */
export function drawn(kind: Kind, definition: object, answer: unknown, zone: string, now = Date.now()): Drawn {
  const asked = definition as Definition;
  const name = (start: number) => bucketName(start, asked.bucket ?? "day", zone);
  const of = <T>() => answer as T;
  switch (kind) {
    case "trend": return isOfParts(asked, of()) ? parts(asked, of()) : trend(asked, of(), name, now);
    case "funnel": return funnel(asked, of(), (start) => bucketName(start, asked.trend ?? "day", zone));
    case "retention": return retention(asked, of(), name);
    case "paths": return paths(of());
    case "lifecycle": return lifecycle(of(), name, now);
    case "stickiness": return stickiness(asked, of());
    case "sessions": return sessions(asked, of(), name);
    case "active_people": return active(of(), (start) => bucketName(start, "day", zone));
    case "distribution": return distribution(asked, of());
    case "time_between": return timeBetween(asked, of());
    case "ranking": return ranking(of());
    case "correlation": return correlation(of());
    case "compare": return compare(asked, of());
    case "places": return places(of());
    case "cohort": return cohort(of());
  }
}
