// The pages of a project, in the order in which people need them. Each is loaded when it is first opened.

import { lazy, type ComponentType, type LazyExoticComponent } from "react";
import { partsOf } from "./address";

export interface Place {
  path: string;
  name: string;
  /** Without it the page shows nothing. */
  needs: string;
  page: LazyExoticComponent<Page>;
  /** Begins to load it. */
  load: () => Promise<unknown>;
}
type Page = ComponentType<{ rest: string[] }>;
type Load = () => Promise<{ default: Page }>;
const place = (path: string, name: string, needs: string, load: Load): Place => ({ path, name, needs, page: lazy(load), load });

export const PLACES: Place[] = [
  place("insights", "Insights", "insights.read", () => import("../insights/page")),
  place("dashboards", "Dashboards", "dashboards.read", () => import("../boards/page")),
  place("places", "Places", "sql.run", () => import("../places/page")),
  place("sql", "SQL", "sql.run", () => import("../sql/page")),
  place("live", "Live", "activity.read", () => import("../live/page")),
  place("experiments", "Experiments", "experiments.read", () => import("../experiments/page")),
  place("flags", "Flags", "flags.read", () => import("../flags/page")),
  place("people", "People", "sql.run", () => import("../people/page")),
  place("data", "Data", "sql.run", () => import("../data/page")),
];

/** The page of an address begins to load while it is still asked who looks. */
export function loadPlaceOf(pathname: string): void {
  const [, wanted] = partsOf(pathname);
  const found = wanted === undefined ? PLACES[0] : PLACES.find(({ path }) => path === wanted);
  // Where it fails the page tells it, when it is shown.
  found?.load().catch(() => undefined);
}
