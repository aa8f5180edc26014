// Persons as people know them, each with a way to their page for whoever may open it.

import type { ReactNode } from "react";
import { useAnswer } from "../api/answer";
import { askRows } from "../api/rows";
import { Link } from "../frame/link";
import { placeOf, useProject } from "../frame/project";
import { Numbers } from "./numbers";

export interface Known {
  name: string;
  last: string;
  activities: number;
}

/** Ids as people know them; roles without SQL see the ids of persons. */
export async function named(project: string, ids: string[], signal?: AbortSignal): Promise<Map<string, Known>> {
  if (ids.length === 0) return new Map();
  const names = ids.map((_, index) => `p${index}`);
  const sql = `SELECT person_id, distinct_ids, last_seen, activities FROM persons WHERE person_id IN (${names.map((name) => `$${name}`).join(", ")})`;
  const { rows } = await askRows(project, sql, Object.fromEntries(ids.map((id, index) => [`p${index}`, id])), signal).catch(() => ({ rows: [] }));
  return new Map(rows.map(([id, distinct, last, activities]) => [String(id), { name: Array.isArray(distinct) ? String(distinct[0]) : String(id), last: String(last), activities: Number(activities) }]));
}

/** The page of a person is asked in SQL: to whoever may not, it is no way. */
export function PersonLink({ id, known }: { id: string; known?: Known }) {
  const { id: project, permissions } = useProject();
  const name = known?.name ?? id;
  return permissions.has("sql.run") ? <Link href={placeOf(project, `people/${encodeURIComponent(id)}`)}>{name}</Link> : <span>{name}</span>;
}

/** What stands in a row that is a person; undefined where rows are none. */
export function usePersons(ids: string[] | undefined): ((row: number) => ReactNode) | undefined {
  const { id: project, permissions } = useProject();
  const people = useAnswer(ids?.length && permissions.has("sql.run") ? `${project} ${ids.join(" ")}` : undefined, (signal) => named(project, ids ?? [], signal));
  return ids && ((row) => { const id = ids[row]; return id && <PersonLink id={id} known={people.value?.get(id)} />; });
}

/** A table whose rows are persons. */
export function PersonNumbers(props: Parameters<typeof Numbers>[0] & { ids: string[] }) {
  return <Numbers {...props} first={usePersons(props.ids)} />;
}
