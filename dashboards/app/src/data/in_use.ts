// The properties that activities have, over all of them: counted by the server as they come.

import { api, good } from "../api/client";
import { number, percent } from "../parts/format";

export interface PropertyInUse {
  name: string;
  times: number;
  first_at: string;
  last_at: string;
}
export interface PropertiesInUse {
  properties: PropertyInUse[];
  /** There are more. */
  is_cut: boolean;
  /** All activities are counted; else the counting goes on. */
  is_exact: boolean;
  rows_counted?: number | null;
  rows?: number | null;
}

export const propertiesInUse = (project: string, activity: string, signal?: AbortSignal) =>
  good<unknown>(api.GET("/v1/projects/{project}/properties" as never, { params: { path: { project }, query: activity ? { activity } : {} }, signal } as never)) as Promise<PropertiesInUse>;

/** How far the counting is. */
export function countedOf(found: Pick<PropertiesInUse, "rows_counted" | "rows"> | undefined): string {
  const counted = found?.rows_counted ?? 0;
  if (!found?.rows) return counted ? `Counting: ${number(counted)} activities so far …` : "Counting …";
  return `Counting: ${number(counted)} of ${number(found.rows)} activities, ${percent(counted / found.rows, 0)} …`;
}
