// What arrives a second is told whole, and nothing old is kept for it.

import { expect, test } from "vitest";
import { rateOf, withWave, type Wave } from "./rate";

test("a flood is counted whole", () => {
  const waves = [0, 1, 2].reduce<Wave[]>((waves, second) => withWave(waves, 40_000, 20_000 + second * 1000), []);
  expect(rateOf(waves, 22_500)).toBe(12_000);
});

test("what is older than ten seconds neither counts nor stays", () => {
  const waves = withWave(withWave([], 50, 1000), 30, 11_001);
  expect(waves).toEqual([{ at: 11_001, count: 30 }]);
  expect(rateOf(waves, 15_000)).toBe(3);
  expect(rateOf(waves, 21_001)).toBe(0);
});
