// Which addresses are visits, and which are a page's own state; and names in paths, however they are written.

import { afterAll, expect, test, vi } from "vitest";

const heard: (() => void)[] = [];
const address = { origin: "http://footfall.test", pathname: "/app/shop/sql", search: "", hash: "" };
const moved = (_: unknown, __: string, to: string) => {
  const { pathname, search } = new URL(to, address.origin);
  Object.assign(address, { pathname, search });
};
vi.stubGlobal("location", address);
vi.stubGlobal("history", { pushState: moved, replaceState: moved });
vi.stubGlobal("addEventListener", (_: string, listener: () => void) => heard.push(listener));
afterAll(() => vi.unstubAllGlobals());

const { go, inAddress, partsOf, visits } = await import("./address");
const popped = () => heard.forEach((listener) => listener());

test("a link to another statement of the same page is a visit, and so is the way back", () => {
  const before = visits();
  go("/app/shop/sql?sql=SELECT+1");
  expect(visits()).toBe(before + 1);
  Object.assign(address, { search: "" });
  popped();
  expect(visits()).toBe(before + 2);
});

test("what a page writes into its address, and a part of the page, are none", () => {
  const before = visits();
  inAddress({ sql: "SELECT 2" });
  expect(address.search).toBe("?sql=SELECT+2");
  go("/app/shop/sql?sql=SELECT+3", { replaces: true });
  Object.assign(address, { hash: "#main" });
  popped();
  go("/app/shop/sql?sql=SELECT+3");
  expect(visits()).toBe(before);
});

test("names in a path are decoded, and what is written wrongly stays", () => {
  expect(partsOf("/app/shop/data/a%20b%2Fc")).toEqual(["shop", "data", "a b/c"]);
  expect(partsOf("/app/shop/data/100%")).toEqual(["shop", "data", "100%"]);
  expect(partsOf("/app")).toEqual([]);
});
