// The drawing and the table say the numbers of the answer.

import { expect, test } from "vitest";
import { drawn } from "./drawn";
import { bodyOf, readQuestion, type Kind } from "./question";
import { sqlOf } from "./taken";

const DAY = 86_400_000;
const of = (given: { kind?: Kind; [part: string]: unknown }, answer: unknown) => drawn(given.kind ?? "trend", bodyOf(readQuestion(given), 10 * DAY, "UTC"), answer, "UTC");

test("a trend: a column for each line, the span before as well", () => {
  const line = (values: number[]) => ({ series: 0, label: { values: ["pro"] }, measures: [values] });
  const answer = { buckets: [0, DAY], lines: [line([1, 2])], previous: { buckets: [-2 * DAY, -DAY], lines: [line([3, 4])] } };
  const shown = of({ steps: [{ activity: "buy" }], breakdown: "plan" }, answer);
  expect(shown.head).toEqual(["day", "buy · pro", "buy · pro (before)"]);
  expect(shown.rows.map((row) => row.slice(1))).toEqual([[1, 3], [2, 4]]);
});

test("what has not begun has no numbers, whatever the answer says of it", () => {
  const hours = [0, 1, 2, 3].map((hour) => hour * 3_600_000);
  const halfPastOne = 5_400_000;
  const trend = drawn("trend", { bucket: "hour", series: [{ measures: ["count"] }] }, { buckets: hours, lines: [{ series: 0, label: "everything", measures: [[4, 2, 0, 0]] }] }, "UTC", halfPastOne);
  expect(trend.drawing).toMatchObject({ lines: [{ values: [4, 2, null, null] }] });
  expect(trend.rows.map((row) => row[1])).toEqual([4, 2, null, null]);
  const standings = { new: 1, returning: 0, resurrecting: 0, dormant: 3 };
  expect(drawn("lifecycle", { bucket: "hour" }, { buckets: hours.map((start_ms) => ({ start_ms, ...standings })) }, "UTC", halfPastOne).rows).toHaveLength(2);
});

test("the bucket that is not over yet is known; one in the past is over", () => {
  const hours = [0, 1, 2, 3].map((hour) => hour * 3_600_000);
  const open = (now: number, buckets = hours) => drawn("trend", { bucket: "hour", series: [{ measures: ["count"] }] }, { buckets, lines: [] }, "UTC", now).drawing;
  expect(open(5_400_000)).toMatchObject({ open: 1 });
  expect(open(3 * 3_600_000)).toMatchObject({ open: 3 });
  expect(open(4 * 3_600_000)).toMatchObject({ open: undefined });
  expect(open(5, [0])).toMatchObject({ open: undefined });
});

test("a funnel: shares of all and of the step before; nobody is no division by zero", () => {
  const question = { kind: "funnel" as const, steps: [{ activity: "a" }, { activity: "b" }] };
  expect(of(question, { groups: [{ value: null, reached: [8, 2], converted_ms: [1, 1, 1, 60_000, 1, 1, 1] }] })).toMatchObject({
    rows: [["1 a", 8, null, "100.0 %", ""], ["2 b", 2, 6, "25.0 %", "25.0 %"]], about: "Half of those who got through took 1 min or less.",
  });
  expect(of(question, { groups: [{ value: null, reached: [0, 0], converted_ms: [] }] }).rows[1]).toEqual(["2 b", 0, 0, "–", "–"]);
});

test("retention: a later bucket counts those alone who had the time", () => {
  const cohorts = [{ start_ms: 0, people: 10, returned: [10, 5] }, { start_ms: DAY, people: 30, returned: [30] }];
  const shown = of({ kind: "retention" }, { cohorts });
  expect(shown.drawing).toMatchObject({ lines: [{ values: [100, 50] }] });
  expect(shown.rows.map((row) => row.slice(1))).toEqual([[10, 10, 5], [30, 30, null]]);
});

test("every number names the people behind it", () => {
  const question = { kind: "funnel" as const, steps: [{ activity: "a" }, { activity: "b" }] };
  const { cells, cellAt } = of(question, { groups: [{ value: null, reached: [8, 2], converted_ms: [] }] });
  expect(cells?.[1]?.slice(1, 3)).toEqual([{ step: 2, standing: "reached", label: "everything" }, { step: 1, standing: "dropped", label: "everything" }]);
  expect(cellAt?.(0, 0)).toEqual({ step: 1, standing: "reached", label: "everything" });
  const kept = of({ kind: "retention" }, { cohorts: [{ start_ms: 7, people: 3, returned: [3, 1] }] });
  expect(kept.cells?.[0]).toEqual([null, { start_ms: 7 }, { start_ms: 7, after: 0 }, { start_ms: 7, after: 1 }]);
});

test("a distribution leaves out empty ends, and keeps the place of each bin", () => {
  const histogram = Array.from({ length: 17 }, (_, index) => (index === 3 ? 4 : index === 5 ? 1 : 0));
  const shown = of({ kind: "distribution" }, { count: 5, sum: 20, minimum: 3, maximum: 9, histogram, percentiles: [3, 3, 3, 4, 4, 9, 9] });
  expect(shown.rows).toEqual([["3 to 5", 4], ["5 to 10", 0], ["10 to 20", 1]].map(([name, count]) => [name, count]));
  expect(shown.cells?.[0]?.[1]).toEqual({ bin: 3 });
});

test("a funnel over time: shares by bucket, with the people of each", () => {
  const group = { value: null, label: "everything", reached: [8, 2], converted_ms: [], trend: [{ start_ms: 0, reached: [4, 1] }, { start_ms: DAY, reached: [0, 0] }] };
  const shown = of({ kind: "funnel", steps: [{ activity: "a" }, { activity: "b" }], isOverTime: true }, { groups: [group] });
  expect(shown.drawing).toMatchObject({ unit: "percent", lines: [{ values: [0.25, null] }] });
  expect(shown.rows[0]?.slice(1)).toEqual([4, 1, "25.0 %"]);
  expect(shown.cells?.[0]?.[2]).toEqual({ step: 2, standing: "reached", label: "everything", bucket_ms: 0 });
});

test("of sessions is drawn what is asked for, and a day without any has no average", () => {
  const day = { start_ms: 0, sessions: 4, duration_ms: 480_000, bounces: 1, rows: 10 };
  const answer = { buckets: [day, { start_ms: DAY, sessions: 0, duration_ms: 0, bounces: 0, rows: 0 }] };
  const lines = (sessionMeasure?: string) => of({ kind: "sessions", sessionMeasure }, answer).drawing;
  expect(lines()).toMatchObject({ kind: "bars", lines: [{ name: "sessions", values: [4, 0] }] });
  expect(lines("average_duration")).toMatchObject({ kind: "lines", lines: [{ name: "average minutes", values: [2, null] }] });
  expect(lines("bounce_rate")).toMatchObject({ unit: "percent", lines: [{ values: [0.25, null] }] });
  expect(lines("average_rows")).toMatchObject({ lines: [{ values: [2.5, null] }] });
});

test("formulas have no people, series beside them have", () => {
  const shown = of({ steps: [{ activity: "a" }, { activity: "b" }], formulas: ["A / B"] }, { buckets: [0], lines: [0, 1, 2].map((series) => ({ series, label: "everything", measures: [[series]] })) });
  expect(shown.head).toEqual(["day", "A a", "B b", "A / B"]);
  expect([shown.cellAt?.(0, 1), shown.cellAt?.(0, 2)]).toEqual([{ series: 1, bucket_ms: 0, label: "everything", previous: false }, null]);
});

test("groups that are compared: whoever is in both is behind neither number", () => {
  const by = { estimate: 0.05, interval: [0.01, 0.09], p: 0.02, method: "Welch's t test", can_be_said: "The second is higher.", cannot_be_said: "" };
  const shown = of({ kind: "compare", steps: [{ activity: "a" }, { activity: "b" }], who: [{ kind: "in", cohort: "keen" }] }, { segments: [{ name: "x", people: 3, mean: 0.1, standard_deviation: 0.3 }, { name: "y", people: 4, mean: null, standard_deviation: null }], in_both: 1, absolute: by, relative: by });
  expect(shown.rows).toEqual([["x", 3, "10.00 %", "0.3"], ["y", 4, "–", null]]);
  const keen = { all: [{ cohort: "keen" }] };
  expect(shown.cells?.[0]?.[1]).toMatchObject({ kind: "cohort", question: { cohort: { all: [keen, { not: { not: keen } }] } } });
  expect(shown.facts?.[0]).toEqual(["Difference", "+5.00 %, with 95 % confidence between +1.00 % and +9.00 %"]);
});

test("the SQL of an answer holds its definition as one text", () => {
  expect(sqlOf("ranking", { select: { activities: ["it's"] } })).toBe("SELECT * FROM ranking('{\"select\":{\"activities\":[\"it''s\"]}}')");
  expect(sqlOf("places", { resolution: 7 })).toBe("SELECT * FROM places('{\"resolution\":7}')");
});

test("the span as a whole, divided: a row for each part, the largest first, and what they sum up to", () => {
  const line = (values: (string | null)[] | "other", times: number, people: number) => ({ series: 0, label: values === "other" ? values : { values }, measures: [[times], [people]] });
  const asked = { bucket: "whole", breakdown: { properties: ["activity.event"], top: 2 }, series: [{ select: {}, measures: ["count", "people"] }] };
  const shown = drawn("trend", asked, { buckets: [5], lines: [line(["buy"], 2, 1), line(["view"], 9, 4), line("other", 30, 3)] }, "UTC");
  expect(shown.head).toEqual(["activity", "times", "people"]);
  expect(shown.rows).toEqual([["view", 9, 4], ["buy", 2, 1], ["other", 30, 3]]);
  // People of several parts may be the same: they have no sum.
  expect(shown.totals).toEqual({ values: ["all", 41, null], cells: [null, { series: 0, bucket_ms: 5, label: "everything", previous: false, measure: 0 }, null] });
  expect(shown.cells?.[0]?.[2]).toEqual({ series: 0, bucket_ms: 5, label: { values: ["view"] }, previous: false, measure: 1 });
  expect(shown.cellAt?.(2, 0)).toMatchObject({ label: "other", measure: 0 });
  expect(shown.drawing).toMatchObject({ kind: "bars", names: ["view", "buy", "other"] });
  const two = drawn("trend", { ...asked, breakdown: { properties: ["activity.city", { person: { property: "plan" } }] } }, { buckets: [5], lines: [line(["Kiel", null], 1, 1), line("other", 2, 2)] }, "UTC");
  expect([two.head, two.labels, two.rows]).toEqual([["city", "plan", "times", "people"], 2, [["Kiel", "(none)", 1, 1], ["other", "", 2, 2]]]);
  const sorted = drawn("trend", { ...asked, cohorts: [{ name: "a" }], breakdown: undefined }, { buckets: [5], lines: [{ series: 0, label: { cohort: "a" }, measures: [[1], [1]] }, { series: 0, label: { cohort: "b" }, measures: [[2], [1]] }] }, "UTC");
  expect([sorted.head[0], sorted.totals], "groups may have people in common").toEqual(["cohort", undefined]);
});

test("sessions of the whole span by how they begin", () => {
  const bucket = (sessions: number) => ({ start_ms: 5, sessions, duration_ms: sessions * 60_000, bounces: 1, rows: sessions * 2 });
  const groups = [{ label: { values: ["buy"] }, buckets: [bucket(2)] }, { label: { values: ["view"] }, buckets: [bucket(8)] }];
  const shown = drawn("sessions", { bucket: "whole", breakdown: { properties: [{ session: { property: "entry" } }], top: 5 } }, { buckets: [bucket(10)], groups }, "UTC");
  expect(shown.head[0]).toBe("session’s entry");
  expect(shown.rows.map((row) => row.slice(0, 2))).toEqual([["view", 8], ["buy", 2]]);
  expect([shown.totals?.values.slice(0, 2), shown.cells?.[1]?.[1]]).toEqual([["all", 10], { bucket_ms: 5, label: { values: ["buy"] } }]);
});

test("what a person of a ranking did is behind their number", () => {
  const shown = drawn("ranking", { by: "person" }, { rows: [{ activity: null, person: "p1", rows: 3 }] }, "UTC");
  expect([shown.people, shown.head, shown.cells]).toEqual([["p1"], ["person", "times"], [[null, { person: "p1" }]]]);
  const both = drawn("ranking", { by: "activity_and_person" }, { rows: [{ activity: "buy", person: "p1", rows: 3 }] }, "UTC");
  expect([both.head, both.rows, both.labels, both.cells]).toEqual([["person", "activity", "times"], [["p1", "buy", 3]], 2, [[null, null, { activity: "buy", person: "p1" }]]]);
});

test("where nobody can be asked for, a number leads nowhere", () => {
  const line = { series: 0, label: "everything", measures: [[2, 2]] };
  const trend = (more: object, lines: object[] = [line]) => drawn("trend", { bucket: "day", series: [{ select: {}, measures: ["count"] }], ...more }, { buckets: [0, 86_400_000], lines }, "UTC");
  expect(trend({}).cells?.[1]?.[1]).toMatchObject({ series: 0, bucket_ms: 86_400_000 });
  expect(trend({ running: "sum" }).cells?.[1]).toEqual([null, null]);
  expect(trend({ formulas: ["A * 2"] }, [line, { ...line, series: 1 }]).cells?.[1]?.[2]).toBeNull();
  const session = (sessions: number, bounces: number) => ({ start_ms: 5, sessions, duration_ms: 0, bounces, rows: sessions });
  const bounced = (bucket: object) => drawn("sessions", { bucket: "day" }, { buckets: [bucket] }, "UTC").cells?.[0]?.[3];
  expect([bounced(session(4, 1)), bounced(session(4, 0)), bounced(session(0, 0))]).toEqual([{ bucket_ms: 5, bounced: true }, null, null]);
});

test("of a factor both who converted and who did not are behind a number", () => {
  const of = { activity: "save" };
  const factor = { of, converted_with: 3, dropped_with: 2, converted_without: 1, dropped_without: 4, odds_ratio: 4.2, p: 0.3, q: 0.5, test: "fisher_exact" };
  const shown = drawn("correlation", { funnel: { steps: [] } }, { entered: 10, converted: 4, tested: 1, factors: [factor] }, "UTC");
  expect(shown.cells?.[0]).toEqual([null, { factor: of, converted: true }, { factor: of, converted: false }, null, null, null, null, null]);
});
