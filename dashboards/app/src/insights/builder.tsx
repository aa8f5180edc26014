// What is asked: activities with filters and measures, what goes with the kind of question, who and when.

import { useProject } from "../frame/project";
import { Segments, Select } from "../parts/choice";
import { localDay } from "../parts/format";
import { activities, properties, traits, useProposals } from "./names";
import { OptionsOf } from "./options";
import { stepOf, type Question, type Step } from "./question";
import { useCohorts } from "./saved";
import { StepRow } from "./step";
import { WhoRows } from "./who";

const DAYS = [["1", "Today"], ["7", "7 days"], ["30", "30 days"], ["90", "90 days"], ["365", "a year"], ["0", "Custom"]] as const;
const BUCKETS = [["hour", "hours"], ["day", "days"], ["week", "weeks"], ["month", "months"]] as const;

const STEPS_MOST: Record<Question["kind"], number> = { trend: 16, funnel: 16, correlation: 16, compare: 16, retention: 2, time_between: 2, paths: 1, lifecycle: 1, stickiness: 1, active_people: 1, distribution: 1, ranking: 1, places: 1, sessions: 0, cohort: 0 };
const TWO = { retention: ["Starts with", "Returns with"], time_between: ["From", "To the next"] } as const;

/** How many activities the question as it stands has room for. */
function mostOf({ kind, compared, anchor }: Question): number {
  if (kind === "compare" && compared !== "converts") return 1;
  return kind === "paths" && (anchor === "beginning" || anchor === "ending") ? 0 : STEPS_MOST[kind];
}

const isOverTime = ({ kind, isOverTime, order }: Question) => kind === "trend" || kind === "retention" || kind === "lifecycle" || kind === "stickiness" || kind === "sessions" || (kind === "funnel" && isOverTime && order !== "unordered");

/** `isTimeless`: the time is set elsewhere. */
export function Builder({ question, change, isTimeless }: { question: Question; change: (question: Question) => void; isTimeless?: boolean }) {
  const project = useProject().id;
  const names = useProposals(() => activities(project), project);
  const known = useProposals(() => properties(project), project);
  const own = useProposals(() => traits(project), project);
  const groups = useCohorts(project);
  const { kind, steps } = question;
  const set = (part: Partial<Question>) => change({ ...question, ...part });
  const most = mostOf(question);
  const isPair = kind === "retention" || kind === "time_between";
  const shown = isPair && steps.length === 1 ? [steps[0] ?? stepOf(), stepOf()] : steps.slice(0, most);
  const setStep = (at: number, step?: Step) => set({ steps: shown.flatMap((old, index) => (index === at ? step ?? [] : old)) });
  const label = (index: number) => (kind === "trend" ? String.fromCharCode(65 + index) : String(index + 1));
  return (
    <section className="card builder" aria-label="Question">
      {kind === "compare" && <WhoRows who={question.who} names={names} known={known} isQuestion label="The first group" set={(who) => set({ who })} />}
      {kind === "compare" && <div className="stack"><span className="soft small">compared with {question.against.length ? "" : "everybody else, or with"}</span><WhoRows who={question.against} names={names} known={known} isQuestion label="The second group" set={(against) => set({ against })} /></div>}
      {shown.length > 0 && <div className="steps">
        {shown.map((step, index) => (
          <StepRow
            key={index} step={step} names={names} known={known} label={label(index)} before={isPair ? TWO[kind][index] : undefined} hasMeasure={kind === "trend"} isWithoutFilters={kind === "paths"}
            set={(step) => setStep(index, step)} remove={shown.length > 1 && !isPair ? () => setStep(index) : undefined}
          />
        ))}
      </div>}
      <div className="line">
        {most > 2 && shown.length < most && <button type="button" className="plain" onClick={() => set({ steps: [...shown, stepOf()] })}>{kind === "trend" ? "Add a series" : "Add a step"}</button>}
        <OptionsOf question={question} names={names} known={known} own={own} groups={groups} set={set} />
      </div>
      {kind !== "compare" && <WhoRows who={question.who} names={names} known={known} isQuestion={kind === "cohort"} set={(who) => set({ who })} />}
      <div className="line">
        {!isTimeless && <Segments label="Time" value={String(question.days) as (typeof DAYS)[number][0]} options={DAYS} choose={(days) => (days === "0" ? set({ days: 0, from: question.from || dayBefore(30), until: question.until || dayBefore(0) }) : set({ days: Number(days) }))} />}
        {!isTimeless && question.days === 0 && <span className="line"><label className="field-inline">from <input type="date" value={question.from} onChange={(event) => event.target.value && set({ from: event.target.value })} /></label><label className="field-inline">until <input type="date" value={question.until} onChange={(event) => event.target.value && set({ until: event.target.value })} /></label></span>}
        {isOverTime(question) && <Select label="by" value={question.bucket} options={BUCKETS} choose={(bucket) => set({ bucket })} />}
      </div>
    </section>
  );
}

const dayBefore = (days: number) => localDay(Date.now() - days * 86_400_000);
