// An insight as it is kept: its definition without the time, which is set when it is asked.

import { bodyOf, midnight, type Question } from "../insights/question";
import type { SavedQuestion } from "./calls";
import { ZONE } from "./zone";

export function savedInsight(question: Question): Omit<SavedQuestion, "title"> {
  const { scope: _, ...definition } = bodyOf(question, midnight(Date.now(), 1, ZONE), ZONE) as Record<string, unknown>;
  return { ask: { insight: { question: question.kind, ...definition } }, days: question.days, zone: ZONE };
}
