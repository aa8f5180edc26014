// One condition: on a property of the activity, of its person or its session, or that the person is in a saved cohort.

import { useProject } from "../frame/project";
import { Select } from "../parts/choice";
import { Combo, type Proposal } from "../parts/combo";
import { traits, useProposals, values } from "./names";
import { OFS, TESTS, WITHOUT_VALUE, type Filter } from "./question";
import { useCohorts } from "./saved";

const SESSION: Proposal[] = [{ value: "duration_ms", note: "how long" }, { value: "rows", note: "activities" }, { value: "entry", note: "begins with" }, { value: "exit", note: "ends with" }];
const INS = [["is", "is"], ["is_not", "is not"]] as const;

interface Row {
  filter: Filter;
  known: Proposal[];
  set: (filter: Filter) => void;
  remove?: () => void;
  /** What is looked at is settled. */
  isFixed?: boolean;
}

export function FilterRow({ filter, known, set, remove, isFixed }: Row) {
  const project = useProject().id;
  const own = useProposals(() => (filter.of === "person" ? traits(project) : Promise.resolve([])), `${project} ${filter.of === "person"}`);
  const groups = useCohorts(project);
  const proposals = useProposals(() => (filter.property && filter.of === "activity" ? values(project, filter.property) : Promise.resolve([])), `${filter.of} ${filter.property}`);
  const isCohort = filter.of === "cohort";
  const hasValue = !isCohort && !WITHOUT_VALUE.includes(filter.test);
  const names = { activity: known, person: own, session: SESSION, cohort: groups }[filter.of];
  return (
    <span className="filter">
      {!isFixed && <Select label="Looked at" isQuiet value={filter.of} options={OFS} choose={(of) => set({ of, property: "", test: "is", value: "" })} />}
      {isCohort && <Select label="Test" isQuiet value={filter.test === "is_not" ? "is_not" : "is"} options={INS} choose={(test) => set({ ...filter, test })} />}
      <Combo label={isCohort ? "Cohort" : "Property"} value={filter.property} placeholder={isCohort ? "cohort" : "property"} proposals={names} choose={(property) => set({ ...filter, property, value: "" })} />
      {!isCohort && <Select label="Test" isQuiet value={filter.test} options={TESTS} choose={(test) => set({ ...filter, test })} />}
      {hasValue && <Combo label="Value" value={filter.value} placeholder={filter.test === "before" || filter.test === "since" ? "2026-05-04" : "value"} proposals={proposals} choose={(value) => set({ ...filter, value })} />}
      {remove && <button type="button" className="remove" aria-label="Remove the filter" onClick={remove}>×</button>}
    </span>
  );
}
