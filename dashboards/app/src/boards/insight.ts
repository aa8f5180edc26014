// An insight as it is kept: its definition without the time, which is set when it is asked.

import { bodyOf, midnight, spanOf, type Question } from "../insights/question";
import type { SavedQuestion } from "./calls";
import { ZONE } from "./zone";

/** Kinds whose rows nothing selects: there people cannot be narrowed without a time. */
const UNNARROWED = ["paths", "sessions"];

/** Whether a question can be kept whole: a correlation has its time inside, a cohort is saved as one. */
export const isKeepable = ({ kind, who }: Question) => kind !== "correlation" && kind !== "cohort" && !(UNNARROWED.includes(kind) && who.length > 0);

export function savedInsight(question: Question): Omit<SavedQuestion, "title"> {
  const { scope, ...definition } = bodyOf(question, midnight(Date.now(), 1, ZONE), ZONE);
  const { people } = scope as { people?: object };
  const [from, until] = spanOf(question, midnight(Date.now(), 1, ZONE), ZONE);
  const insight = { question: question.kind, ...(people ? narrowed(definition, people) : definition) } as Record<string, unknown>;
  return { ask: { insight }, days: question.days || Math.max(1, Math.round((until - from) / 86_400_000)), zone: ZONE };
}

/** Every selector takes only rows of these people. */
export function narrowed(value: unknown, people: object): object {
  if (Array.isArray(value)) return value.map((one) => (typeof one === "object" && one !== null ? narrowed(one, people) : one));
  const members = value as Record<string, unknown>;
  const inner = Object.fromEntries(Object.entries(members).map(([name, one]) => [name, name !== "condition" && typeof one === "object" && one !== null ? narrowed(one, people) : one]));
  if (!Array.isArray(members.activities)) return inner;
  const { condition } = members;
  return { ...inner, condition: { all: [...(condition ? [condition] : []), { cohort: people }] } };
}
