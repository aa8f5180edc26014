// What goes with each kind of question: how it is divided, joined, counted and compared.

import { Select } from "../parts/choice";
import { Combo, type Proposals } from "../parts/combo";
import { ANCHORS, COMPARED, ORDERS, RUNNINGS, SESSION_MEASURES, TOUCHES, type Exclusion, type Question } from "./question";
import { Several } from "./several";

interface Options {
  question: Question;
  names: Proposals;
  known: Proposals;
  own: Proposals;
  groups: Proposals;
  set: (part: Partial<Question>) => void;
}

const WINDOWS = [["1", "1 day"], ["7", "7 days"], ["14", "14 days"], ["30", "30 days"], ["90", "90 days"]] as const;
/** About how wide a cell of each resolution is. */
const CELLS = [["2", "about 300 km"], ["3", "about 120 km"], ["4", "about 45 km"], ["5", "about 17 km"], ["6", "about 6 km"], ["7", "about 2.4 km"], ["8", "about 900 m"], ["9", "about 350 m"], ["10", "about 130 m"]] as const;
const upTo = (most: number) => Array.from({ length: most }, (_, index) => [String(index + 1), String(index + 1)] as const);

function Check({ label, value, set }: { label: string; value: boolean; set: (value: boolean) => void }) {
  return <label className="check"><input type="checkbox" checked={value} onChange={(event) => set(event.target.checked)} />{label}</label>;
}

const Within = ({ question, set }: Pick<Options, "question" | "set">) =>
  <Select label="Within" value={String(question.windowDays)} options={WINDOWS.some(([days]) => days === String(question.windowDays)) ? WINDOWS : [[String(question.windowDays), `${question.windowDays} days`] as const, ...WINDOWS]} choose={(days) => set({ windowDays: Number(days) })} />;

/** By properties or by cohorts, not both. */
function Divided({ question, known, groups, set, most }: Options & { most: number }) {
  return (
    <>
      {question.cohorts.length === 0 && <Several label="Broken down by" value={question.breakdown} most={most} placeholder={question.breakdown.length ? "and by" : "nothing"} proposals={known} set={(breakdown) => set({ breakdown })} />}
      {question.breakdown.length === 0 && (groups.length > 0 || question.cohorts.length > 0) && <Several label="By cohorts" value={question.cohorts} most={20} placeholder={question.cohorts.length ? "and" : "none"} proposals={groups} set={(cohorts) => set({ cohorts })} />}
    </>
  );
}

export function OptionsOf(options: Options) {
  const { question, known, own, set } = options;
  switch (question.kind) {
    case "trend": return (
      <>
        <Divided {...options} most={3} />
        <Check label="Compare with the previous period" value={question.previous} set={(previous) => set({ previous })} />
        <Select label="Show" value={question.running} options={RUNNINGS} choose={(running) => set({ running })} />
        {question.breakdown.length === 0 && question.cohorts.length === 0 && <Several label="Formulas" value={question.formulas} most={20} placeholder="A / B * 100" proposals={[]} set={(formulas) => set({ formulas })} />}
      </>
    );
    case "funnel": return (
      <>
        <Within {...options} />
        <Select label="Order" value={question.order} options={ORDERS} choose={(order) => set({ order })} />
        <Divided {...options} most={1} />
        {question.breakdown.length > 0 && <Select label="Value at the" value={question.touch} options={TOUCHES} choose={(touch) => set({ touch })} />}
        {question.breakdown.length > 0 && <Select label="activity of step" value={String(Math.min(question.touchStep, question.steps.length))} options={upTo(question.steps.length)} choose={(step) => set({ touchStep: Number(step) })} />}
        {question.order !== "unordered" && <Check label="Over time" value={question.isOverTime} set={(isOverTime) => set({ isOverTime })} />}
        {question.order !== "unordered" && question.steps.length > 1 && <Exclusions {...options} />}
      </>
    );
    case "retention": return (
      <>
        <Check label="Every start, not only the first" value={question.isRecurring} set={(isRecurring) => set({ isRecurring })} />
        <Check label="Count later returns too" value={question.isUnbounded} set={(isUnbounded) => set({ isUnbounded })} />
        <Divided {...options} most={1} />
      </>
    );
    case "paths": return (
      <>
        <Select label="Show what happens" value={question.anchor} options={ANCHORS} choose={(anchor) => set({ anchor })} />
        <Select label="Steps" value={String(question.length)} options={upTo(8)} choose={(length) => set({ length: Number(length) })} />
        <Check label="Include shorter paths" value={question.shorter} set={(shorter) => set({ shorter })} />
      </>
    );
    case "sessions": return <Select label="Show" value={question.sessionMeasure} options={SESSION_MEASURES} choose={(sessionMeasure) => set({ sessionMeasure })} />;
    case "time_between": return <Within {...options} />;
    case "distribution": return <Combo label="Distribution of" isQuiet={false} value={question.property} placeholder="times per person" proposals={known} choose={(property) => set({ property })} />;
    case "ranking": return <Select label="Rank" value={question.by} options={[["activity", "activities"], ["person", "people"]]} choose={(by) => set({ by })} />;
    case "correlation": return (
      <>
        <Within {...options} />
        <Several label="Properties that may matter" value={question.factors} most={20} placeholder="property" proposals={known} set={(factors) => set({ factors })} />
        <Several label="Of the person" value={question.traits} most={20} placeholder="property of persons" proposals={own} set={(traits) => set({ traits })} />
      </>
    );
    case "compare": return (
      <>
        <Select label="Compare" value={question.compared} options={COMPARED} choose={(compared) => set({ compared })} />
        {question.compared === "sum" && <Combo label="Number" value={question.property} placeholder="property" proposals={known} choose={(property) => set({ property })} />}
        {question.compared === "converts" && <Within {...options} />}
      </>
    );
    case "places": return <Select label="Cells" value={String(question.resolution)} options={CELLS.some(([key]) => key === String(question.resolution)) ? CELLS : [[String(question.resolution), `step ${question.resolution}`] as const, ...CELLS]} choose={(resolution) => set({ resolution: Number(resolution) })} />;
    default: return null;
  }
}

/** What ends an attempt, each between two steps. */
function Exclusions({ question, names, set }: Options) {
  const { exclusions, steps } = question;
  const change = (at: number, part?: Partial<Exclusion>) => set({ exclusions: exclusions.flatMap((old, index) => (index === at ? (part ? { ...old, ...part } : []) : old)) });
  const gaps = upTo(steps.length - 1).map(([step]) => [step, `${step} and ${Number(step) + 1}`] as const);
  return (
    <span className="line" role="group" aria-label="What ends it">
      {exclusions.map((one, index) => (
        <span className="filter" key={index} role="group" aria-label={`Exclusion ${index + 1}`}>
          <Combo label={`Ended by ${index + 1}`} value={one.activity} placeholder="activity" proposals={names} choose={(activity) => change(index, { activity })} />
          <Select label="between" value={String(Math.min(one.after, steps.length - 1))} options={gaps} choose={(after) => change(index, { after: Number(after) })} />
          <button type="button" className="remove" aria-label={`Remove exclusion ${index + 1}`} onClick={() => change(index)}>×</button>
        </span>
      ))}
      {exclusions.length < 16 && <button type="button" className="quiet" onClick={() => set({ exclusions: [...exclusions, { activity: "", filters: [], after: 1 }] })}>Ended by …</button>}
    </span>
  );
}
