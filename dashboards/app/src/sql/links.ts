// Where the value of a column leads: ids and names of what has a page of its own.

import type { Project } from "../api/session";
import { placeOf } from "../frame/project";
import { quoted } from "./quoted";

const page = (project: string, of: string, key: string) => placeOf(project, `${of}/${encodeURIComponent(key)}`);

/** The activities of a session, which has no page of its own. */
const ofSession = (id: string) => `SELECT activity.timestamp, activity.event, activity.properties, activity.person_id, activity.message_id
FROM activity JOIN sessions ON sessions.person_id = activity.person_id AND activity.timestamp >= sessions.start AND activity.timestamp <= sessions."end"
WHERE sessions.session_id = ${quoted(id)}
ORDER BY activity.timestamp`;

/** What the pages need that columns lead to; people, activities and rows are asked for in SQL. */
const neededFor = (column: string) => (/^(\$?feature_flag|flag|feature)$/.test(column) ? "flags.read" : /^experiment(_key|_id)?$/.test(column) ? "experiments.read" : "sql.run");

/** Where somebody is: a page opens to whoever may see it. */
export type Where = Pick<Project, "id" | "permissions">;

/** The address of what a value names; undefined where it names nothing, or nothing that this person may open. */
export function hrefOf({ id: project, permissions }: Where, column: string, value: unknown): string | undefined {
  if (typeof value !== "string" || value === "" || !permissions.has(neededFor(column.toLowerCase()))) return undefined;
  switch (column.toLowerCase()) {
    case "person_id": case "own_person_id": return page(project, "people", value);
    case "distinct_id": return placeOf(project, "people", { find: value });
    case "event": case "activity": case "entry_event": case "exit_event": return page(project, "data", value);
    case "flag": case "feature": case "feature_flag": case "$feature_flag": return page(project, "flags", value);
    case "experiment": case "experiment_key": case "experiment_id": return page(project, "experiments", value);
    case "message_id": case "activity_id": case "first_message_id": case "last_message_id": return placeOf(project, "sql", { sql: `SELECT * FROM activity WHERE message_id = ${quoted(value)}` });
    case "session_id": return placeOf(project, "sql", { sql: ofSession(value) });
    default: return undefined;
  }
}
