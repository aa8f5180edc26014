// What can be chosen: activities, their properties, and the values that properties most often have.

import { useEffect, useState } from "react";
import { askRows } from "../api/rows";
import type { Proposal } from "../parts/combo";
import { number } from "../parts/format";

const COLUMNS = ["country", "city", "os", "app_version", "browser", "device_type", "campaign_source", "locale"];
const kept = new Map<string, Promise<Proposal[]>>();

function once(key: string, ask: () => Promise<Proposal[]>): Promise<Proposal[]> {
  const found = kept.get(key) ?? ask().catch(() => (kept.delete(key), []));
  kept.set(key, found);
  return found;
}

const proposals = async (project: string, sql: string, params: Record<string, string> = {}): Promise<Proposal[]> =>
  (await askRows(project, sql, params)).rows.map(([value, times]) => ({ value: String(value), note: number(Number(times)) }));

export const activities = (project: string) =>
  once(`a ${project}`, () => proposals(project, "SELECT event, count(*) AS times FROM activity WHERE event IS NOT NULL GROUP BY event ORDER BY times DESC LIMIT 500"));

/** Of the newest activity: properties that nobody sends any more are found by typing them. */
export const properties = (project: string) =>
  once(`p ${project}`, async () => [
    ...(await proposals(project, "SELECT name, count(*) AS times FROM (SELECT unnest(json_object_keys(properties)) AS name FROM (SELECT properties FROM activity ORDER BY timestamp DESC LIMIT 20000)) GROUP BY name ORDER BY times DESC LIMIT 300")),
    ...COLUMNS.map((name) => ({ value: `activity.${name}`, note: "column" })),
  ]);

export function values(project: string, property: string): Promise<Proposal[]> {
  const column = COLUMNS.find((name) => `activity.${name}` === property);
  const value = column ?? "properties->>$property";
  const sql = `SELECT ${value} AS value, count(*) AS times FROM (SELECT * FROM activity ORDER BY timestamp DESC LIMIT 20000) WHERE ${value} IS NOT NULL GROUP BY 1 ORDER BY times DESC LIMIT 50`;
  return once(`v ${project} ${property}`, () => proposals(project, sql, column ? {} : { property }));
}

/** Types of groups, of the newest activity, and keys of one. */
export const groupTypes = (project: string) =>
  once(`g ${project}`, () => proposals(project, "SELECT name, count(*) AS times FROM (SELECT unnest(json_object_keys(groups)) AS name FROM (SELECT groups FROM activity WHERE groups IS NOT NULL ORDER BY timestamp DESC LIMIT 20000)) GROUP BY name ORDER BY times DESC LIMIT 50"));
export const groupKeys = (project: string, group: string) =>
  once(`k ${project} ${group}`, () => proposals(project, "SELECT groups->>$group AS value, count(*) AS times FROM (SELECT groups FROM activity WHERE groups IS NOT NULL ORDER BY timestamp DESC LIMIT 20000) WHERE groups->>$group IS NOT NULL GROUP BY 1 ORDER BY times DESC LIMIT 50", { group }));

/** Proposals as soon as they are known. */
export function useProposals(ask: () => Promise<Proposal[]>, key: string): Proposal[] {
  const [found, setFound] = useState<Proposal[]>([]);
  useEffect(() => {
    let isGone = false;
    void ask().then((proposals) => isGone || setFound(proposals));
    return () => void (isGone = true);
  }, [key]);
  return found;
}

/** Properties of persons, of those who were here last. */
export const traits = (project: string) =>
  once(`t ${project}`, () => proposals(project, "SELECT name, count(*) AS times FROM (SELECT unnest(json_object_keys(properties)) AS name FROM (SELECT properties FROM persons ORDER BY last_seen DESC LIMIT 5000)) GROUP BY name ORDER BY times DESC LIMIT 200"));
