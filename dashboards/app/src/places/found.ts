// What the map shows: the cells of the insight of places, with their numbers; for roles that see a part of the activity, points of SQL.

import { Refused } from "../api/client";
import { askRows } from "../api/rows";
import type { Progress } from "../api/stream";
import { ask } from "../insights/ask";
import { bodyOf } from "../insights/question";
import { ZONE, questionOf, spanOf, type Asked } from "./asked";
import { cellsOf, hexOf, type HexCell } from "./cells";

export interface Found {
  cells: HexCell[];
  /** How many cells there are, those that are not listed included. */
  all: number;
  people: number;
  /** What was asked, for the people of a cell; undefined where points were. */
  question?: object;
}

const TOP = 5000;
const POINTS_MAX = 100_000;
/** Points are told to a hundredth of a degree, about a kilometre: smaller cells would not be true. */
const ROUGH_MAX = 6;

interface Answer {
  cells: number;
  places: { cell: string; rows: number; people: number }[];
}
interface People {
  lines: { measures: (number | null)[][] }[];
}

export async function found(project: string, asked: Asked, signal: AbortSignal, tell: (progress: Progress | undefined) => void): Promise<Found> {
  const body = { ...bodyOf(questionOf(asked), spanOf(asked.days)[1], ZONE), top: TOP };
  const positioned = { all: ["activity.latitude", "activity.longitude"].map((property) => ({ property: { property, test: "set" } })) };
  const everybody = { scope: (body as { scope?: object }).scope, bucket: "whole", series: [{ select: { activities: asked.activity ? [asked.activity] : [], condition: positioned }, measures: ["people"] }] };
  try {
    const [{ answer }, people] = await Promise.all([ask(project, "places", body, signal, tell), ask(project, "trend", everybody, signal, () => undefined)]);
    const { cells, places } = answer as Answer;
    const shown = places.map(({ cell, rows, people }) => ({ ...hexOf(cell), people, times: rows })).sort((a, b) => b.people - a.people || a.cell.localeCompare(b.cell));
    return { cells: shown, all: cells, people: (people.answer as People).lines[0]?.measures[0]?.[0] ?? 0, question: body };
  } catch (fault) {
    if (!(fault instanceof Refused) || fault.code !== "insight_restricted") throw fault;
    return roughly(project, asked, signal);
  }
}

const POINTS = `SELECT round(latitude, 2) AS latitude, round(longitude, 2) AS longitude, person_id, count(*) AS times FROM activity
WHERE latitude IS NOT NULL AND longitude IS NOT NULL AND timestamp >= $from AND timestamp < $until AND ($activity = '' OR event = $activity) GROUP BY 1, 2, 3 ORDER BY times DESC LIMIT ${POINTS_MAX}`;

async function roughly(project: string, { days, activity, resolution }: Asked, signal: AbortSignal): Promise<Found> {
  const [from, until] = spanOf(days).map((ms) => new Date(ms).toISOString());
  const { rows } = await askRows(project, POINTS, { from: from ?? "", until: until ?? "", activity }, signal);
  const points = rows.map(([latitude, longitude, person, times]) => ({ latitude: Number(latitude), longitude: Number(longitude), person: String(person), times: Number(times) }));
  const cells = cellsOf(points, Math.min(ROUGH_MAX, resolution));
  return { cells, all: cells.length, people: new Set(points.map(({ person }) => person)).size };
}
