// What is asked: activities with filters and measures, and what goes with the kind of question.

import { useEffect, useState } from "react";
import { useProject } from "../frame/project";
import { Segments, Select } from "../parts/choice";
import { Combo, type Proposal } from "../parts/combo";
import { activities, properties, values } from "./names";
import { MEASURES, TESTS, stepOf, type Filter, type Question, type Step } from "./question";

const MANY = { trend: "Add a series", funnel: "Add a step" } as const;
const DAYS = [["1", "Today"], ["7", "7 days"], ["30", "30 days"], ["90", "90 days"], ["365", "a year"]] as const;
const BUCKETS = [["hour", "hours"], ["day", "days"], ["week", "weeks"], ["month", "months"]] as const;

function useProposals(ask: () => Promise<Proposal[]>, key: string): Proposal[] {
  const [found, setFound] = useState<Proposal[]>([]);
  useEffect(() => {
    let isGone = false;
    void ask().then((proposals) => isGone || setFound(proposals));
    return () => void (isGone = true);
  }, [key]);
  return found;
}

export function Builder({ question, change }: { question: Question; change: (question: Question) => void }) {
  const project = useProject().id;
  const names = useProposals(() => activities(project), project);
  const known = useProposals(() => properties(project), project);
  const { kind, steps } = question;
  const set = (part: Partial<Question>) => change({ ...question, ...part });
  const most = kind === "sessions" ? 0 : kind === "retention" ? 2 : kind === "trend" || kind === "funnel" ? 16 : 1;
  const shown = kind === "retention" && steps.length === 1 ? [steps[0] ?? stepOf(), stepOf()] : steps.slice(0, most);
  const setStep = (at: number, step?: Step) => set({ steps: shown.flatMap((old, index) => (index === at ? step ?? [] : old)) });
  const label = (index: number) => (kind === "trend" ? String.fromCharCode(65 + index) : String(index + 1));
  return (
    <section className="card builder" aria-label="Question">
      <div className="steps">
        {shown.map((step, index) => (
          <StepRow
            key={index} step={step} names={names} known={known} label={label(index)} hasMeasure={kind === "trend"} isWithoutFilters={kind === "paths"}
            set={(step) => setStep(index, step)} remove={shown.length > 1 && kind !== "retention" ? () => setStep(index) : undefined}
          />
        ))}
      </div>
      <div className="line">
        {(kind === "trend" || kind === "funnel") && shown.length < most && <button type="button" className="plain" onClick={() => set({ steps: [...shown, stepOf()] })}>{MANY[kind]}</button>}
        {(kind === "trend" || kind === "funnel") && <Combo label="Broken down by" isQuiet={false} value={question.breakdown} placeholder="nothing" proposals={known} choose={(breakdown) => set({ breakdown })} />}
        {kind === "trend" && <label className="check"><input type="checkbox" checked={question.previous} onChange={(event) => set({ previous: event.target.checked })} />Compare with the time before</label>}
        {kind === "funnel" && <Select label="Within" value={String(question.windowDays)} options={[["1", "1 day"], ["7", "7 days"], ["14", "14 days"], ["30", "30 days"]]} choose={(days) => set({ windowDays: Number(days) })} />}
        {kind === "paths" && <Select label="Show what happens" value={question.isBefore ? "before" : "after"} options={[["after", "after"], ["before", "before"]]} choose={(side) => set({ isBefore: side === "before" })} />}
        {kind === "paths" && <Select label="Steps" value={String(question.length)} options={["2", "3", "4", "5", "6"].map((count) => [count, count] as const)} choose={(length) => set({ length: Number(length) })} />}
      </div>
      <div className="line">
        <Segments label="Time" value={String(question.days) as (typeof DAYS)[number][0]} options={DAYS} choose={(days) => set({ days: Number(days) })} />
        {kind !== "funnel" && kind !== "paths" && <Select label="by" value={question.bucket} options={BUCKETS} choose={(bucket) => set({ bucket })} />}
      </div>
    </section>
  );
}

interface Row {
  step: Step;
  names: Proposal[];
  known: Proposal[];
  label: string;
  hasMeasure: boolean;
  isWithoutFilters: boolean;
  set: (step: Step) => void;
  remove?: () => void;
}

function StepRow({ step, names, known, label, hasMeasure, isWithoutFilters, set, remove }: Row) {
  const setFilter = (at: number, filter?: Filter) => set({ ...step, filters: step.filters.flatMap((old, index) => (index === at ? filter ?? [] : old)) });
  const ofNumber = step.measure === "sum" || step.measure === "average";
  return (
    <div className="step" role="group" aria-label={`Activity ${label}`}>
      <b aria-hidden="true">{label}</b>
      <Combo label={`Activity ${label}`} value={step.activity} placeholder="any activity" proposals={names} choose={(activity) => set({ ...step, activity })} />
      {hasMeasure && <Select label="Measured as" isQuiet value={step.measure} options={MEASURES} choose={(measure) => set({ ...step, measure })} />}
      {hasMeasure && ofNumber && <Combo label="Number" value={step.property} placeholder="property" proposals={known} choose={(property) => set({ ...step, property })} />}
      {step.filters.map((filter, index) => <FilterRow key={index} filter={filter} known={known} set={(filter) => setFilter(index, filter)} remove={() => setFilter(index)} />)}
      {!isWithoutFilters && <button type="button" className="quiet" onClick={() => set({ ...step, filters: [...step.filters, { property: "", test: "is", value: "" }] })}>Filter</button>}
      {remove && <button type="button" className="remove" aria-label={`Remove ${label}`} onClick={remove}>×</button>}
    </div>
  );
}

function FilterRow({ filter, known, set, remove }: { filter: Filter; known: Proposal[]; set: (filter: Filter) => void; remove: () => void }) {
  const project = useProject().id;
  const proposals = useProposals(() => (filter.property ? values(project, filter.property) : Promise.resolve([])), filter.property);
  const hasValue = filter.test !== "set" && filter.test !== "not_set";
  return (
    <span className="filter">
      <Combo label="Property" value={filter.property} placeholder="property" proposals={known} choose={(property) => set({ ...filter, property, value: "" })} />
      <Select label="Test" isQuiet value={filter.test} options={TESTS} choose={(test) => set({ ...filter, test })} />
      {hasValue && <Combo label="Value" value={filter.value} placeholder="value" proposals={proposals} choose={(value) => set({ ...filter, value })} />}
      <button type="button" className="remove" aria-label="Remove the filter" onClick={remove}>×</button>
    </span>
  );
}
