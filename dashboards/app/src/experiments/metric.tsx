// A new metric: what is measured of each person after exposure.

import { useState } from "react";
import { made, type Metric } from "../api/definitions";
import { useProject } from "../frame/project";
import { ChoiceField, NumberField, TextField } from "../parts/field";
import { Combo, type Proposals } from "../parts/combo";
import { Dialog } from "../parts/dialog";
import { Failure } from "../parts/states";

const KINDS = [["conversion", "whether it happened at all"], ["count", "how often it happened"], ["sum", "the sum of a number"], ["mean", "the mean of a number"], ["unique", "how many different values"], ["retention", "whether it happens some days later"], ["ratio", "one count over another"]] as const;
type Kind = (typeof KINDS)[number][0];

interface Draft {
  key: string;
  kind: Kind;
  event: string;
  second: string;
  property: string;
  fromDay?: number;
  toDay?: number;
  hours?: number;
  lowerIsBetter: boolean;
  description: string;
}

function measureOf({ kind, event, second, property, fromDay, toDay }: Draft): Metric["measure"] {
  const source = { event, filters: [] };
  const operand = property ? { property } : ("amount" as const);
  switch (kind) {
    case "conversion": return { conversion: { source } };
    case "count": return { count: { source } };
    case "sum": return { sum: { source, operand } };
    case "mean": return { mean: { source, operand } };
    case "unique": return { unique: { source, property } };
    case "retention": return { retention: { source, from_day: fromDay ?? 1, to_day: toDay ?? 8 } };
    case "ratio": return { ratio: { numerator: { count: { source } }, denominator: { count: { source: { event: second, filters: [] } } } } };
  }
}

export function NewMetric({ names, done, close }: { names: Proposals; done: (key: string) => void; close: () => void }) {
  const project = useProject().id;
  const [draft, setDraft] = useState<Draft>({ key: "", kind: "conversion", event: "", second: "", property: "", lowerIsBetter: false, description: "" });
  const [fault, setFault] = useState<unknown>();
  const set = (part: Partial<Draft>) => setDraft({ ...draft, ...part });
  const { kind } = draft;
  const save = async () => {
    setFault(undefined);
    const definition: Metric = { measure: measureOf(draft), window: { delay_hours: 0, hours: draft.hours ?? null }, cap: null, lower_is_better: draft.lowerIsBetter, minimum_sample: 0, owner: "", description: draft.description };
    await made(project, "metrics", draft.key, definition).then(() => (done(draft.key), close()), setFault);
  };
  return (
    <Dialog title="New metric" close={close}>
      <form className="stack" onSubmit={(event) => (event.preventDefault(), void save())}>
        <TextField label="Key of the metric" value={draft.key} set={(key) => set({ key })} placeholder="purchases" />
        <ChoiceField label="It measures" value={kind} options={KINDS} set={(kind) => set({ kind: kind as Kind })} />
        <div className="line"><Combo label="Of activity" isQuiet={false} value={draft.event} placeholder="activity" proposals={names} choose={(event) => set({ event })} /></div>
        {kind === "ratio" && <div className="line"><Combo label="Over activity" isQuiet={false} value={draft.second} placeholder="activity" proposals={names} choose={(second) => set({ second })} /></div>}
        {(kind === "sum" || kind === "mean" || kind === "unique") && <TextField label="Property" value={draft.property} set={(property) => set({ property })} hint={kind === "unique" ? "Its different values are counted." : "Empty: the amount of the activity."} />}
        {kind === "retention" && <div className="pair"><NumberField label="From day" value={draft.fromDay ?? 1} set={(fromDay) => set({ fromDay })} min={0} step={1} /><NumberField label="Before day" value={draft.toDay ?? 8} set={(toDay) => set({ toDay })} min={1} step={1} /></div>}
        <NumberField label="Within so many hours after exposure" value={draft.hours} set={(hours) => set({ hours })} hint="Empty: until the experiment ends." min={1} step={1} />
        <label className="check"><input type="checkbox" checked={draft.lowerIsBetter} onChange={(event) => set({ lowerIsBetter: event.target.checked })} />Lower is better</label>
        <TextField label="In words" value={draft.description} set={(description) => set({ description })} />
        {fault ? <Failure fault={fault} /> : null}
        <div className="line"><button type="submit" className="primary">Make the metric</button><button type="button" className="plain" onClick={close}>Cancel</button></div>
      </form>
    </Dialog>
  );
}
