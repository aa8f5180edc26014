// The statements behind numbers of activities are of the activity that is meant, whatever it is called.

import { expect, test } from "vitest";
import { behindActivity } from "./behind";

test("a name is a value of the statement, and no part of it", () => {
  expect(behindActivity("it's", "times")).toContain("WHERE event = 'it''s' ORDER BY timestamp DESC");
  expect(behindActivity("it's", "people")).toMatch(/^SELECT person_id, .* WHERE event = 'it''s' GROUP BY person_id/);
});

test("of the last days alone, and of activity without a name", () => {
  expect(behindActivity("buy", "week", "2026-05-04T00:00:00Z")).toContain("WHERE event = 'buy' AND timestamp >= '2026-05-04T00:00:00Z' ORDER BY");
  expect(behindActivity(null, "times")).toContain("WHERE event IS NULL ORDER BY");
});
