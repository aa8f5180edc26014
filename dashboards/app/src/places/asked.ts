// What the map is about: a time, an activity, and how large the cells are; as a question of insights, and as SQL.

import { isFilled, midnight, readQuestion, type Question } from "../insights/question";
import { quoted } from "../sql/quoted";

export interface Asked {
  days: number;
  activity: string;
  resolution: number;
}
/** The times that can be chosen. */
export const DAYS = [["1", "1 day"], ["7", "7 days"], ["30", "30 days"], ["90", "90 days"], ["365", "a year"]] as const;
/** Whether the map shows what a question of places asks, and not more: it has neither conditions nor days of the calendar. */
export const isOnMap = ({ days, steps: [step], who }: Question): boolean => DAYS.some(([count]) => count === String(days)) && who.length === 0 && !step?.filters.some(isFilled);
export const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
/** The question of insights that asks the same. */
export const questionOf = ({ days, activity, resolution }: Asked): Question => readQuestion({ kind: "places", days, steps: [{ activity }], resolution });

export const spanOf = (days: number): [number, number] => {
  const until = midnight(Date.now(), 1, ZONE);
  return [midnight(until - 1, 1 - days, ZONE), until];
};

/** The points that the cells are made of: SQL has no function of H3. */
export function sqlOf({ days, activity, resolution }: Asked): string {
  const [from, until] = spanOf(days).map((ms) => quoted(new Date(ms).toISOString()));
  const one = activity ? `\n  AND event = ${quoted(activity)}` : "";
  return `-- The points of the map; its cells are those of H3 at resolution ${resolution}.\nSELECT latitude, longitude, person_id, count(*) AS times\nFROM activity\nWHERE latitude IS NOT NULL AND longitude IS NOT NULL AND timestamp >= ${from} AND timestamp < ${until}${one}\nGROUP BY 1, 2, 3\nORDER BY times DESC;\n`;
}
