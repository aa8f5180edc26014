// What activities are meant to be, and what was found otherwise: the calls.

import type { components } from "../../../client/src/schema";
import { api, good, goodWithTag } from "../api/client";
import { everything } from "../api/definitions";

type Schemas = components["schemas"];
export type Planned = Schemas["PlannedActivity"];
export type Violation = Schemas["PlanViolation"];
export type Revised = Schemas["PlanRevision"];
export type Unplanned = Schemas["UnplannedActivities"];
export interface Wanted {
  description: string;
  owner: string;
  schema: Record<string, unknown> | null;
  on_violation: "count" | "refuse";
}

const matched = (tag: string) => ({ "If-Match": tag });

export const planOf = (project: string, signal?: AbortSignal) => goodWithTag(api.GET("/v1/projects/{project}/plan", { params: { path: { project } }, signal }));
export const setUnplanned = (project: string, tag: string, unplanned: Unplanned) => good(api.PUT("/v1/projects/{project}/plan", { params: { path: { project }, header: matched(tag) }, body: { unplanned } }));
export const plannedOnes = (project: string, signal?: AbortSignal) => everything<Planned>((query) => good(api.GET("/v1/projects/{project}/plan/activities", { params: { path: { project }, query }, signal })));
export const violationsOf = (project: string, activity?: string, signal?: AbortSignal) =>
  everything<Violation>((query) => good(api.GET("/v1/projects/{project}/plan/violations", { params: { path: { project }, query: { ...query, ...(activity && { activity }) } }, signal })));

/** The activity in the plan, if it is. */
export async function plannedOne(project: string, activity: string, signal?: AbortSignal): Promise<{ planned?: Planned; tag: string }> {
  const { data, response, error } = await api.GET("/v1/projects/{project}/plan/activities/{activity}", { params: { path: { project, activity } }, signal });
  if (response.status === 404) return { tag: "" };
  const { content, tag } = await goodWithTag<Planned>(Promise.resolve({ data, response, error }));
  return { planned: content, tag };
}

export function keep(project: string, activity: string, tag: string, wanted: Wanted): Promise<unknown> {
  if (!tag) return good(api.POST("/v1/projects/{project}/plan/activities", { params: { path: { project } }, body: { activity, ...wanted } }));
  return good(api.PUT("/v1/projects/{project}/plan/activities/{activity}", { params: { path: { project, activity }, header: matched(tag) }, body: wanted }));
}

export const takeOut = (project: string, activity: string, tag: string) => good(api.DELETE("/v1/projects/{project}/plan/activities/{activity}", { params: { path: { project, activity }, header: matched(tag) } }));
export const forgetViolations = (project: string, activity: string) => good(api.DELETE("/v1/projects/{project}/plan/activities/{activity}/violations", { params: { path: { project, activity } } }));
export const revisionsOf = (project: string, activity: string, signal?: AbortSignal) =>
  everything<Revised>((query) => good(api.GET("/v1/projects/{project}/plan/activities/{activity}/revisions", { params: { path: { project, activity }, query }, signal })));
