// What is shown while an answer is on its way: what was heard of the question that is asked, and nothing beside its own whole answer.

import { afterAll, expect, test, vi } from "vitest";

vi.stubGlobal("location", { origin: "http://footfall.test", pathname: "/app", search: "" });
afterAll(() => vi.unstubAllGlobals());

const { told } = await import("./told");
const plain = { isSlow: false, again: () => undefined, cancel: () => undefined };
const part = { answer: 3, share: 0.25, as_of: "" };
const progress = { state: "waiting" } as const;
const heard = { key: "a", progress, part };
const shown = (answer: object, of: object = heard) => {
  const { value, part, progress, isOfBefore } = told<number, number>("a", { ...plain, isAsking: true, ...answer }, of);
  return [value, part?.share, progress?.state, isOfBefore];
};

test("a part is shown until the whole is there", () => {
  expect(shown({})).toEqual([undefined, 0.25, "waiting", false]);
  expect(shown({ isAsking: false, value: { key: "a", value: 9 } })).toEqual([9, undefined, undefined, false]);
});

test("what was heard of another question is not shown, the answer before gives way to a part of this one", () => {
  expect(shown({ value: { key: "b", value: 7 } }, { ...heard, key: "b" })).toEqual([7, undefined, undefined, true]);
  expect(shown({ value: { key: "b", value: 7 } })).toEqual([7, 0.25, "waiting", true]);
});

test("asked again, the whole answer stays until the next is there", () => {
  expect(shown({ value: { key: "a", value: 9 } })).toEqual([9, undefined, "waiting", false]);
});

test("a part ends with a fault, and with being given up", () => {
  expect(shown({ isAsking: false, fault: new Error("no") })).toEqual([undefined, undefined, undefined, false]);
  expect(shown({ isAsking: false, isCancelled: true })).toEqual([undefined, undefined, undefined, false]);
  // Asked again after a fault, a part is more than the fault.
  expect(shown({ fault: new Error("no") })).toEqual([undefined, 0.25, "waiting", false]);
});
