// A group of people: who did something, did not, are something, or are in a saved cohort. All rows have to hold.

import { useEffect, useState } from "react";
import { useProject } from "../frame/project";
import { Select } from "../parts/choice";
import { Combo, type Proposals } from "../parts/combo";
import { FilterRow } from "./filter";
import { traits, useProposals } from "./names";
import { NO_FILTER, WHOS, whoOf, type Who } from "./question";
import { useCohorts } from "./saved";

interface Rows {
  who: Who[];
  names: Proposals;
  known: Proposals;
  /** The group is what is asked for, or a part of it. */
  isQuestion: boolean;
  label?: string;
  set: (who: Who[]) => void;
}

export function WhoRows({ who, names, known, isQuestion, label = isQuestion ? "The group" : "Only people who", set }: Rows) {
  const project = useProject().id;
  const own = useProposals(() => traits(project), project);
  const groups = useCohorts(project);
  const change = (at: number, part: Partial<Who>) => set(who.map((one, index) => (index === at ? { ...one, ...part } : one)));
  const add = (kind: Who["kind"]) => set([...who, whoOf(kind)]);
  return (
    <div className="steps" role="group" aria-label={label}>
      {who.map((one, index) => {
        const does = one.kind === "did" || one.kind === "did_not" || one.kind === "did_often";
        const isFiltered = one.filter.property !== "" || one.filter.value !== "";
        return (
          <div className="step" key={index} role="group" aria-label={`${label}, condition ${index + 1}`}>
            <span className="soft small">{index === 0 ? "People who" : "and who"}</span>
            <Select label="Kind" isQuiet value={one.kind} options={WHOS} choose={(kind) => change(index, { kind, filter: NO_FILTER })} />
            {does && <Combo label="Activity" value={one.activity} placeholder="anything" proposals={names} choose={(activity) => change(index, { activity })} />}
            {(one.kind === "did" || one.kind === "did_often") && <Times value={one.times} set={(times) => change(index, { times })} unit={one.kind === "did" ? "times" : "days"} />}
            {(one.kind === "in" || one.kind === "not_in") && <Combo label="Cohort" value={one.cohort} placeholder="cohort" proposals={groups} choose={(cohort) => change(index, { cohort })} />}
            {(one.kind === "is" || (does && isFiltered)) && <FilterRow isFixed filter={one.filter} known={one.kind === "is" ? own : known} set={(filter) => change(index, { filter })} remove={one.kind === "is" ? undefined : () => change(index, { filter: NO_FILTER })} />}
            {does && !isFiltered && <Combo label="With the property" value="" placeholder="with a property" proposals={known} choose={(property) => change(index, { filter: { ...NO_FILTER, property } })} />}
            <button type="button" className="remove" aria-label={`Remove condition ${index + 1}`} onClick={() => set(who.filter((_, at) => at !== index))}>×</button>
          </div>
        );
      })}
      <div className="line">
        {who.length < 10 && <button type="button" className={isQuestion ? "plain" : "quiet"} onClick={() => add("did")}>{who.length ? "And" : isQuestion ? "People who did something" : "Only people who …"}</button>}
        {isQuestion && who.length === 0 && <button type="button" className="plain" onClick={() => add("is")}>People with a property</button>}
        {isQuestion && who.length === 0 && groups.length > 0 && <button type="button" className="plain" onClick={() => add("in")}>People of a cohort</button>}
      </div>
    </div>
  );
}

/** While it is empty it is what it was: another number can be typed. */
function Times({ value, set, unit }: { value: number; set: (value: number) => void; unit: string }) {
  const [text, setText] = useState(String(value));
  useEffect(() => setText(String(value)), [value]);
  const type = (text: string) => {
    setText(text);
    const typed = Math.floor(Number(text));
    if (typed >= 1) set(typed);
  };
  return <label className="field-inline">at least <input type="number" className="few" min={1} value={text} onChange={(event) => type(event.target.value)} onBlur={() => setText(String(value))} /> {unit}</label>;
}
