// An attribute is sent as the server takes it, and nothing of it is lost that the form does not show.

import { expect, test } from "vitest";
import { EMPTY, attributeOf, inWords } from "./attribute";

const sent = (draft: Parameters<typeof attributeOf>[0]) => JSON.parse(JSON.stringify(attributeOf(draft)));

test("only texts and numbers tell people apart", () => {
  expect(sent(EMPTY)).toEqual({ type: "string", identifies: false, description: "" });
  expect(sent({ ...EMPTY, identifies: true, is_personal: true })).toEqual({ type: "string", identifies: true, is_personal: true, description: "" });
  expect(sent({ ...EMPTY, type: "boolean", identifies: true, is_personal: true })).toEqual({ type: "boolean", identifies: false, description: "" });
  expect(sent({ ...EMPTY, is_personal: true })).toEqual({ type: "string", identifies: false, description: "" });
  expect(sent({ ...EMPTY, identifies: true, group_type_index: 0 }).group_type_index).toBe(0);
});

test("in words", () => {
  expect(inWords({ ...EMPTY, description: "Where they live." })).toBe("a text · Where they live.");
  expect(inWords({ ...EMPTY, type: "number", identifies: true })).toBe("a number · people can be divided by it");
  expect(inWords({ ...EMPTY, identifies: true, is_personal: true })).toBe("a text · people are divided by it, each has a value of their own");
  expect(inWords({ ...EMPTY, identifies: true, group_type_index: 0 })).toBe("a text · people can be divided by it · the key of a group");
});
