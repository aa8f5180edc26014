// Who is behind the numbers of an arm: all of its people, or those whom a metric has anything of.

import { useState } from "react";
import { api, good } from "../api/client";
import { useProject } from "../frame/project";
import { PeopleListed } from "../insights/behind";
import { Select } from "../parts/choice";
import { Dialog } from "../parts/dialog";
import { number } from "../parts/format";
import type { Results } from "./told";

export interface Arm {
  variation: string;
  metric?: string;
}
interface Page {
  people: number;
  listed: string[];
  next?: string | null;
}

/** A number of people that leads to them. */
export function ArmFigure({ people, variation, show }: { people: number; variation: string; show?: (arm: Arm) => void }) {
  const text = number(people);
  if (!show || people === 0) return <>{text}</>;
  return <button type="button" className="behind" title="Who is this?" aria-label={`${text} people in ${variation}: who is this?`} onClick={() => show({ variation })}>{text}</button>;
}

export function ArmPeople({ results, arm, close }: { results: Results; arm: Arm; close: () => void }) {
  const project = useProject().id;
  const [metric, setMetric] = useState(arm.metric ?? "");
  const options = [["", "all of them"] as const, ...results.metrics.map(({ key }) => [key, `those with ${key}`] as const)];
  const ask = (limit: number, after: string | undefined, signal?: AbortSignal) => {
    const query = { variation: arm.variation, phase: results.phase, environment: results.environment, limit, ...(metric && { metric }), ...(after && { after }) };
    const path = { params: { path: { project, key: results.experiment }, query }, signal };
    return good(api.GET("/v1/projects/{project}/experiments/{key}/results/people" as never, path as never)) as Promise<Page>;
  };
  return (
    <Dialog title={`${results.experiment}: ${arm.variation}`} close={close} isWide>
      <Select label="People" value={metric} options={options} choose={setMetric} />
      <PeopleListed key={metric} title={[results.experiment, arm.variation, metric].filter(Boolean).join(" ")} name={JSON.stringify([results.experiment, results.phase, results.environment, arm.variation, metric])} ask={ask} />
    </Dialog>
  );
}
