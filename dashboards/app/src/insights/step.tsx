// One activity of a question: its name, how it is measured, and its filters.

import { Select } from "../parts/choice";
import { Combo, type Proposals } from "../parts/combo";
import { FilterRow } from "./filter";
import { MEASURES, NO_FILTER, WITH_NUMBER, type Filter, type Step } from "./question";

const JOINS = [["all", "all of"], ["any", "any of"]] as const;

interface Row {
  step: Step;
  names: Proposals;
  known: Proposals;
  label: string;
  before?: string;
  hasMeasure: boolean;
  isWithoutFilters: boolean;
  set: (step: Step) => void;
  remove?: () => void;
}

export function StepRow({ step, names, known, label, before, hasMeasure, isWithoutFilters, set, remove }: Row) {
  const setFilter = (at: number, filter?: Filter) => set({ ...step, filters: step.filters.flatMap((old, index) => (index === at ? filter ?? [] : old)) });
  return (
    <div className="step" role="group" aria-label={`Activity ${label}`}>
      <b aria-hidden="true">{label}</b>{before && <span className="soft small">{before}</span>}
      <Combo label={`Activity ${label}`} value={step.activity} placeholder="any activity" proposals={names} choose={(activity) => set({ ...step, activity })} />
      {hasMeasure && <Select label="Measured as" isQuiet value={step.measure} options={MEASURES} choose={(measure) => set({ ...step, measure })} />}
      {hasMeasure && WITH_NUMBER.includes(step.measure) && <Combo label="Number" value={step.property} placeholder="property" proposals={known} choose={(property) => set({ ...step, property })} />}
      {step.filters.length > 1 && <Select label="Filters joined by" isQuiet value={step.isAny ? "any" : "all"} options={JOINS} choose={(join) => set({ ...step, isAny: join === "any" })} />}
      {step.filters.map((filter, index) => <FilterRow key={index} filter={filter} known={known} set={(filter) => setFilter(index, filter)} remove={() => setFilter(index)} />)}
      {!isWithoutFilters && <button type="button" className="quiet" onClick={() => set({ ...step, filters: [...step.filters, NO_FILTER] })}>Filter</button>}
      {remove && <button type="button" className="remove" aria-label={`Remove ${label}`} onClick={remove}>×</button>}
    </div>
  );
}
