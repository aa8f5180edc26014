// What is behind a number: a question and the place of the number in its answer.

import type { Pick } from "../chart/options";
import { Elsewhere, OfActivities, type Cell, type Definition, type Drawn } from "./drawn";
import type { Kind } from "./question";

export interface Behind {
  kind: Kind;
  title: string;
  question: object;
  cell: object;
  /** It counts activities. */
  isOfActivities?: boolean;
}

/** Kinds whose numbers have activities as well as people. */
export const WITH_ACTIVITIES: readonly Kind[] = ["trend", "retention", "lifecycle", "stickiness", "distribution", "active_people", "places", "ranking"];
const OF_PEOPLE = ["people", "new_people", "sessions", "count_per_person"];

/** Whether a number counts activities, or adds up what they hold. */
function countsActivities(kind: Kind, definition: object, cell: object): boolean {
  const { series, of } = definition as Definition;
  switch (kind) {
    case "ranking": return true;
    case "distribution": return typeof of === "object";
    case "trend": {
      const { series: place = 0, measure = 0 } = cell as { series?: number; measure?: number };
      const measured = series?.[place]?.measures?.[measure];
      return typeof measured === "string" ? !OF_PEOPLE.includes(measured) : typeof measured === "object" && measured !== null && !("per_person" in measured);
    }
    default: return false;
  }
}
/** The people of a number of an answer to `definition`; undefined where there is nobody to show. */
export function behindOf(kind: Kind, definition: object, cell: Cell | undefined, title: string): Behind | undefined {
  if (!cell) return undefined;
  if (cell instanceof Elsewhere) return { kind: cell.kind, title, question: cell.question, cell: cell.cell };
  if (cell instanceof OfActivities) return { kind, title, question: definition, cell: cell.cell, isOfActivities: true };
  return { kind, title, question: definition, cell, isOfActivities: countsActivities(kind, definition, cell) };
}

/** Ways from the places of a drawing to what is behind them. */
export function pickOf({ cellAt }: { cellAt?: Drawn["cellAt"] }, show: (cell: Cell, index: number) => void): Pick | undefined {
  return cellAt && ((index, line) => {
    const cell = cellAt(index, line);
    return cell ? () => show(cell, index) : undefined;
  });
}
