// What a metric measures of each person after exposure, as fields; and a new one.

import { useState } from "react";
import { made } from "../api/definitions";
import { useProject } from "../frame/project";
import { properties, useProposals, values } from "../insights/names";
import { Several } from "../insights/several";
import { Select } from "../parts/choice";
import { Combo, type Proposals } from "../parts/combo";
import { Dialog } from "../parts/dialog";
import { ChoiceField, NumberField, TextField } from "../parts/field";
import { GoingButton } from "../parts/going";
import { Failure } from "../parts/states";
import { CAPPED, CAPS, EMPTY, KINDS, NO_FILTER, OPERANDS, QUANTILES, SUMMED, TESTS, metricOf, type Draft, type Filter, type Kind, type Side } from "./metric_draft";

export function NewMetric({ names, done, close }: { names: Proposals; done: (key: string) => void; close: () => void }) {
  const project = useProject().id;
  const [key, setKey] = useState("");
  const [draft, setDraft] = useState<Draft>(EMPTY);
  const [fault, setFault] = useState<unknown>();
  const save = async () => {
    setFault(undefined);
    await made(project, "metrics", key, metricOf(draft)).then(() => (done(key), close()), setFault);
  };
  return (
    <Dialog title="New metric" close={close} isWide>
      <form className="stack" onSubmit={(event) => (event.preventDefault(), void save())}>
        <TextField label="Key of the metric" value={key} set={setKey} placeholder="purchases" hint="It names the metric in experiments and results, and never changes." />
        <Measured draft={draft} set={setDraft} names={names} />
        {fault ? <Failure fault={fault} /> : null}
        <div className="line"><button type="submit" className="primary">Make the metric</button><button type="button" className="plain" onClick={close}>Cancel</button></div>
      </form>
    </Dialog>
  );
}

export function Measured({ draft, set: change, names }: { draft: Draft; set: (draft: Draft) => void; names: Proposals }) {
  const project = useProject().id;
  const known = useProposals(() => properties(project), project);
  const set = (part: Partial<Draft>) => change({ ...draft, ...part });
  const { kind, of, over } = draft;
  const isRatio = kind === "ratio";
  return (
    <>
      <ChoiceField label="It measures" value={kind} options={KINDS} set={(kind) => set({ kind: kind as Kind })} />
      <SideFields label="Of activity" side={of} set={(of) => set({ of })} names={names} known={known} isOfRatio={isRatio} />
      {isRatio && <SideFields label="Over activity" side={over} set={(over) => set({ over })} names={names} known={known} isOfRatio />}
      {(SUMMED.includes(kind) || kind === "unique") && (
        <div className="line"><Combo label="Property" isQuiet={false} value={of.property} placeholder={kind === "unique" ? "property" : "the amount"} proposals={known} choose={(property) => set({ of: { ...of, property } })} /><span className="soft small">{kind === "unique" ? "Its different values are counted." : "Empty: the amount of the activity."}</span></div>
      )}
      {kind === "quantile" && (
        <div className="pair">
          <NumberField label="Quantile" value={draft.level} set={(level) => set({ level })} min={0.001} max={0.999} isRequired hint="0.5 is the median." />
          <ChoiceField label="Across" value={draft.across} options={QUANTILES} set={(across) => set({ across: across as Draft["across"] })} hint="Of all activities, as loading times: what one person does hangs together, and intervals allow for it." />
        </div>
      )}
      {kind === "retention" && <div className="pair"><NumberField label="From day" value={draft.fromDay} set={(fromDay) => set({ fromDay })} min={0} step={1} isRequired /><NumberField label="Before day" value={draft.toDay} set={(toDay) => set({ toDay })} min={1} step={1} isRequired /></div>}
      <div className="pair">
        <NumberField label="Not before so many hours after exposure" value={draft.delay} set={(delay) => set({ delay })} min={0} max={8760} step={1} />
        <NumberField label="Within so many hours after exposure" value={draft.hours} set={(hours) => set({ hours })} hint="From then on. Empty: until the phase ends." min={1} max={8760} step={1} />
      </div>
      {CAPPED.includes(kind) && (
        <div className="pair">
          <ChoiceField label="Extreme values" value={draft.capped} options={CAPS} set={(capped) => set({ capped: capped as Draft["capped"] })} hint="A few people with very high values make every interval wide." />
          {draft.capped !== "none" && <NumberField label="Cut at" value={draft.cap} set={(cap) => set({ cap })} min={0} isRequired hint={draft.capped === "quantile" ? "As 0.99: of all people's values." : "No person counts for more."} />}
        </div>
      )}
      <div className="pair">
        <NumberField label="Fewest people of a variation" value={draft.minimum} set={(minimum) => set({ minimum })} min={0} step={1} hint="With fewer nothing is told." />
        <TextField label="Owner of the metric" value={draft.owner} set={(owner) => set({ owner })} />
      </div>
      <label className="check"><input type="checkbox" checked={draft.lowerIsBetter} onChange={(event) => set({ lowerIsBetter: event.target.checked })} />Lower is better</label>
      <TextField label="In words" value={draft.description} set={(description) => set({ description })} />
    </>
  );
}

interface SideProps {
  label: string;
  side: Side;
  set: (side: Side) => void;
  names: Proposals;
  known: Proposals;
  isOfRatio: boolean;
}

/** An activity with its filters; of a ratio with what is summed of it. */
function SideFields({ label, side, set, names, known, isOfRatio }: SideProps) {
  const change = (at: number, filter?: Filter) => set({ ...side, filters: side.filters.flatMap((old, index) => (index === at ? filter ?? [] : old)) });
  return (
    <div className="step" role="group" aria-label={label}>
      <Combo label={label} isQuiet={false} value={side.event} placeholder="activity" proposals={names} choose={(event) => set({ ...side, event })} />
      {isOfRatio && <Select label="Counted as" isQuiet value={side.operand} options={OPERANDS} choose={(operand) => set({ ...side, operand })} />}
      {isOfRatio && side.operand === "sum" && <Combo label="Number" value={side.property} placeholder="the amount" proposals={known} choose={(property) => set({ ...side, property })} />}
      {side.filters.map((filter, index) => <FilterFields key={index} filter={filter} known={known} set={(filter) => change(index, filter)} remove={() => change(index)} />)}
      {side.filters.length < 20 && <button type="button" className="quiet" onClick={() => set({ ...side, filters: [...side.filters, NO_FILTER] })}>Filter</button>}
    </div>
  );
}

function FilterFields({ filter, known, set, remove }: { filter: Filter; known: Proposals; set: (filter: Filter) => void; remove: () => void }) {
  const project = useProject().id;
  const { property, test } = filter;
  const proposed = useProposals(() => (property ? values(project, property) : Promise.resolve([])), `${project} ${property}`);
  return (
    <span className="filter" role="group" aria-label={`Filter on ${property || "a property"}`}>
      <Combo label="Filtered by" value={property} placeholder="property" proposals={known.filter(({ value }) => !value.startsWith("activity."))} choose={(property) => set({ ...filter, property, values: [] })} />
      <Select label="Test" isQuiet value={test} options={TESTS} choose={(test) => set({ ...filter, test })} />
      {(test === "one_of" || test === "none_of") && <Several label="Values" value={filter.values} most={200} placeholder={filter.values.length ? "or" : "value"} proposals={proposed} set={(values) => set({ ...filter, values })} />}
      {(test === "at_least" || test === "at_most") && <input type="number" className="few" aria-label="Bound" step="any" required value={filter.bound ?? ""} onChange={(event) => set({ ...filter, bound: event.target.value === "" ? undefined : Number(event.target.value) })} />}
      <GoingButton className="remove" aria-label="Remove the filter" onClick={remove}>×</GoingButton>
    </span>
  );
}
