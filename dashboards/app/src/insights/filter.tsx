// One condition: on a property of the activity, of its person, session or group, that the person is in a saved cohort, or one in SQL.

import { useEffect, useState } from "react";
import { useProject } from "../frame/project";
import { Select } from "../parts/choice";
import { Combo, type Proposals } from "../parts/combo";
import { groupKeys, groupTypes, traits, useProposals, values } from "./names";
import { OFS, TESTS, WITHOUT_VALUE, type Filter } from "./question";
import { useCohorts } from "./saved";

const SESSION: Proposals = [{ value: "duration_ms", note: "how long" }, { value: "rows", note: "activities" }, { value: "entry", note: "begins with" }, { value: "exit", note: "ends with" }];
const INS = [["is", "is"], ["is_not", "is not"]] as const;

interface Row {
  filter: Filter;
  known: Proposals;
  set: (filter: Filter) => void;
  remove?: () => void;
  /** What is looked at is settled. */
  isFixed?: boolean;
}

export function FilterRow({ filter, known, set, remove, isFixed }: Row) {
  const project = useProject().id;
  const own = useProposals(() => (filter.of === "person" ? traits(project) : Promise.resolve([])), `${project} ${filter.of === "person"}`);
  const groups = useCohorts(project);
  const isGroup = filter.of === "group";
  const types = useProposals(() => (isGroup ? groupTypes(project) : Promise.resolve([])), `${project} ${isGroup}`);
  const valuesOf = () => (isGroup && filter.group && !filter.property ? groupKeys(project, filter.group) : filter.property && filter.of === "activity" ? values(project, filter.property) : Promise.resolve([]));
  const proposals = useProposals(valuesOf, `${filter.of} ${filter.group} ${filter.property}`);
  const isCohort = filter.of === "cohort";
  const hasValue = !isCohort && !WITHOUT_VALUE.includes(filter.test);
  const names = { activity: known, person: own, session: SESSION, cohort: groups, group: [], sql: [] }[filter.of];
  const looked = (of: Filter["of"]) => set({ of, property: "", ...(of === "group" && { group: "" }), test: "is", value: "" });
  if (filter.of === "sql") {
    return (
      <span className="filter">
        {!isFixed && <Select label="Looked at" isQuiet value={filter.of} options={OFS} choose={looked} />}
        <Expression text={filter.property} set={(property) => set({ ...filter, property })} />
        {remove && <button type="button" className="remove" aria-label="Remove the filter" onClick={remove}>×</button>}
      </span>
    );
  }
  return (
    <span className="filter">
      {!isFixed && <Select label="Looked at" isQuiet value={filter.of} options={OFS} choose={looked} />}
      {isGroup && <Combo label="Group" value={filter.group ?? ""} placeholder="company" proposals={types} choose={(group) => set({ ...filter, group, value: "" })} />}
      {isCohort && <Select label="Test" isQuiet value={filter.test === "is_not" ? "is_not" : "is"} options={INS} choose={(test) => set({ ...filter, test })} />}
      <Combo label={isCohort ? "Cohort" : "Property"} value={filter.property} placeholder={isCohort ? "cohort" : isGroup ? "its key, or a property" : "property"} proposals={names} choose={(property) => set({ ...filter, property, value: "" })} />
      {!isCohort && <Select label="Test" isQuiet value={filter.test} options={TESTS} choose={(test) => set({ ...filter, test })} />}
      {hasValue && <Combo label="Value" value={filter.value} placeholder={filter.test === "before" || filter.test === "since" ? "2026-05-04" : "value"} proposals={proposals} choose={(value) => set({ ...filter, value })} />}
      {remove && <button type="button" className="remove" aria-label="Remove the filter" onClick={remove}>×</button>}
    </span>
  );
}

/** Asked with when the field is left, or Enter is pressed: half an expression is refused. */
function Expression({ text, set }: { text: string; set: (text: string) => void }) {
  const [draft, setDraft] = useState(text);
  useEffect(() => setDraft(text), [text]);
  const take = () => draft !== text && set(draft);
  return <input className="expression" aria-label="Expression of SQL" title="About one row of activity, as price > 10 AND os = 'iOS'" placeholder="country = 'AT' AND amount > 10" spellCheck={false} maxLength={4000} value={draft} onChange={(event) => setDraft(event.target.value)} onBlur={take} onKeyDown={(event) => event.key === "Enter" && take()} />;
}
