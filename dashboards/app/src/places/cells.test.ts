// Nobody is lost between points and cells, whatever the resolution.

import { geoArea } from "d3-geo";
import { expect, test } from "vitest";
import { questionOf, sqlOf } from "./asked";
import { cellsOf, hexOf, resolutionAt, resolutionOf } from "./cells";
import { WHOLE, viewOf, written } from "./view";

const points = Array.from({ length: 400 }, (_, index) => ({ latitude: ((index * 37) % 160) - 80 + 0.31, longitude: ((index * 71) % 358) - 179 + 0.17, person: `p${index % 50}`, times: 1 + (index % 3) }));

test("every activity lies in one cell, every person in as many as they were in", () => {
  const times = points.reduce((sum, point) => sum + point.times, 0);
  for (const resolution of [1, 3, 5]) {
    const cells = cellsOf(points, resolution);
    expect(cells.reduce((sum, cell) => sum + cell.times, 0)).toBe(times);
    expect(new Set(cells.flatMap(({ people_ids }) => people_ids)).size).toBe(50);
  }
  expect(cellsOf([{ latitude: 52.5, longitude: 13.4, person: "a", times: 2 }, { latitude: 52.501, longitude: 13.401, person: "a", times: 1 }], 4)).toMatchObject([{ people: 1, times: 3 }]);
});

test("rings have their inside inside", () => {
  for (const { ring } of cellsOf(points, 2)) expect(geoArea({ type: "Polygon", coordinates: [[...ring, ring[0] ?? [0, 0]]] })).toBeLessThan(1);
});

test("cells get smaller as one comes nearer", () => {
  const steps = [1, 2, 4, 16, 64, 512].map(resolutionAt);
  expect(steps).toEqual([...steps].sort((a, b) => a - b));
  expect(steps[0]).toBeGreaterThanOrEqual(1);
});

test("a cell is known by its name", () => {
  const [first] = cellsOf(points, 3);
  expect(resolutionOf(first?.cell ?? "")).toBe(3);
  expect(hexOf(first?.cell ?? "")).toMatchObject({ ring: first?.ring, center: first?.center });
  expect(resolutionOf("nowhere")).toBeUndefined();
});

test("the map asks what the insight of places asks, and its SQL runs as it stands", () => {
  expect(questionOf({ days: 7, activity: "buy", resolution: 8 })).toMatchObject({ kind: "places", days: 7, resolution: 8, steps: [{ activity: "buy" }] });
  const sql = sqlOf({ days: 7, activity: "bob's", resolution: 8 });
  expect(sql).toContain("event = 'bob''s'");
  expect(sql).not.toContain("$");
});

test("an address says where the map is looked at", () => {
  const view = viewOf("48.208,16.372,12.5");
  expect(view).toEqual({ center: [16.372, 48.208], zoom: 12.5 });
  expect(viewOf(written(view))).toEqual(view);
  expect([viewOf(null), viewOf("1,2"), viewOf("a,b,c"), viewOf(",,")]).toEqual([WHOLE, WHOLE, WHOLE, WHOLE]);
  expect(viewOf("99,500,9999")).toEqual({ center: [140, 80], zoom: 600 });
  expect(written(WHOLE)).toBe("");
});
