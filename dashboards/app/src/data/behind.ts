// What is behind the numbers of activities, asked on the page of SQL, where persons are ways to their timelines.

import { withValues } from "../sql/quoted";

const LISTED_MAX = 10_000;
const OF = { times: "", people: "", week: " AND timestamp >= $since" } as const;

/** The statement that lists the activities of a name, of all time or `since`, or their people; null is activity without a name. */
export function behindActivity(activity: string | null, what: keyof typeof OF, since = ""): string {
  const where = `WHERE ${activity === null ? "event IS NULL" : "event = $activity"}${OF[what]}`;
  const sql = what === "people" ? `SELECT person_id, count(*) AS times, max(timestamp) AS last FROM activity ${where} GROUP BY person_id ORDER BY times DESC LIMIT ${LISTED_MAX}`
    : `SELECT timestamp, person_id, distinct_id, properties FROM activity ${where} ORDER BY timestamp DESC LIMIT ${LISTED_MAX}`;
  return withValues(sql, { activity, since });
}
