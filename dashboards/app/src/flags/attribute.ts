// What is known of people when a flag is asked for, in words, and as it is sent.

import type { Kinds } from "../api/definitions";

export type Attribute = Kinds["attributes"];
export const TYPES = [["string", "a text"], ["number", "a number"], ["boolean", "true or false"], ["version", "a version, as 1.20.3"], ["string_list", "a list of texts"], ["number_list", "a list of numbers"], ["json", "JSON"]] as const;
export const EMPTY: Attribute = { type: "string", identifies: false, description: "" };

/** What people can be told apart by. */
export const mayIdentify = (type: Attribute["type"]) => type === "string" || type === "number";

/** Without what goes with another type, or with telling people apart. */
export function attributeOf(draft: Attribute): Attribute {
  const identifies = draft.identifies && mayIdentify(draft.type);
  return { ...draft, identifies, is_personal: identifies && draft.is_personal ? true : undefined };
}

export function inWords({ type, identifies, is_personal, group_type_index, description }: Attribute): string {
  const group = group_type_index !== undefined && group_type_index !== null;
  const said = [TYPES.find(([key]) => key === type)?.[1] ?? type, identifies && (is_personal ? "people are divided by it, each has a value of their own" : "people can be divided by it"), group && "the key of a group", description];
  return said.filter(Boolean).join(" · ");
}
