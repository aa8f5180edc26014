// A part of an answer is drawn dimmed, and its share is in the words that assistive technology reads.

import { createElement } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import { afterAll, expect, test, vi } from "vitest";

vi.stubGlobal("location", { origin: "http://footfall.test", pathname: "/app", search: "" });
vi.stubGlobal("navigator", {});
vi.stubGlobal("addEventListener", () => undefined);
afterAll(() => vi.unstubAllGlobals());

test("the share is said, and the chart of the part is dimmed", async () => {
  const { PartOfAnswer, saidOf } = await import("./part");
  const answer = { buckets: [0, 86_400_000], lines: [{ series: 0, label: "everything", measures: [[3, 5]] }] };
  const part = { answer, share: 0.25, as_of: "2026-05-04T00:00:00Z" };
  const definition = { scope: { from_ms: 0, until_ms: 172_800_000, zone: "UTC" }, bucket: "day", series: [{ select: { activities: ["view"] }, measures: ["count"] }] };
  const html = renderToStaticMarkup(createElement(PartOfAnswer, { part, kind: "trend", definition }));
  expect(saidOf(part)).toContain("25");
  expect(html).toMatch(/role="status"[^>]*>So far of 25/);
  expect(html).toMatch(/chart-figure stale/);
  expect(html).toMatch(/aria-label="[^"]*So far of 25/);
});
