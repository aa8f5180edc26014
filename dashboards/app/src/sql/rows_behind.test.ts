// What is behind a row of an aggregated answer, and where that cannot be said.

import { expect, test } from "vitest";
import { rowsBehind } from "./rows_behind";

const of = (sql: string, row: (string | number | boolean | null)[]) => {
  const found = rowsBehind(sql, row);
  return found && ("sql" in found ? found.sql : `cannot: ${found.why}`);
};

test("groups become conditions, whatever names them", () => {
  expect(of("SELECT event, count(*) AS times FROM activity WHERE timestamp >= $from OR country = 'DE' GROUP BY event HAVING count(*) > 2 ORDER BY times DESC LIMIT 20;", ["it's", 3]))
    .toBe("SELECT *\nFROM activity\nWHERE (timestamp >= $from OR country = 'DE')\n  AND (event) = 'it''s'\nORDER BY timestamp DESC\nLIMIT 1000");
  const day = "SELECT date_trunc('day', timestamp) AS day, coalesce(os, 'x') \"The OS\", count(DISTINCT person_id) people FROM activity GROUP BY";
  const rows = "SELECT *\nFROM activity\nWHERE (date_trunc('day', timestamp)) = '2026-05-04T00:00:00Z'\n  AND (coalesce(os, 'x')) IS NULL\nORDER BY timestamp DESC\nLIMIT 1000";
  for (const keys of ["1, 2", "day, \"The OS\"", "date_trunc('day', timestamp), coalesce(os, 'x')"]) expect(of(`${day} ${keys}`, ["2026-05-04T00:00:00Z", null, 2])).toBe(rows);
});

test("a number of everything, and of other tables", () => {
  expect(of("select count(*) -- all\nfrom activity", [5])).toBe("SELECT *\nFROM activity\nORDER BY timestamp DESC\nLIMIT 1000");
  expect(of("SELECT bounce, count(*) AS n FROM (SELECT * FROM sessions WHERE pageviews > 1) AS s GROUP BY bounce", [true, 4])).toBe("SELECT *\nFROM (SELECT * FROM sessions WHERE pageviews > 1) AS s\nWHERE (bounce) = true\nLIMIT 1000");
});

test("rows that are rows already have nothing behind them", () => {
  for (const sql of ["SELECT * FROM activity", "SELECT event, 'count(' AS x FROM activity WHERE event IN (SELECT max(event) FROM activity)", "SELECT 1", "SELECT \"count\" FROM t"]) expect(of(sql, [1])).toBeUndefined();
});

test("what cannot be said is said", () => {
  expect(of("SELECT count(*) FROM activity GROUP BY event", [1])).toContain("cannot: it is grouped by event");
  expect(of("SELECT event, count(*) FROM activity GROUP BY ROLLUP (event)", ["a", 1])).toContain("several ways");
  expect(of("SELECT event, count(*) FROM a GROUP BY event UNION SELECT event, count(*) FROM b GROUP BY event", ["a", 1])).toContain("several statements");
  expect(of("WITH a AS (SELECT 1) SELECT event, count(*) FROM a GROUP BY event", ["a", 1])).toContain("plain SELECT");
  expect(of("SELECT event, sum(count(*)) OVER () FROM activity GROUP BY event", ["a", 1])).toContain("window");
});
