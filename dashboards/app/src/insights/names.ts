// What can be chosen: activities, their properties, and the values that properties most often have.

import { useEffect, useState } from "react";
import { api, good } from "../api/client";
import type { Proposal, Proposals } from "../parts/combo";
import { number } from "../parts/format";

type Of = "activities" | "properties" | "values" | "traits" | "group_types" | "group_keys";

const COLUMNS = ["event", "country", "city", "os", "app_version", "browser", "device_type", "campaign_source", "locale"];
/** What has come since is proposed after that. */
const KEPT_MS = 300_000;
const kept = new Map<string, Promise<Proposals>>();

/** Asked once in a while; what was refused, and what there was nothing of yet, is asked again when somebody needs it again. */
function once(project: string, of: Of, name?: string): Promise<Proposals> {
  const key = `${project} ${of} ${name ?? ""}`;
  const found = kept.get(key) ?? ask(project, of, name).catch((fault) => (kept.delete(key), refused(fault)));
  kept.set(key, found);
  void found.then(({ length }) => (length > 0 ? setTimeout(() => kept.delete(key), KEPT_MS) : kept.delete(key)));
  return found;
}

async function ask(project: string, of: Of, name?: string): Promise<Proposals> {
  const query = { of, ...(name !== undefined && { name }) };
  const { names } = await good(api.GET("/v1/projects/{project}/names", { params: { path: { project }, query } }));
  return names.map(({ value, times }) => ({ value, note: number(times) }));
}

/** None, and why. */
export const refused = (fault: unknown): Proposals => Object.assign([], { refusal: fault instanceof Error ? fault.message : String(fault) });

export const activities = (project: string) => once(project, "activities");

const COLUMN_PROPOSALS: Proposal[] = COLUMNS.map((name) => ({ value: `activity.${name}`, note: "column" }));

/** Of the newest activity: properties that nobody sends any more are found by typing them. */
export async function properties(project: string): Promise<Proposals> {
  const found = await once(project, "properties");
  return Object.assign([...found, ...COLUMN_PROPOSALS], { refusal: found.refusal });
}

export const values = (project: string, property: string) => once(project, "values", property);
/** Types of groups, of the newest activity, and keys of one. */
export const groupTypes = (project: string) => once(project, "group_types");
export const groupKeys = (project: string, group: string) => once(project, "group_keys", group);
/** Properties of persons, of those who were here last. */
export const traits = (project: string) => once(project, "traits");

/** Proposals as soon as they are known. */
export function useProposals(ask: () => Promise<Proposals>, key: string): Proposals {
  const [found, setFound] = useState<Proposals>([]);
  useEffect(() => {
    let isGone = false;
    void ask().then((proposals) => isGone || setFound(proposals));
    return () => void (isGone = true);
  }, [key]);
  return found;
}
