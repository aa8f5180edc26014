// Tiles never lie over each other, whatever is moved where.

import { expect, test } from "vitest";
import { arranged, bottom, keyOf, optionsOf, typed, type Place } from "./model";

const place = (id: string, x: number, y: number, width: number, height: number): Place => ({ id, x, y, width, height });
const apart = (tiles: Place[]) => tiles.every((a, at) => tiles.slice(at + 1).every((b) => a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y));

test("options are typed one after the other", () => {
  expect(optionsOf("free")).toEqual(["free"]);
  expect(optionsOf("free,")).toEqual(["free"]);
  expect(optionsOf(" free , pro, free,,")).toEqual(["free", "pro"]);
});

test("what is under the moved one goes down, and gaps close", () => {
  const tiles = [place("a", 0, 0, 6, 4), place("b", 6, 0, 6, 4), place("c", 0, 4, 12, 3)];
  const moved = arranged(tiles, "c", { y: 0 });
  expect(moved.find(({ id }) => id === "c")).toMatchObject({ x: 0, y: 0 });
  expect(moved.find(({ id }) => id === "a")).toMatchObject({ x: 0, y: 3 });
  expect(apart(moved)).toBe(true);
  expect(arranged(tiles, "a", { width: 12 }).find(({ id }) => id === "b")).toMatchObject({ x: 6, y: 4 });
});

test("nothing leaves the grid, and nothing overlaps, in a thousand moves", () => {
  let seed = 7;
  const random = (most: number) => ((seed = (seed * 48271) % 2147483647), seed % most);
  let tiles = Array.from({ length: 12 }, (_, index) => place(`t${index}`, (index % 3) * 4, Math.floor(index / 3) * 4, 4, 4));
  for (let turn = 0; turn < 1000; turn++) {
    tiles = arranged(tiles, `t${random(12)}`, { x: random(20) - 4, y: random(30) - 4, width: random(16) - 1, height: random(9) - 1 });
    expect(apart(tiles)).toBe(true);
    expect(tiles.every(({ x, y, width, height }) => x >= 0 && y >= 0 && width >= 1 && height >= 1 && x + width <= 12)).toBe(true);
  }
  expect(bottom(tiles)).toBeGreaterThan(0);
});

test("keys are plain and free", () => {
  expect(keyOf("Wer kommt? — Überblick", [])).toBe("wer-kommt-u-berblick");
  expect(keyOf("a", ["a", "a-2"])).toBe("a-3");
  expect(keyOf("…", [])).toBe("tile");
});

test("what is typed has the variable's type", () => {
  expect([typed({ name: "a", type: "number" }, "2"), typed({ name: "a" }, "2"), typed({ name: "a" }, ""), typed({ name: "a", type: "boolean" }, "true")]).toEqual([2, "2", null, true]);
});
