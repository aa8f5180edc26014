// One condition on a property: its name, a test, and a value of those that it most often has.

import { useProject } from "../frame/project";
import { Select } from "../parts/choice";
import { Combo, type Proposal } from "../parts/combo";
import { useProposals, values } from "./names";
import { TESTS, type Filter } from "./question";

export function FilterRow({ filter, known, set, remove }: { filter: Filter; known: Proposal[]; set: (filter: Filter) => void; remove?: () => void }) {
  const project = useProject().id;
  const proposals = useProposals(() => (filter.property ? values(project, filter.property) : Promise.resolve([])), filter.property);
  const hasValue = filter.test !== "set" && filter.test !== "not_set";
  return (
    <span className="filter">
      <Combo label="Property" value={filter.property} placeholder="property" proposals={known} choose={(property) => set({ ...filter, property, value: "" })} />
      <Select label="Test" isQuiet value={filter.test} options={TESTS} choose={(test) => set({ ...filter, test })} />
      {hasValue && <Combo label="Value" value={filter.value} placeholder="value" proposals={proposals} choose={(value) => set({ ...filter, value })} />}
      {remove && <button type="button" className="remove" aria-label="Remove the filter" onClick={remove}>×</button>}
    </span>
  );
}
