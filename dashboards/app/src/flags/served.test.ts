// Each SDK key is listed once, with what was set for it or what holds otherwise.

import { expect, test } from "vitest";
import { servedOf } from "./served";

const key = (id: string, kind: string, revoked_at: string | null = null) => ({ id, kind, name: `the ${id}`, hint: "abcd", revoked_at }) as never;
const connection = { key_id: "two", environment: "staging", encryption_key: "k", is_remote: true, records_exposures: true };

test("client and write keys in force, with what is set", () => {
  const served = servedOf([key("one", "client"), key("two", "write"), key("three", "read"), key("four", "client", "2026-01-01")], [connection]);
  expect(served.map(({ id, environment, records_exposures }) => [id, environment, records_exposures])).toEqual([["one", "production", false], ["two", "staging", true]]);
  expect(served[0]?.about).toBe("client key that ends with abcd");
});

test("what is set for a key that is not listed is shown by its id; of a revoked one it is not", () => {
  expect(servedOf([], [connection])).toMatchObject([{ id: "two", name: "two", is_remote: true }]);
  expect(servedOf([key("two", "client", "2026-01-01")], [connection])).toEqual([]);
});
