// What people take along of an answer: its numbers as CSV, and the SQL that gives them.

import { quoted } from "../sql/quoted";
import type { Kind } from "./question";

/** A statement for the page of SQL and every other door: each kind is a function there (docs/insights). */
export function sqlOf(kind: Kind, definition: object): string {
  return `SELECT * FROM ${kind}(${quoted(JSON.stringify(kind === "cohort" && "cohort" in definition ? definition.cohort : definition))})`;
}

/** A definition as it stands in answers of tiles: the kind beside the rest. */
export function apart({ question, ...definition }: Record<string, unknown>): { kind: Kind; definition: Record<string, unknown> } {
  return { kind: question as Kind, definition };
}
