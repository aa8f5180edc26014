// A name that is no time zone is told before anything is worked out in it.

import { expect, test } from "vitest";
import { isZone, zones } from "./zone";

test("names of time zones, and others", () => {
  expect(["UTC", "Europe/Berlin", "America/Argentina/Ushuaia"].map(isZone)).toEqual([true, true, true]);
  expect(["", "Berlin", "Europe/Berlin ", "Nowhere/None"].map(isZone)).toEqual([false, false, false, false]);
});

test("each is proposed once, and is one", () => {
  const all = zones();
  expect(new Set(all).size).toBe(all.length);
  expect(all.filter((zone) => !isZone(zone))).toEqual([]);
  expect(all).toContain("Europe/Vienna");
});
