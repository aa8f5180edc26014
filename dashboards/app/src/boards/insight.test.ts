// What is kept asks about the same people as what was asked.

import { expect, test } from "vitest";
import { readQuestion } from "../insights/question";
import { isKeepable, narrowed, savedInsight } from "./insight";

test("only people who …: every selector of what is kept says so", () => {
  const keen = { cohort: { all: [{ cohort: "keen" }] } };
  const question = readQuestion({ kind: "funnel", steps: [{ activity: "a", filters: [{ property: "p", test: "set" }] }, { activity: "b" }], who: [{ kind: "in", cohort: "keen" }] });
  expect(savedInsight(question).ask).toMatchObject({ insight: { question: "funnel", steps: [{ activities: ["a"], condition: { all: [{ all: [{ property: { property: "p" } }] }, keen] } }, { activities: ["b"], condition: { all: [keen] } }] } });
  expect(savedInsight(readQuestion({})).ask).toMatchObject({ insight: { series: [{ select: { activities: [] }, measures: ["people"] }] } });
  expect(narrowed({ edges: [1, 2], select: { activities: [] } }, { listed: [] })).toEqual({ edges: [1, 2], select: { activities: [], condition: { all: [{ cohort: { listed: [] } }] } } });
});

test("what cannot be kept whole is not offered", () => {
  const who = [{ kind: "in", cohort: "keen" }];
  expect([{ kind: "sessions", who }, { kind: "correlation" }, { kind: "sessions" }, { kind: "trend", who }].map((question) => isKeepable(readQuestion(question)))).toEqual([false, false, true, true]);
});
