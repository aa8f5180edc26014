// Other flags whose values decide whether this one, or one of its rules, is asked at all.

import { useState } from "react";
import { Select } from "../parts/choice";
import { Combo } from "../parts/combo";
import { Field } from "../parts/field";
import { GoingButton } from "../parts/going";
import { askedOf, conditionFor, faultOf, firstOf, hasValue, testsOf, type Other, type Prerequisite } from "./needs";

const MAX = 20;

interface Props {
  label: string;
  /** Whose prerequisites they are; empty while it has no key yet. */
  flag: string;
  value: Prerequisite[];
  others: Other[];
  set: (value: Prerequisite[]) => void;
}

export function Prerequisites({ label, flag, value, others, set }: Props) {
  return (
    <div className="stack" role="group" aria-label={label}>
      {value.map((one, index) => (
        <One key={index} number={index + 1} one={one} fault={faultOf(one, flag, value, others)} others={others.filter(({ key, definition }) => key !== flag && !definition.is_archived && !definition.posthog_filters)} all={others}
          set={(one) => set(value.map((old, at) => (at === index ? one : old)))} remove={() => set(value.filter((_, at) => at !== index))} />
      ))}
      {value.length < MAX && <div className="line"><button type="button" className="plain" onClick={() => set([...value, { feature: "", condition: { value: true } }])}>{value.length ? "And another flag" : "Only where another flag …"}</button></div>}
    </div>
  );
}

function One({ number, one, fault, others, all, set, remove }: { number: number; one: Prerequisite; fault?: string; others: Other[]; all: Other[]; set: (one: Prerequisite) => void; remove: () => void }) {
  const type = all.find(({ key }) => key === one.feature)?.definition.value_type;
  const asked = type && askedOf(one.condition, type);
  const choose = (feature: string) => {
    const next = others.find(({ key }) => key === feature)?.definition.value_type;
    const first = next && firstOf(next);
    set({ feature, condition: next === type ? one.condition : next && first ? conditionFor(first, next) : { value: true } });
  };
  return (
    <>
      <span className="filter">
        <Combo label={`Flag ${number} that it needs`} value={one.feature} placeholder="flag" proposals={others.map(({ key, definition }) => ({ value: key, note: definition.value_type }))} choose={choose} />
        {type && asked && <Select label="Test" isQuiet value={asked.test} options={testsOf(type)} choose={(test) => set({ ...one, condition: conditionFor({ ...asked, test }, type) })} />}
        {type && asked && hasValue(asked.test) && <Combo label="Value" value={asked.value === "NaN" ? "" : asked.value} placeholder={asked.test === "$in" ? "one, two, three" : "value"} proposals={[]} choose={(value) => set({ ...one, condition: conditionFor({ ...asked, value }, type) })} />}
        <GoingButton className="remove" aria-label={`Remove ${one.feature || `flag ${number}`} from what it needs`} onClick={remove}>×</GoingButton>
      </span>
      {type && !asked && <ConditionText key={one.feature} condition={one.condition} set={(condition) => set({ ...one, condition })} />}
      {fault && <p className="wrong small" role="status">{fault}</p>}
    </>
  );
}

/** What rows cannot say. */
function ConditionText({ condition, set }: { condition: Prerequisite["condition"]; set: (condition: Prerequisite["condition"]) => void }) {
  const [text, setText] = useState(() => JSON.stringify(condition));
  const [fault, setFault] = useState<string>();
  const write = (text: string) => {
    setText(text);
    try {
      set(JSON.parse(text));
      setFault(undefined);
    } catch (error) {
      setFault(error instanceof Error ? error.message : String(error));
    }
  };
  return <Field label="What its value has to be, as JSON" hint="A condition on value, as {&quot;value.plan&quot;: &quot;pro&quot;}." fault={fault}>{(given) => <textarea {...given} ref={(field) => field?.setCustomValidity(fault ? `This is no JSON: ${fault}` : "")} rows={2} value={text} onChange={(event) => write(event.target.value)} />}</Field>;
}
