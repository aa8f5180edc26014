// One rule of a flag: what it gives, to whom, and where.

import type { Experiment, Item, Rule } from "../api/definitions";
import { Link } from "../frame/link";
import { placeOf, useProject } from "../frame/project";
import { Select } from "../parts/choice";
import { Combo } from "../parts/combo";
import { setPercent } from "../parts/format";
import { ConditionBuilder, type Vocabulary } from "./builder";
import type { Other } from "./needs";
import { Prerequisites } from "./prerequisites";
import { ValueField, emptyOf, type ValueType } from "./value";

export type Kind = "force" | "rollout" | "experiment";
export const KINDS = [["force", "one value to all of these"], ["rollout", "one value to a share of these"], ["experiment", "an experiment's variations"]] as const;
export const kindOf = ({ serve }: Rule): Kind => ("force" in serve ? "force" : "rollout" in serve ? "rollout" : "experiment");

export const valuesFor = (experiment: Experiment | undefined, type: ValueType) =>
  (experiment?.variations ?? []).map(({ key }, index) => ({ variation: key, value: type === "boolean" ? index > 0 : type === "string" ? key : type === "number" ? index : {} }));

interface Props {
  rule: Rule;
  /** The flag's key, and all flags. */
  flag: string;
  flags: Other[];
  index: number;
  count: number;
  type: ValueType;
  experiments: Item<"experiments">[];
  environments: string[];
  vocabulary: Vocabulary;
  set: (rule: Rule) => void;
  remove: () => void;
  move: (by: -1 | 1) => void;
}

export function RuleFields({ rule, flag, flags, index, count, type, experiments, environments, vocabulary, set, remove, move }: Props) {
  const project = useProject().id;
  const kind = kindOf(rule);
  const turn = (kind: Kind) => {
    const first = experiments[0];
    const serve = { force: { force: { value: emptyOf(type) } }, rollout: { rollout: { value: emptyOf(type), coverage: 0.1, hash_attribute: "id" } }, experiment: { experiment: { experiment: first?.key ?? "", values: valuesFor(first?.definition, type) } } }[kind];
    set({ ...rule, serve: serve as Rule["serve"] });
  };
  const { serve } = rule;
  return (
    <section className="rule" aria-label={`Rule ${index + 1}`}>
      <div className="card-head">
        <h3>{index + 1}. {rule.id}</h3>
        <span className="line">
          <label className="check"><input type="checkbox" checked={!rule.is_off} onChange={(event) => set({ ...rule, is_off: !event.target.checked })} />in force</label>
          <button type="button" className="quiet" disabled={index === 0} onClick={() => move(-1)} aria-label={`Move rule ${index + 1} up`}>↑</button>
          <button type="button" className="quiet" disabled={index === count - 1} onClick={() => move(1)} aria-label={`Move rule ${index + 1} down`}>↓</button>
          <button type="button" className="remove" onClick={remove} aria-label={`Remove rule ${index + 1}`}>×</button>
        </span>
      </div>
      <div className="line"><Select label="Gives" value={kind} options={KINDS} choose={turn} /></div>
      {"force" in serve && <ValueField label="Value" type={type} value={serve.force.value} set={(value) => set({ ...rule, serve: { force: { value } } })} />}
      {"rollout" in serve && (
        <div className="line">
          <ValueField label="Value" type={type} value={serve.rollout.value} set={(value) => set({ ...rule, serve: { rollout: { ...serve.rollout, value } } })} />
          <label className="field-inline">to <input type="range" min={0} max={1} step={0.01} value={serve.rollout.coverage} aria-label="Share" onChange={(event) => set({ ...rule, serve: { rollout: { ...serve.rollout, coverage: Number(event.target.value) } } })} /><b className="share">{setPercent(serve.rollout.coverage)}</b></label>
          <Combo label="by" isQuiet={false} value={serve.rollout.hash_attribute} proposals={["id", ...vocabulary.attributes.filter(({ definition }) => definition.identifies).map(({ key }) => key)].map((value) => ({ value }))} choose={(hash_attribute) => set({ ...rule, serve: { rollout: { ...serve.rollout, hash_attribute } } })} />
        </div>
      )}
      {"experiment" in serve && (
        <>
          <div className="line">
            <Select label="Experiment" value={serve.experiment.experiment} options={[...new Set([...experiments.map(({ key }) => key), serve.experiment.experiment])].filter(Boolean).map((key) => [key, key] as const)} choose={(key) => set({ ...rule, serve: { experiment: { experiment: key, values: valuesFor(experiments.find((one) => one.key === key)?.definition, type) } } })} />
            {serve.experiment.experiment && <Link href={placeOf(project, `experiments/${encodeURIComponent(serve.experiment.experiment)}`)}>look at it</Link>}
            {experiments.length === 0 && !serve.experiment.experiment && <span className="soft small">There is no experiment yet.</span>}
          </div>
          <div className="pair">{serve.experiment.values.map((one, at) => <ValueField key={`${serve.experiment.experiment} ${one.variation}`} label={one.variation} type={type} value={one.value} set={(value) => set({ ...rule, serve: { experiment: { ...serve.experiment, values: serve.experiment.values.map((old, place) => (place === at ? { ...old, value } : old)) } } })} />)}</div>
        </>
      )}
      <ConditionBuilder key={`${rule.id} condition`} label="For whom" condition={rule.condition} set={(condition) => set({ ...rule, condition })} vocabulary={vocabulary} />
      <Prerequisites label={`Flags that rule ${index + 1} needs`} flag={flag} value={rule.prerequisites} others={flags} set={(prerequisites) => set({ ...rule, prerequisites })} />
      {environments.length > 1 && (
        <fieldset className="line plain-set"><legend className="soft small">Where</legend>
          {environments.map((name) => {
            const here = rule.environments?.includes(name) ?? true;
            const next = environments.filter((one) => (one === name ? !here : (rule.environments?.includes(one) ?? true)));
            return <label className="check" key={name}><input type="checkbox" checked={here} onChange={() => set({ ...rule, environments: next.length === environments.length ? null : next })} />{name}</label>;
          })}
        </fieldset>
      )}
    </section>
  );
}
