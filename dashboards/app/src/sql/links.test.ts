// Ids and names lead to their pages, and are no SQL.

import { expect, test } from "vitest";
import { hrefOf as hrefIn } from "./links";

const hrefOf = (id: string, column: string, value: unknown, permissions = ["sql.run", "flags.read", "experiments.read"]) => hrefIn({ id, permissions: new Set(permissions) }, column, value);

test("what has a page is led to", () => {
  expect(hrefOf("p", "person_id", "a/b")).toBe("/app/p/people/a%2Fb");
  expect(hrefOf("p", "entry_event", "view")).toBe("/app/p/data/view");
  expect(hrefOf("p", "flag", "lounge")).toBe("/app/p/flags/lounge");
  expect(hrefOf("p", "experiment", "button")).toBe("/app/p/experiments/button");
  expect(hrefOf("p", "distinct_id", "ada")).toBe("/app/p/people?find=ada");
});

test("ids without a page lead to their rows, as texts", () => {
  const sql = (column: string, value: string) => new URLSearchParams(hrefOf("p", column, value)?.split("?")[1]).get("sql");
  expect(sql("message_id", "it's")).toBe("SELECT * FROM activity WHERE message_id = 'it''s'");
  expect(sql("session_id", "s1")).toContain("sessions.session_id = 's1'");
});

test("nothing is led to by numbers, nothing and other columns", () => {
  for (const [column, value] of [["person_id", null], ["person_id", 4], ["country", "DE"], ["event", ""]] as const) expect(hrefOf("p", column, value)).toBeUndefined();
});

test("nothing leads to a page that whoever looks may not open", () => {
  const led = (permissions: string[]) => ["person_id", "event", "message_id", "$feature_flag", "experiment_key"].map((column) => hrefOf("p", column, "x", permissions) !== undefined);
  expect(led([])).toEqual([false, false, false, false, false]);
  expect(led(["flags.read"])).toEqual([false, false, false, true, false]);
  expect(led(["experiments.read"])).toEqual([false, false, false, false, true]);
  expect(led(["sql.run"])).toEqual([true, true, true, false, false]);
});
