// Where people have to be exposed, and do what is measured, to count: one of the project's environments.

import type { Experiment } from "../api/definitions";
import { ChoiceField } from "../parts/field";
import { environmentOf } from "./compared";
import { choicesOf, judgedIn } from "./draft";

export function EnvironmentField({ draft, set, environments, fault }: { draft: Experiment; set: (part: Partial<Experiment>) => void; environments: string[]; fault?: string }) {
  const choices = choicesOf(draft, environments);
  if (choices.length === 0) return null;
  return <ChoiceField label="Whose activity counts" value={environmentOf(draft)} options={choices.map((name) => [name, `activity in ${name}`] as const)} set={(environment) => set(judgedIn(draft, environment))} fault={fault} hint="Results are of people who were exposed in this environment. Where an SDK key belongs is set under Flags, SDK keys." />;
}
