// Only these people: who did something, did not, or are something. All rows have to hold.

import { useProject } from "../frame/project";
import { Select } from "../parts/choice";
import { Combo, type Proposal } from "../parts/combo";
import { FilterRow } from "./filter";
import { traits, useProposals } from "./names";
import { WHOS, type Who } from "./question";

const NO_FILTER = { property: "", test: "is", value: "" } as const;

export function WhoRows({ who, names, known, isQuestion, set }: { who: Who[]; names: Proposal[]; known: Proposal[]; isQuestion: boolean; set: (who: Who[]) => void }) {
  const project = useProject().id;
  const own = useProposals(() => traits(project), project);
  const change = (at: number, part: Partial<Who>) => set(who.map((one, index) => (index === at ? { ...one, ...part } : one)));
  const add = (kind: Who["kind"]) => set([...who, { kind, activity: "", times: 1, filter: NO_FILTER }]);
  return (
    <div className="steps" role="group" aria-label={isQuestion ? "The group" : "Only people who"}>
      {who.map((one, index) => (
        <div className="step" key={index} role="group" aria-label={`Condition ${index + 1}`}>
          <span className="soft small">{index === 0 ? "People who" : "and who"}</span>
          <Select label="Kind" isQuiet value={one.kind} options={WHOS} choose={(kind) => change(index, { kind, filter: NO_FILTER })} />
          {one.kind !== "is" && <Combo label="Activity" value={one.activity} placeholder="anything" proposals={names} choose={(activity) => change(index, { activity })} />}
          {one.kind === "did" && <label className="field-inline">at least <input type="number" className="few" min={1} value={one.times} onChange={(event) => change(index, { times: Math.max(1, Math.floor(Number(event.target.value)) || 1) })} /> times</label>}
          {one.kind === "is" || one.filter.property !== "" || one.filter.value !== "" ? <FilterRow filter={one.filter} known={one.kind === "is" ? own : known} set={(filter) => change(index, { filter })} remove={one.kind === "is" ? undefined : () => change(index, { filter: NO_FILTER })} />
            : <Combo label="With the property" value="" placeholder="with a property" proposals={known} choose={(property) => change(index, { filter: { ...NO_FILTER, property } })} />}
          <button type="button" className="remove" aria-label={`Remove condition ${index + 1}`} onClick={() => set(who.filter((_, at) => at !== index))}>×</button>
        </div>
      ))}
      <div className="line">
        {who.length < 10 && <button type="button" className={isQuestion ? "plain" : "quiet"} onClick={() => add("did")}>{who.length ? "And" : isQuestion ? "People who did something" : "Only people who …"}</button>}
        {isQuestion && who.length === 0 && <button type="button" className="plain" onClick={() => add("is")}>People with a property</button>}
      </div>
    </div>
  );
}
