// The pages of a project, in the order in which people need them. Each is loaded when it is first opened.

import { lazy, type ComponentType, type LazyExoticComponent } from "react";

export interface Place {
  path: string;
  name: string;
  /** Without it the page shows nothing. */
  needs: string;
  page: LazyExoticComponent<ComponentType<{ rest: string[] }>>;
}

export const PLACES: Place[] = [
  { path: "insights", name: "Insights", needs: "insights.read", page: lazy(() => import("../insights/page")) },
  { path: "dashboards", name: "Dashboards", needs: "dashboards.read", page: lazy(() => import("../boards/page")) },
  { path: "places", name: "Places", needs: "sql.run", page: lazy(() => import("../places/page")) },
  { path: "sql", name: "SQL", needs: "sql.run", page: lazy(() => import("../sql/page")) },
  { path: "live", name: "Live", needs: "activity.read", page: lazy(() => import("../live/page")) },
  { path: "experiments", name: "Experiments", needs: "experiments.read", page: lazy(() => import("../experiments/page")) },
  { path: "flags", name: "Flags", needs: "flags.read", page: lazy(() => import("../flags/page")) },
  { path: "people", name: "People", needs: "sql.run", page: lazy(() => import("../people/page")) },
  { path: "data", name: "Data", needs: "sql.run", page: lazy(() => import("../data/page")) },
];
