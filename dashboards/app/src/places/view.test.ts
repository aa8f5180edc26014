// How the wheel moves the map, and where it leaves the page to scroll.

import { expect, test } from "vitest";
import { WHOLE, viewOf, wheeled, written } from "./view";

test("a turn of the wheel comes nearer, and many small ones come as near as one large one", () => {
  const once = wheeled(WHOLE, -80);
  const often = Array.from({ length: 8 }).reduce((view: typeof WHOLE) => wheeled(view, -10) ?? view, WHOLE);
  expect(once?.zoom).toBeGreaterThan(1.2);
  expect(often.zoom).toBeCloseTo(once?.zoom ?? 0, 6);
  expect(wheeled(WHOLE, -5000)?.zoom).toBeLessThan(1.3);
});

test("from the whole world the page scrolls on", () => {
  expect(wheeled(WHOLE, 100)).toBeUndefined();
  expect(wheeled({ ...WHOLE, zoom: 4 }, 100)?.zoom).toBeLessThan(4);
  expect(wheeled({ ...WHOLE, zoom: 600 }, -100)).toBeUndefined();
});

test("an address leads to the view that wrote it", () => {
  expect(viewOf(written({ center: [13.4, 52.5], zoom: 9 }))).toEqual({ center: [13.4, 52.5], zoom: 9 });
  expect(viewOf("nowhere")).toBe(WHOLE);
});
