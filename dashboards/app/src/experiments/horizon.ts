// An experiment that is looked at once: before its end there is nothing to conclude.

import type { Experiment } from "../api/definitions";
import { number } from "../parts/format";

const DAY = 86_400_000;

/** Which day of how many it is; undefined where one may look at any time, or the planned days are over. */
export function untilPlanned({ from, until }: { from: string; until: string }, { analysis, plan }: Pick<Experiment, "analysis" | "plan">): { title: string; sentences: string[] } | undefined {
  if (analysis.method !== "fixed_horizon" || !plan) return undefined;
  const passed = (Date.parse(until) - Date.parse(from)) / DAY;
  if (!(passed < plan.days)) return undefined;
  const title = `Planned for ${number(plan.days)} days, this is day ${number(Math.floor(passed) + 1)}`;
  return { title, sentences: ["It is looked at once, at the end: until then an interval that lies on one side of zero says nothing, since one who looks often sees that by chance."] };
}
