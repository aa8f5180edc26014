// Each state has the steps that the server takes from it, and what is sent is what was typed.

import { expect, test } from "vitest";
import { ACTS, PHASE, SHIP, bodyOf, firstOf, isWhole, mayChange, type Status } from "./acts";
import { EMPTY } from "./draft";

const does = (status: Status) => ACTS[status].map(({ path }) => path);

test("what was stopped goes on, and what is decided changes no more", () => {
  expect(does("stopped")).toEqual(["ship", "roll-back", "phases"]);
  expect(does("running")).toEqual(["stop", "ship", "roll-back", "phases"]);
  expect([does("shipped"), does("rolled_back")]).toEqual([["roll-back"], ["ship"]]);
  expect((Object.keys(ACTS) as Status[]).filter(mayChange)).toEqual(["draft", "in_review", "approved", "running", "stopped"]);
});

test("no step has the name of another of its state", () => {
  for (const acts of Object.values(ACTS)) expect(new Set(acts.map(({ does }) => does)).size).toBe(acts.length);
});

test("a share is shown as it was typed", () => {
  expect(firstOf({ ...EMPTY, coverage: 0.07 }).coverage).toBe(7);
  expect(firstOf({ ...EMPTY, coverage: 0.29 }).coverage).toBe(29);
});

test("a field that is empty is not everybody", () => {
  const first = firstOf(EMPTY);
  expect([isWhole(PHASE, first), isWhole(PHASE, { ...first, coverage: undefined }), isWhole(PHASE, { ...first, weights: [50, undefined] })]).toEqual([true, false, false]);
  expect(isWhole(SHIP, { ...first, coverage: undefined })).toBe(true);
});

test("what is sent: the variation of a shipment, the share and the weights of a phase, a reason where there is one", () => {
  const thirds = { ...EMPTY, coverage: 1 / 3, variations: ["a", "b", "c"].map((key) => ({ key, weight: 1 / 3, name: "", description: "" })) };
  const first = firstOf(thirds);
  expect(bodyOf(SHIP, thirds, first, "")).toEqual({ variation: "b" });
  expect(bodyOf(PHASE, thirds, first, "why")).toEqual({ coverage: 1 / 3, reason: "why" });
  expect(bodyOf(PHASE, thirds, { ...first, coverage: 50, weights: [50, 30, 20] }, "")).toEqual({ coverage: 0.5, weights: [0.5, 0.3, 0.2] });
});
