// An insight as it is kept: its definition without the time, which is set when it is asked.

import { bodyOf, midnight, spanOf, type Question } from "../insights/question";
import type { SavedQuestion } from "./calls";
import { ZONE } from "./zone";

export function savedInsight(question: Question): Omit<SavedQuestion, "title"> {
  const { scope: _, ...definition } = bodyOf(question, midnight(Date.now(), 1, ZONE), ZONE);
  const [from, until] = spanOf(question, midnight(Date.now(), 1, ZONE), ZONE);
  return { ask: { insight: { question: question.kind, ...definition } }, days: question.days || Math.max(1, Math.round((until - from) / 86_400_000)), zone: ZONE };
}
