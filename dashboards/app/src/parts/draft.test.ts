// Drafts are kept for one account, dropped when they are old or too many, and never in the way.

import { expect, test } from "vitest";
import { dropDraft, placeOf, readDraft, writeDraft } from "./draft";

function memory() {
  const kept = new Map<string, string>();
  return {
    kept,
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
    removeItem: (key: string) => void kept.delete(key),
    key: (index: number) => [...kept.keys()][index] ?? null,
    get length() {
      return kept.size;
    },
  };
}

const DAY = 86_400_000;
const OWN = { account: "ada@example.org", id: "shop" };

test("a draft is read back by whoever typed it alone", () => {
  const store = memory();
  const place = placeOf(OWN, "flag checkout");
  writeDraft(place, { value: { rules: [1] }, at: 5, base: '"r3"' }, store);
  expect(readDraft(place, store)).toEqual({ value: { rules: [1] }, at: 5, base: '"r3"' });
  for (const other of [{ ...OWN, account: "ben@example.org" }, { ...OWN, id: "app" }]) expect(readDraft(placeOf(other, "flag checkout"), store)).toBeUndefined();
  dropDraft(place, store);
  expect(store.kept.size).toBe(0);
});

test("old drafts and the oldest of too many go; what is not ours stays", () => {
  const store = memory();
  store.setItem("theirs", "1");
  writeDraft(placeOf(OWN, "old"), { value: 1, at: 0 }, store);
  for (let number = 0; number < 60; number++) writeDraft(placeOf(OWN, `flag ${number}`), { value: number, at: 31 * DAY + number }, store);
  expect(readDraft(placeOf(OWN, "old"), store)).toBeUndefined();
  expect(readDraft(placeOf(OWN, "flag 59"), store)?.value).toBe(59);
  expect(readDraft(placeOf(OWN, "flag 0"), store)).toBeUndefined();
  expect([...store.kept.keys()].filter((key) => key.startsWith("footfall.draft."))).toHaveLength(50);
  expect(store.getItem("theirs")).toBe("1");
});

test("damage, a full disk and huge texts are no faults", () => {
  const store = memory();
  const place = placeOf(OWN, "sql");
  for (const text of ["{", "null", "[]", '{"value": 1}', '"text"']) {
    store.setItem(place, text);
    expect(readDraft(place, store), text).toBeUndefined();
  }
  const full = { ...memory(), setItem: () => { throw new Error("full"); } };
  expect(() => writeDraft(place, { value: 1, at: 1 }, full)).not.toThrow();
  writeDraft(place, { value: "x".repeat(400_000), at: 1 }, store);
  expect(store.getItem(place)).toBe('"text"');
});
