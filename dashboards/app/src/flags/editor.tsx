// A flag as it is wanted: its type and default, its rules in order. What the server refuses is shown at its place.

import { useState } from "react";
import { useAnswer } from "../api/answer";
import { Refused } from "../api/client";
import { listed, made, replaced, type Feature, type Item, type Rule } from "../api/definitions";
import { useProject } from "../frame/project";
import { ActDialog } from "../parts/act";
import { Select } from "../parts/choice";
import { ChoiceField, TextField } from "../parts/field";
import { useDraft } from "../parts/draft";
import { useUndo } from "../parts/remove";
import { Failure, Loading } from "../parts/states";
import { UnsavedNotice } from "../parts/unsaved";
import { faultsOf } from "./needs";
import { Prerequisites } from "./prerequisites";
import { RuleFields } from "./rule";
import { TYPES, ValueField, emptyOf, shownValue } from "./value";

export const EMPTY: Feature = { value_type: "boolean", default_value: false, off_value: null, rules: [], off_in: [], prerequisites: [], holdout: null, posthog_filters: null, keeps_at_sign_in: false, is_archived: false, owner: "", description: "", tags: [] };

/** What flags and experiments are built of, each list once for a page. */
export function useParts(project: string) {
  const [turn, setTurn] = useState(0);
  const parts = useAnswer(`${project} parts ${turn}`, async (signal) => {
    const [attributes, groups, environments, experiments, holdouts, flags] = await Promise.all([listed(project, "attributes", signal), listed(project, "saved-groups", signal), listed(project, "environments", signal), listed(project, "experiments", signal).catch(() => []), listed(project, "holdouts", signal).catch(() => []), listed(project, "features", signal).catch(() => [])]);
    return { attributes, groups: groups.map(({ key }) => key), environments: [...new Set(["production", ...environments.map(({ key }) => key)])], experiments, holdouts: holdouts.map(({ key }) => key), flags };
  });
  return { ...parts, changed: () => setTurn((turn) => turn + 1) };
}

/** Who is left out of it, where there are holdouts. */
export function HoldoutField({ holdouts, value, set, hint }: { holdouts: string[]; value: string | null | undefined; set: (holdout: string | null) => void; hint: string }) {
  const known = [...new Set([...holdouts, ...(value ? [value] : [])])];
  if (known.length === 0) return null;
  return <ChoiceField label="Left out" value={value ?? ""} options={[["", "nobody"], ...known.map((key) => [key, `people of the holdout ${key}`] as const)]} set={(key) => set(key || null)} hint={hint} />;
}

/** What everybody gets while it is switched off; without a value of its own the ordinary one. */
export function OffValue({ type, value, ordinary, set }: { type: Feature["value_type"]; value: unknown; ordinary: unknown; set: (value: unknown) => void }) {
  const isOwn = value !== null && value !== undefined;
  return (
    <div className="line">
      <Select label="While it is off" value={isOwn ? "own" : "ordinary"} options={[["ordinary", `it gives ${type === "boolean" ? "off" : `its default, ${shownValue(ordinary)}`}`], ["own", "it gives a value of its own"]]} choose={(chosen) => set(chosen === "own" ? (type === "boolean" ? true : emptyOf(type)) : null)} />
      {isOwn && <ValueField label="Off value" type={type} value={value} set={set} />}
    </div>
  );
}

export function Editor({ item, tag, saved }: { item?: Item<"features">; tag?: string; saved: (key: string) => void }) {
  const own = useProject();
  const project = own.id;
  const [key, setKey] = useState(item?.key ?? "");
  const [feature, setFeature] = useState<Feature>(item?.definition ?? EMPTY);
  const [reason, setReason] = useState("");
  const [fault, setFault] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const [number, setNumber] = useState(1);
  const parts = useParts(project);
  // Counts what was brought back: fields with a text of their own begin anew.
  const [turn, setTurn] = useState(0);
  const unsaved = useDraft(own, `flag ${item?.key ?? ""}`, {
    now: { key, feature }, saved: { key: item?.key ?? "", feature: item?.definition ?? EMPTY }, base: tag,
    restore: (draft) => (setKey(item?.key ?? draft.key), setFeature(draft.feature), setTurn(turn + 1)),
  });
  const undo = useUndo();
  const set = (part: Partial<Feature>) => setFeature((before) => ({ ...before, ...part }));
  const rules = feature.rules;
  const setRules = (rules: Rule[]) => set({ rules });
  const save = async () => {
    setFault(undefined);
    const [first] = faultsOf(feature, key, parts.value?.flags ?? []);
    if (first) return setFault(new Refused(422, { title: "What the flag needs cannot be so", detail: first }));
    setBusy(true);
    try {
      if (item && tag) await replaced(project, "features", item.key, tag, feature, reason || undefined);
      else await made(project, "features", key, feature, reason || undefined);
      unsaved.drop();
      saved(key);
    } catch (problem) {
      setFault(problem);
    }
    setBusy(false);
  };
  const add = () => {
    const taken = new Set(rules.map(({ id }) => id));
    let next = number;
    while (taken.has(`rule-${next}`)) next++;
    setNumber(next + 1);
    setRules([...rules, { id: `rule-${next}`, serve: { force: { value: emptyOf(feature.value_type) } }, condition: null, prerequisites: [], environments: null, is_off: false, description: "" }]);
  };
  const vocabulary = { attributes: parts.value?.attributes ?? [], groups: parts.value?.groups ?? [], changed: parts.changed };
  const swap = (index: number, by: -1 | 1) => {
    const moved = [...rules];
    const [one] = moved.splice(index, 1);
    if (one) moved.splice(index + by, 0, one);
    setRules(moved);
  };
  // Values of another type fit no rule.
  const [wantedType, setWantedType] = useState<Feature["value_type"]>();
  const turnInto = (value_type: Feature["value_type"]) => set({ value_type, default_value: emptyOf(value_type), off_value: null, rules: [] });
  return (
    <form className="stack" key={turn} onSubmit={(event) => (event.preventDefault(), void save())}>
      <UnsavedNotice of={unsaved} />
      <section className="card stack" aria-label="The flag">
        <div className="pair">
          <TextField label="Key" value={key} set={setKey} isDisabled={item !== undefined} hint="As the code asks for it. It never changes." />
          <TextField label="Owner" value={feature.owner} set={(owner) => set({ owner })} />
        </div>
        <TextField label="What it is for" rows={2} value={feature.description} set={(description) => set({ description })} />
        <div className="line">
          <Select label="Values are" value={feature.value_type} options={TYPES} choose={(type) => (rules.length ? setWantedType(type) : turnInto(type))} />
          <ValueField key={feature.value_type} label="Default" type={feature.value_type} value={feature.default_value} set={(default_value) => set({ default_value })} />
        </div>
        <OffValue key={`off ${feature.value_type}`} type={feature.value_type} value={feature.off_value} ordinary={feature.value_type === "boolean" ? false : feature.default_value} set={(off_value) => set({ off_value })} />
        <HoldoutField holdouts={parts.value?.holdouts ?? []} value={feature.holdout} set={(holdout) => set({ holdout })} hint="They get the default, whatever the rules say." />
        <label className="check"><input type="checkbox" checked={feature.keeps_at_sign_in} onChange={(event) => set({ keeps_at_sign_in: event.target.checked })} />Whoever signs in keeps the value they had before (PostHog’s SDKs)</label>
      </section>
      {!feature.posthog_filters && (
        <section className="card stack" aria-label="What it needs">
          <div className="card-head"><h2>What it needs</h2><span className="soft small">Where another flag is not so, it gives the value that it has while it is off.</span></div>
          {parts.value && <Prerequisites label="Flags that it needs" flag={key} value={feature.prerequisites} others={parts.value.flags} set={(prerequisites) => set({ prerequisites })} />}
        </section>
      )}
      <section className="card stack" aria-label="Rules">
        <div className="card-head"><h2>Rules</h2><span className="soft small">The first that applies gives its value; without one it is the default.</span></div>
        {parts.fault ? <Failure fault={parts.fault} again={parts.again} /> : !parts.value ? <Loading what="attributes and experiments" /> : rules.map((rule, index) => (
          <RuleFields
            key={rule.id} rule={rule} index={index} count={rules.length} type={feature.value_type} experiments={parts.value?.experiments ?? []} environments={parts.value?.environments ?? []} vocabulary={vocabulary}
            flag={key} flags={parts.value?.flags ?? []}
            set={(rule) => setRules(rules.map((old, at) => (at === index ? rule : old)))} remove={() => (setRules(rules.filter((_, at) => at !== index)), undo.offer(`Rule ${rule.id}`, () => setFeature((now) => ({ ...now, rules: now.rules.toSpliced(index, 0, rule) }))))} move={(by) => swap(index, by)}
          />
        ))}
        {undo.notice}
        {feature.posthog_filters ? <p className="soft">This flag falls by PostHog’s filters, and has no rules.</p> : <div className="line"><button type="button" className="plain" onClick={add}>Add a rule</button></div>}
      </section>
      {wantedType && (
        <ActDialog title="Change the type of the values?" isDanger does="Change it" hasNoReason act={() => Promise.resolve(turnInto(wantedType))} done={() => undefined} close={() => setWantedType(undefined)}
          about={<>{rules.length === 1 ? "The rule gives a value" : `The ${rules.length} rules give values`} of the present type, and {rules.length === 1 ? "goes" : "go"}. Nothing is changed before the flag is saved.</>} />
      )}
      <section className="card stack" aria-label="Save">
        {item && <TextField label="Reason for the change" value={reason} set={setReason} hint="Kept in the history." />}
        {fault ? <Failure fault={fault} /> : null}
        <div className="line"><button type="submit" className="primary" disabled={isBusy}>{item ? "Save the flag" : "Make the flag"}</button></div>
      </section>
    </form>
  );
}
