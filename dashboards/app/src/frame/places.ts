// The pages of a project, in the order in which people need them. Each is loaded when it is first opened.

import { lazy, type ComponentType, type LazyExoticComponent } from "react";

type Page = ComponentType<{ rest: string[] }>;
export interface Place {
  path: string;
  name: string;
  /** Without it the page shows nothing. */
  needs: string;
  page: LazyExoticComponent<Page>;
}

const LOADED: (Omit<Place, "page"> & { load: () => Promise<{ default: Page }> })[] = [
  { path: "insights", name: "Insights", needs: "insights.read", load: () => import("../insights/page") },
  { path: "dashboards", name: "Dashboards", needs: "dashboards.read", load: () => import("../boards/page") },
  { path: "places", name: "Places", needs: "sql.run", load: () => import("../places/page") },
  { path: "sql", name: "SQL", needs: "sql.run", load: () => import("../sql/page") },
  { path: "live", name: "Live", needs: "activity.read", load: () => import("../live/page") },
  { path: "experiments", name: "Experiments", needs: "experiments.read", load: () => import("../experiments/page") },
  { path: "flags", name: "Flags", needs: "flags.read", load: () => import("../flags/page") },
  { path: "people", name: "People", needs: "sql.run", load: () => import("../people/page") },
  { path: "data", name: "Data", needs: "sql.run", load: () => import("../data/page") },
];

export const PLACES: Place[] = LOADED.map(({ load, ...place }) => ({ ...place, page: lazy(load) }));

/** The page of an address is on its way while it is still asked who is signed in. */
export function loadEarly(path: string): void {
  const wanted = path.split("/")[3] ?? LOADED[0]?.path;
  void LOADED.find(({ path }) => path === wanted)?.load().catch(() => undefined);
}
