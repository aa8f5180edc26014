// How far the counting is, in words.

import { expect, test, vi } from "vitest";

vi.stubGlobal("location", { origin: "http://footfall.test", pathname: "/app", search: "" });
const asked: string[] = [];
vi.stubGlobal("fetch", async (request: Request) => (asked.push(new URL(request.url).pathname + new URL(request.url).search), Response.json({ properties: [], is_cut: false, is_exact: true })));
const { countedOf, propertiesInUse } = await import("./in_use");

test("an activity is named if one is meant", async () => {
  await propertiesInUse("shop", "");
  await propertiesInUse("shop", "add to cart");
  expect(asked).toEqual(["/v1/projects/shop/properties", "/v1/projects/shop/properties?activity=add%20to%20cart"]);
});

test("the share is said where the whole is known", () => {
  expect(countedOf({ rows_counted: 2_500_000, rows: 10_000_000 })).toBe("Counting: 2,500,000 of 10,000,000 activities, 25 % …");
  expect(countedOf({ rows_counted: 1_200, rows: null })).toBe("Counting: 1,200 activities so far …");
  expect(countedOf({ rows_counted: 0 })).toBe("Counting …");
});
