// A dashboard as the API has it, and what moving and sizing its tiles comes to.

import type { Cell, Rows } from "../api/rows";

export type Value = string | number | boolean | null;
export interface Variable {
  name: string;
  label?: string;
  type?: "text" | "number" | "boolean" | "time";
  default?: Value;
  options?: Value[];
}
export interface Filter {
  property: string;
  test?: unknown;
  variable?: string;
}
export type Ask = { insight: Record<string, unknown> } | { sql: string } | { saved: string } | { text: string };
export const SHOWS = [["usual", "automatically"], ["line", "as lines"], ["bar", "as bars"], ["table", "as a table"], ["number", "as a number"]] as const;
export type Show = (typeof SHOWS)[number][0];
export interface Place {
  id: string;
  x: number;
  y: number;
  width: number;
  height: number;
}
export interface Tile extends Place {
  title?: string;
  description?: string;
  show?: Show;
  days?: number;
  /** Not told to viewers of shared dashboards. */
  ask?: Ask;
  /** Words, for those viewers. */
  text?: string | null;
}
export interface Board {
  footfall: "dashboard/1";
  title: string;
  description?: string;
  refresh_seconds?: number | null;
  days: number;
  zone: string;
  variables?: Variable[];
  filters?: Filter[];
  tiles: Tile[];
}
export interface TileAnswer extends Rows {
  show: Show;
  question: Record<string, unknown> | null;
  answer: unknown;
  is_filtered: boolean;
  as_of: string;
  rows: Cell[][];
}

export const COLUMNS = 12;
const HEIGHT_MAX = 40;

export const newBoard = (title: string, zone: string): Board => ({ footfall: "dashboard/1", title, days: 30, zone, tiles: [] });

const overlap = (a: Place, b: Place) => a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
const inOrder = (a: Place, b: Place) => a.y - b.y || a.x - b.x;

/** From top to bottom, left to right: the order in which they are read. */
export const ordered = <T extends Place>(tiles: T[]): T[] => [...tiles].sort(inOrder);

/** All tiles with one in a new place: those under it go down, and all then go up as far as there is room. */
export function arranged<T extends Place>(tiles: T[], id: string, to: Partial<Place>): T[] {
  const old = tiles.find((tile) => tile.id === id);
  if (!old) return tiles;
  const width = Math.min(Math.max(to.width ?? old.width, 1), COLUMNS);
  const moved = {
    ...old, width,
    height: Math.min(Math.max(to.height ?? old.height, 1), HEIGHT_MAX),
    x: Math.min(Math.max(to.x ?? old.x, 0), COLUMNS - width),
    y: Math.max(to.y ?? old.y, 0),
  };
  const placed: T[] = [moved];
  for (const tile of ordered(tiles.filter((tile) => tile.id !== id))) {
    const free = { ...tile };
    for (let under = placed.find((other) => overlap(other, free)); under; under = placed.find((other) => overlap(other, free))) free.y = under.y + under.height;
    placed.push(free);
  }
  const settled: T[] = [];
  for (const tile of ordered(placed)) {
    const free = { ...tile };
    while (free.y > 0 && !settled.some((other) => overlap(other, { ...free, y: free.y - 1 }))) free.y--;
    settled.push(free);
  }
  return tiles.flatMap(({ id }) => settled.find((tile) => tile.id === id) ?? []);
}

/** Below everything. */
export const bottom = (tiles: Place[]) => Math.max(0, ...tiles.map(({ y, height }) => y + height));

/** A key of letters and digits that is not taken. */
export function keyOf(text: string, taken: string[]): string {
  const plain = text.toLowerCase().normalize("NFKD").replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 48) || "tile";
  for (let count = 1; ; count++) {
    const key = count === 1 ? plain : `${plain}-${count}`;
    if (!taken.includes(key)) return key;
  }
}

/** Options as they are typed, with commas between them; each once. */
export const optionsOf = (text: string): string[] => [...new Set(text.split(",").map((option) => option.trim()).filter(Boolean))];

/** The values that are set, of variables that there are. */
export function valuesIn(variables: Variable[] | undefined, given: unknown): Record<string, Value> {
  const from = (typeof given === "object" && given !== null ? given : {}) as Record<string, Value>;
  return Object.fromEntries((variables ?? []).filter(({ name }) => from[name] !== undefined).map(({ name }) => [name, from[name] ?? null]));
}

/** The values that variables have by themselves. */
export const defaultsOf = (variables: Variable[] | undefined): Record<string, Value> => Object.fromEntries((variables ?? []).map(({ name, default: value }) => [name, value ?? null]));

/** What was typed, as the variable's type has it; nothing is null. */
export function typed({ type }: Variable, text: string): Value {
  if (text === "") return null;
  if (type === "number") return Number.isFinite(Number(text)) ? Number(text) : text;
  if (type === "boolean") return text === "true";
  return text;
}
