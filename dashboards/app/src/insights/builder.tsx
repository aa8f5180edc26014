// What is asked: activities with filters and measures, and what goes with the kind of question.

import { useProject } from "../frame/project";
import { Segments, Select } from "../parts/choice";
import { Combo, type Proposal } from "../parts/combo";
import { activities, properties, useProposals } from "./names";
import { FilterRow } from "./filter";
import { MEASURES, stepOf, type Filter, type Question, type Step } from "./question";
import { WhoRows } from "./who";

const MANY = { trend: "Add a series", funnel: "Add a step" } as const;
const DAYS = [["1", "Today"], ["7", "7 days"], ["30", "30 days"], ["90", "90 days"], ["365", "a year"], ["0", "from … to"]] as const;
const BUCKETS = [["hour", "hours"], ["day", "days"], ["week", "weeks"], ["month", "months"]] as const;

const STEPS_MOST: Record<Question["kind"], number> = { trend: 16, funnel: 16, retention: 2, time_between: 2, paths: 1, lifecycle: 1, stickiness: 1, active_people: 1, distribution: 1, ranking: 1, sessions: 0, cohort: 0 };
const TWO = { retention: ["Starts with", "Returns with"], time_between: ["From", "To the next"] } as const;

export function Builder({ question, change }: { question: Question; change: (question: Question) => void }) {
  const project = useProject().id;
  const names = useProposals(() => activities(project), project);
  const known = useProposals(() => properties(project), project);
  const { kind, steps } = question;
  const set = (part: Partial<Question>) => change({ ...question, ...part });
  const most = STEPS_MOST[kind];
  const isPair = kind === "retention" || kind === "time_between";
  const shown = isPair && steps.length === 1 ? [steps[0] ?? stepOf(), stepOf()] : steps.slice(0, most);
  const setStep = (at: number, step?: Step) => set({ steps: shown.flatMap((old, index) => (index === at ? step ?? [] : old)) });
  const label = (index: number) => (kind === "trend" ? String.fromCharCode(65 + index) : String(index + 1));
  const hasBucket = kind === "trend" || kind === "retention" || kind === "lifecycle" || kind === "stickiness" || kind === "sessions";
  return (
    <section className="card builder" aria-label="Question">
      {shown.length > 0 && <div className="steps">
        {shown.map((step, index) => (
          <StepRow
            key={index} step={step} names={names} known={known} label={label(index)} before={isPair ? TWO[kind][index] : undefined} hasMeasure={kind === "trend"} isWithoutFilters={kind === "paths"}
            set={(step) => setStep(index, step)} remove={shown.length > 1 && !isPair ? () => setStep(index) : undefined}
          />
        ))}
      </div>}
      <div className="line">
        {(kind === "trend" || kind === "funnel") && shown.length < most && <button type="button" className="plain" onClick={() => set({ steps: [...shown, stepOf()] })}>{MANY[kind]}</button>}
        {(kind === "trend" || kind === "funnel") && <Combo label="Broken down by" isQuiet={false} value={question.breakdown} placeholder="nothing" proposals={known} choose={(breakdown) => set({ breakdown })} />}
        {kind === "trend" && <label className="check"><input type="checkbox" checked={question.previous} onChange={(event) => set({ previous: event.target.checked })} />Compare with the time before</label>}
        {(kind === "funnel" || kind === "time_between") && <Select label="Within" value={String(question.windowDays)} options={[["1", "1 day"], ["7", "7 days"], ["14", "14 days"], ["30", "30 days"]]} choose={(days) => set({ windowDays: Number(days) })} />}
        {kind === "paths" && <Select label="Show what happens" value={question.isBefore ? "before" : "after"} options={[["after", "after"], ["before", "before"]]} choose={(side) => set({ isBefore: side === "before" })} />}
        {kind === "paths" && <Select label="Steps" value={String(question.length)} options={["2", "3", "4", "5", "6"].map((count) => [count, count] as const)} choose={(length) => set({ length: Number(length) })} />}
        {kind === "distribution" && <Combo label="Of the number" isQuiet={false} value={question.property} placeholder="times per person" proposals={known} choose={(property) => set({ property })} />}
        {kind === "ranking" && <Select label="Rank" value={question.by} options={[["activity", "activities"], ["person", "people"]]} choose={(by) => set({ by })} />}
      </div>
      <WhoRows who={question.who} names={names} known={known} isQuestion={kind === "cohort"} set={(who) => set({ who })} />
      <div className="line">
        <Segments label="Time" value={String(question.days) as (typeof DAYS)[number][0]} options={DAYS} choose={(days) => (days === "0" ? set({ days: 0, from: question.from || dayBefore(30), until: question.until || dayBefore(0) }) : set({ days: Number(days) }))} />
        {question.days === 0 && <span className="line"><label className="field-inline">from <input type="date" value={question.from} onChange={(event) => event.target.value && set({ from: event.target.value })} /></label><label className="field-inline">until <input type="date" value={question.until} onChange={(event) => event.target.value && set({ until: event.target.value })} /></label></span>}
        {hasBucket && <Select label="by" value={question.bucket} options={BUCKETS} choose={(bucket) => set({ bucket })} />}
      </div>
    </section>
  );
}

const dayBefore = (days: number) => new Date(Date.now() - days * 86_400_000).toLocaleDateString("sv-SE");

interface Row {
  step: Step;
  names: Proposal[];
  known: Proposal[];
  label: string;
  before?: string;
  hasMeasure: boolean;
  isWithoutFilters: boolean;
  set: (step: Step) => void;
  remove?: () => void;
}

function StepRow({ step, names, known, label, before, hasMeasure, isWithoutFilters, set, remove }: Row) {
  const setFilter = (at: number, filter?: Filter) => set({ ...step, filters: step.filters.flatMap((old, index) => (index === at ? filter ?? [] : old)) });
  const ofNumber = step.measure === "sum" || step.measure === "average";
  return (
    <div className="step" role="group" aria-label={`Activity ${label}`}>
      <b aria-hidden="true">{label}</b>{before && <span className="soft small">{before}</span>}
      <Combo label={`Activity ${label}`} value={step.activity} placeholder="any activity" proposals={names} choose={(activity) => set({ ...step, activity })} />
      {hasMeasure && <Select label="Measured as" isQuiet value={step.measure} options={MEASURES} choose={(measure) => set({ ...step, measure })} />}
      {hasMeasure && ofNumber && <Combo label="Number" value={step.property} placeholder="property" proposals={known} choose={(property) => set({ ...step, property })} />}
      {step.filters.map((filter, index) => <FilterRow key={index} filter={filter} known={known} set={(filter) => setFilter(index, filter)} remove={() => setFilter(index)} />)}
      {!isWithoutFilters && <button type="button" className="quiet" onClick={() => set({ ...step, filters: [...step.filters, { property: "", test: "is", value: "" }] })}>Filter</button>}
      {remove && <button type="button" className="remove" aria-label={`Remove ${label}`} onClick={remove}>×</button>}
    </div>
  );
}
