// Places as H3 cells: points with people summed into hexagons of one resolution.

import { cellToBoundary, cellToLatLng, getResolution, isValidCell, latLngToCell } from "h3-js";

export interface Point {
  latitude: number;
  longitude: number;
  person: string;
  times: number;
}
export interface HexCell {
  cell: string;
  people: number;
  times: number;
  /** Where they came with the points. */
  people_ids?: string[];
  /** `[longitude, latitude]`, closed, clockwise as d3-geo wants the inside of a ring. */
  ring: [number, number][];
  center: [number, number];
}

export function cellsOf(points: Point[], resolution: number): HexCell[] {
  const found = new Map<string, { people: Set<string>; times: number }>();
  for (const { latitude, longitude, person, times } of points) {
    const key = latLngToCell(latitude, longitude, resolution);
    const cell = found.get(key) ?? { people: new Set<string>(), times: 0 };
    cell.people.add(person);
    cell.times += times;
    found.set(key, cell);
  }
  return [...found].map(([cell, { people, times }]) => ({ ...hexOf(cell), people: people.size, times, people_ids: [...people] })).sort((a, b) => b.people - a.people || a.cell.localeCompare(b.cell));
}

/** A cell as it is drawn. */
export function hexOf(cell: string): Pick<HexCell, "cell" | "ring" | "center"> {
  const [latitude, longitude] = cellToLatLng(cell);
  const ring = cellToBoundary(cell, true).map(([x = 0, y = 0]): [number, number] => [x, y]).reverse();
  return { cell, ring, center: [longitude, latitude] };
}

/** The resolution of a cell of this name; undefined where there is no such cell. */
export const resolutionOf = (name: string): number | undefined => (isValidCell(name) ? getResolution(name) : undefined);

/** The nearer one looks, the smaller the cells: about as many pixels wide at each step. */
export const resolutionAt = (zoom: number) => Math.max(1, Math.min(8, Math.round(0.9 + Math.log2(zoom) * 0.62)));
