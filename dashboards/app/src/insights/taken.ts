// What people take along of an answer: its numbers as CSV, and the SQL that gives them.

import { quoted } from "../sql/quoted";
import type { Kind } from "./question";

/** Kinds that are functions of this program's SQL as well (docs/insights). */
const IN_SQL: readonly Kind[] = ["trend", "funnel", "retention", "paths", "lifecycle", "stickiness", "sessions", "cohort", "distribution", "active_people", "time_between", "ranking"];

/** A statement for the page of SQL and every other door; undefined of kinds that SQL cannot say. */
export function sqlOf(kind: Kind, definition: object): string | undefined {
  return IN_SQL.includes(kind) ? `SELECT * FROM ${kind}(${quoted(JSON.stringify(kind === "cohort" && "cohort" in definition ? definition.cohort : definition))})` : undefined;
}

/** A definition as it stands in answers of tiles: the kind beside the rest. */
export function apart({ question, ...definition }: Record<string, unknown>): { kind: Kind; definition: Record<string, unknown> } {
  return { kind: question as Kind, definition };
}
