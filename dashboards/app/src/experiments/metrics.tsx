// Which metrics decide, explain and must not suffer.

import { useState } from "react";
import type { Experiment, Item } from "../api/definitions";
import { ChoiceField, NumberField } from "../parts/field";
import { Combo, type Proposals } from "../parts/combo";
import { GoingButton } from "../parts/going";
import { DIMENSIONS, type Dimension } from "./dimensions";
import { NewMetric } from "./metric";

type Role = "goals" | "secondary" | "guardrails";
const ROLES = [["goals", "Goals", "They decide."], ["secondary", "Secondary", "They explain."], ["guardrails", "Guardrails", "They must not suffer."]] as const;

export function MetricFields({ draft, set, metrics, names, changed }: { draft: Experiment; set: (part: Partial<Experiment>) => void; metrics: Item<"metrics">[]; names: Proposals; changed: () => void }) {
  const [making, setMaking] = useState<Role>();
  const [unknown, setUnknown] = useState<{ role: Role; key: string }>();
  const keysOf = (role: Role) => (role === "guardrails" ? draft.guardrails.map(({ metric }) => metric) : draft[role]);
  const add = (role: Role, key: string) => {
    if (!key || keysOf(role).includes(key)) return;
    if (role === "guardrails") set({ guardrails: [...draft.guardrails, { metric: key, tolerance: 0.02, rolls_back: false }] });
    else set({ [role]: [...draft[role], key] });
  };
  const remove = (role: Role, key: string) => (role === "guardrails" ? set({ guardrails: draft.guardrails.filter(({ metric }) => metric !== key) }) : set({ [role]: draft[role].filter((one) => one !== key) }));
  const free = metrics.filter(({ key }) => !ROLES.some(([role]) => keysOf(role).includes(key)));
  return (
    <div className="stack">
      {ROLES.map(([role, title, about]) => (
        <section key={role} className="stack" aria-label={title}>
          <h3>{title} <span className="soft small">{about}</span></h3>
          <ul className="chips">
            {keysOf(role).map((key, index) => (
              <li key={key}>
                <b>{key}</b>
                {role === "guardrails" && (
                  <>
                    <NumberField label="worse by at most, in %" value={Number(((draft.guardrails[index]?.tolerance ?? 0) * 100).toFixed(4))} min={0} max={100} set={(value) => set({ guardrails: draft.guardrails.map((one) => (one.metric === key ? { ...one, tolerance: (value ?? 0) / 100 } : one)) })} />
                    <label className="check"><input type="checkbox" checked={draft.guardrails[index]?.rolls_back ?? false} onChange={(event) => set({ guardrails: draft.guardrails.map((one) => (one.metric === key ? { ...one, rolls_back: event.target.checked } : one)) })} />rolls back by itself</label>
                  </>
                )}
                <GoingButton className="remove" aria-label={`Remove ${key}`} onClick={() => remove(role, key)}>×</GoingButton>
              </li>
            ))}
          </ul>
          <div className="line">
            <Combo key={keysOf(role).length} label={`Add to ${title.toLowerCase()}`} value="" placeholder="add a metric" onOpen={() => setUnknown(undefined)} proposals={free.map(({ key, definition }) => ({ value: key, note: Object.keys(definition.measure)[0] }))} choose={(key) => (metrics.some((one) => one.key === key) ? (setUnknown(undefined), add(role, key)) : setUnknown(key ? { role, key } : undefined))} />
            <button type="button" className="quiet" onClick={() => setMaking(role)}>New metric</button>
          </div>
          {unknown?.role === role && <p className="wrong small" role="status">There is no metric “{unknown.key}”: choose one that is there, or make a new one.</p>}
        </section>
      ))}
      <ChoiceField label="People are compared" value={draft.analysis.stratified_by ?? ""} options={[["", "all with all"], ...DIMENSIONS.map(([key, words]) => [key, `with those of the same ${words}`] as const)]} set={(dimension) => set({ analysis: { ...draft.analysis, stratified_by: (dimension || null) as Dimension | null } })} hint="Where groups differ much from each other, comparing within them makes intervals narrower. They weigh as many people as they have." />
      {making && <NewMetric names={names} done={(key) => (changed(), add(making, key))} close={() => setMaking(undefined)} />}
    </div>
  );
}
