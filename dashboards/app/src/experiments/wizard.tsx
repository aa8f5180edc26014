// A new experiment, step by step: an idea, variations, people, metrics, a plan. The server judges each draft that is saved.

import { useEffect, useRef, useState } from "react";
import { useAnswer } from "../api/answer";
import { Refused } from "../api/client";
import { listed, made, replaced, shown, type Experiment, type Feature, type Item } from "../api/definitions";
import { go } from "../frame/address";
import { placeOf, useProject } from "../frame/project";
import { ConditionBuilder } from "../flags/builder";
import { HoldoutField, EMPTY as NO_FLAG, useParts } from "../flags/editor";
import { valuesFor } from "../flags/rule";
import { TYPES, emptyOf, type ValueType } from "../flags/value";
import { activities } from "../insights/names";
import { ChoiceField, NumberField, TextField } from "../parts/field";
import { useDraft } from "../parts/draft";
import { GoingButton } from "../parts/going";
import { Failure, Loading, PageHead } from "../parts/states";
import { UnsavedNotice } from "../parts/unsaved";
import { PRODUCTION } from "./compared";
import { EMPTY, STEPS, evened, missing, savedInWords, stepOf, sumOf, type Step } from "./draft";
import { EnvironmentField } from "./environment";
import { MetricFields } from "./metrics";
import { PlanFields, Power } from "./plan";
import { RedirectFields } from "./redirects";
import { StickyFields } from "./sticky";

interface Kept {
  key: string;
  tag: string;
}

export function Wizard({ item, tag }: { item?: Item<"experiments">; tag?: string }) {
  const own = useProject();
  const { id: project, permissions } = own;
  const [step, setStep] = useState<Step>("idea");
  const [key, setKey] = useState(item?.key ?? "");
  const [draft, setDraft] = useState<Experiment>(item?.definition ?? EMPTY);
  const [kept, setKept] = useState<Kept | undefined>(item && tag ? { key: item.key, tag } : undefined);
  const [flag, setFlag] = useState<{ key: string; type: ValueType }>({ key: "", type: "boolean" });
  const [fault, setFault] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const parts = useParts(project);
  // What the server has, or nothing was begun.
  const [saved, setSaved] = useState({ key, draft, flag });
  // Counts what was brought back: fields with a text of their own begin anew.
  const [turn, setTurn] = useState(0);
  // Once it is on the server, what is left is found where it is changed.
  const unsaved = useDraft(own, `experiment ${kept?.key ?? ""}`, {
    now: { key, draft, flag }, saved, base: kept?.tag,
    restore: (left) => (setKey(kept?.key ?? left.key), setDraft(left.draft), setFlag(left.flag), setTurn(turn + 1)),
  });
  const metrics = useAnswer(`${project} metrics`, (signal) => listed(project, "metrics", signal));
  const features = useAnswer(`${project} features`, (signal) => listed(project, "features", signal).catch(() => []));
  const names = useAnswer(`${project} names`, () => activities(project));
  const set = (part: Partial<Experiment>) => setDraft((before) => ({ ...before, ...part }));
  const environments = parts.value?.environments;
  const lacks = missing(draft, key, environments);
  // Why nothing can be saved, at whichever step one is.
  const stops = !key ? (["idea", "A key is needed"] as const) : lacks.variations ? (["variations", lacks.variations] as const) : undefined;
  const running = features.value?.filter(({ definition }) => definition.rules.some(({ serve }) => "experiment" in serve && serve.experiment.experiment === key)) ?? [];

  /** Saves the draft, and lets a flag run it; true if the server had nothing against it. */
  const save = async (): Promise<boolean> => {
    setBusy(true);
    setFault(undefined);
    // What is refused of the flag is about the field that names it, whatever its own definition calls that place.
    let isOfFlag = false;
    try {
      const wanted = { ...draft, plan: draft.plan && draft.plan.users_per_day > 0 ? draft.plan : null };
      const answer = kept ? await replaced(project, "experiments", key, kept.tag, wanted) : await made(project, "experiments", key, wanted);
      setKept({ key, tag: answer.tag });
      setSaved({ key, draft, flag });
      unsaved.drop();
      isOfFlag = true;
      if (flag.key && running.length === 0 && permissions.has("flags.write")) await runBy(project, flag, key, wanted);
      features.again();
      setBusy(false);
      return true;
    } catch (problem) {
      setFault(problem);
      const pointer = problem instanceof Refused ? problem.problem.errors?.[0]?.pointer : undefined;
      const place = isOfFlag ? "variations" : pointer ? stepOf(pointer) : undefined;
      if (place) setStep(place);
      setBusy(false);
      return false;
    }
  };
  // Whoever goes on by keys goes on from the top of the step.
  const heading = useRef<HTMLHeadingElement>(null);
  const isFirst = useRef(true);
  useEffect(() => {
    if (!isFirst.current) heading.current?.focus();
    isFirst.current = false;
  }, [step]);
  const index = STEPS.findIndex(([one]) => one === step);
  const next = STEPS[index + 1]?.[0];
  const begun = (item?.state.phases.length ?? 0) > 0;
  return (
    <>
      <PageHead title={item ? `Change ${item.key}` : "New experiment"} about={savedInWords(item?.state.status)} />
      <nav className="steps-nav" aria-label="Steps"><ol>{STEPS.map(([one, name], at) => (
        <li key={one}><button type="button" aria-current={one === step ? "step" : undefined} onClick={() => setStep(one)}><i aria-hidden="true">{at + 1}</i>{name}{lacks[one] && <span className="soft small"> · open</span>}</button></li>
      ))}</ol></nav>
      <UnsavedNotice of={unsaved} />
      {fault ? <Failure fault={fault} /> : null}
      <form key={turn} className="card stack wizard" aria-label={STEPS[index]?.[1]} onSubmit={(event) => (event.preventDefault(), void save().then((isGood) => isGood && (next ? setStep(next) : go(placeOf(project, `experiments/${encodeURIComponent(key)}`)))))}>
        <h2 ref={heading} tabIndex={-1}>{STEPS[index]?.[1]}</h2>
        {step === "idea" && (
          <>
            <TextField label="Key" value={key} set={setKey} isDisabled={kept !== undefined} placeholder="shorter-checkout" hint="It names the experiment in code and data, and never changes." />
            <TextField label="Hypothesis" value={draft.hypothesis} set={(hypothesis) => set({ hypothesis })} rows={3} placeholder="A shorter checkout lets more people buy." hint="What you believe, so that it can turn out wrong." />
            <TextField label="Owner" value={draft.owner} set={(owner) => set({ owner })} hint="Who is asked about it." />
            <TextField label="More about it" value={draft.description} set={(description) => set({ description })} rows={2} />
          </>
        )}
        {step === "variations" && <Variations draft={draft} set={set} begun={begun} flag={flag} setFlag={setFlag} running={running.map(({ key }) => key)} features={features.value ?? []} mayFlags={permissions.has("flags.write")} />}
        {step === "variations" && <RedirectFields draft={draft} set={set} environments={environments ?? [PRODUCTION]} />}
        {step === "who" && (
          <>
            {parts.value ? <ConditionBuilder label="Who can take part" condition={draft.condition} set={(condition) => set({ condition })} vocabulary={{ attributes: parts.value.attributes, groups: parts.value.groups, changed: parts.changed }} /> : parts.fault ? <Failure fault={parts.fault} again={parts.again} /> : <Loading what="attributes" />}
            <div className="pair">
              <NumberField label="Share of them that takes part, in %" value={Number((draft.coverage * 100).toFixed(4))} set={(value) => set({ coverage: (value ?? 0) / 100 })} min={0} max={100} />
              <ChoiceField label="Divided by" value={draft.hash_attribute} options={[...new Set(["id", "distinct_id", ...(parts.value?.attributes ?? []).filter(({ definition }) => definition.identifies).map(({ key }) => key), draft.hash_attribute])].map((name) => [name, name] as const)} set={(hash_attribute) => set({ hash_attribute })} isDisabled={begun} hint={begun ? "It stays, as people were assigned by it." : "The same value always gets the same variation."} />
            </div>
            <HoldoutField holdouts={parts.value?.holdouts ?? []} value={draft.holdout} set={(holdout) => set({ holdout })} hint="They take no part, and get the flag’s default." />
            <EnvironmentField draft={draft} set={set} environments={environments ?? [PRODUCTION]} fault={lacks.who} />
            <StickyFields draft={draft} set={set} />
          </>
        )}
        {step === "metrics" && (metrics.fault ? <Failure fault={metrics.fault} again={metrics.again} /> : metrics.value ? <MetricFields draft={draft} set={set} metrics={metrics.value} names={names.value ?? []} changed={metrics.again} /> : <Loading what="metrics" />)}
        {step === "plan" && (
          <>
            <PlanFields draft={draft} set={set} metrics={metrics.value ?? []} environments={environments ?? [PRODUCTION]} />
            {kept && saved.draft.plan && JSON.stringify(saved.draft.plan) !== JSON.stringify(draft.plan) && <p className="soft" role="status">The estimate is of the plan that is saved: save to estimate this one.</p>}
            {kept && draft.plan && draft.plan.users_per_day > 0 && <Power experiment={key} revision={kept.tag} />}
          </>
        )}
        {lacks[step] && step !== "who" && <p className="soft">{lacks[step]}</p>}
        {stops && stops[0] !== step && <p className="soft">It cannot be saved yet. <button type="button" className="link" onClick={() => setStep(stops[0])}>{STEPS.find(([one]) => one === stops[0])?.[1]}</button>: {stops[1]}</p>}
        <div className="line">
          <button type="submit" className="primary" disabled={isBusy || stops !== undefined}>{next ? "Save and go on" : "Save and look at it"}</button>
          {step === "plan" && <button type="button" className="plain" disabled={isBusy || stops !== undefined} onClick={() => void save()}>Save and estimate</button>}
          {index > 0 && <button type="button" className="plain" onClick={() => setStep(STEPS[index - 1]?.[0] ?? "idea")}>Back</button>}
          <span className="soft small" role="status">{!kept ? "Nothing is saved yet." : begun ? "It was started: this changes it for everybody." : "The draft is kept on the server."}</span>
        </div>
      </form>
    </>
  );
}

/** Adds a rule that runs the experiment to a flag, or makes the flag. */
async function runBy(project: string, { key, type }: { key: string; type: ValueType }, experiment: string, definition: Experiment) {
  const there = await shown(project, "features", key).catch((fault: unknown) => {
    if (fault instanceof Refused && fault.status === 404) return undefined;
    throw fault;
  });
  const flag: Feature = there?.item.definition ?? { ...NO_FLAG, value_type: type, default_value: emptyOf(type) };
  const rule: Feature["rules"][number] = { id: experiment, serve: { experiment: { experiment, values: valuesFor(definition, flag.value_type) } }, condition: null, prerequisites: [], environments: null, is_off: false, description: `Runs the experiment ${experiment}.` };
  const wanted = { ...flag, rules: [...flag.rules, rule] };
  if (there) await replaced(project, "features", key, there.tag, wanted, `Runs the experiment ${experiment}.`);
  else await made(project, "features", key, wanted, `For the experiment ${experiment}.`);
}

interface VariationsProps {
  draft: Experiment;
  set: (part: Partial<Experiment>) => void;
  begun: boolean;
  flag: { key: string; type: ValueType };
  setFlag: (flag: { key: string; type: ValueType }) => void;
  running: string[];
  features: Item<"features">[];
  mayFlags: boolean;
}

function Variations({ draft, set, begun, flag, setFlag, running, features, mayFlags }: VariationsProps) {
  const { variations } = draft;
  const change = (index: number, part: Partial<(typeof variations)[number]>) => set({ variations: variations.map((one, at) => (at === index ? { ...one, ...part } : one)) });
  const isNew = flag.key !== "" && !features.some(({ key }) => key === flag.key);
  return (
    <>
      {variations.map(({ key, weight, name }, index) => (
        <div className="pair" role="group" aria-label={`Variation ${index + 1}`} key={index}>
          <TextField label={index === 0 ? "Control" : `Variation ${index}`} value={key} isDisabled={begun} set={(key) => change(index, { key })} />
          <TextField label="Name" value={name} set={(name) => change(index, { name })} />
          <NumberField label="Weight, in %" value={Number((weight * 100).toFixed(4))} min={0} max={100} set={(value) => change(index, { weight: (value ?? 0) / 100 })} />
          {variations.length > 2 && !begun && <GoingButton className="quiet" onClick={() => set({ variations: evened(variations.filter((_, at) => at !== index)) })}>Remove {key}</GoingButton>}
        </div>
      ))}
      <div className="line">
        {!begun && <button type="button" className="plain" onClick={() => set({ variations: evened([...variations, { key: `treatment-${variations.length}`, weight: 0, name: "", description: "" }]) })}>Add a variation</button>}
        <button type="button" className="quiet" onClick={() => set({ variations: evened(variations) })}>Equal weights</button>
        <span className="soft small">Together {(sumOf(variations) * 100).toFixed(2)} %</span>
      </div>
      <h3>The flag that gives them</h3>
      {running.length > 0 ? <p>{running.join(", ")} runs it.</p> : !mayFlags ? <p className="soft">Your role changes no flags: ask somebody to add a rule with this experiment to one.</p> : (
        <div className="pair">
          <TextField label="Flag" value={flag.key} set={(key) => setFlag({ ...flag, key })} hint={flag.key === "" ? `One that is there (${features.slice(0, 4).map(({ key }) => key).join(", ") || "there is none"}), or a new one.` : isNew ? "A new flag is made." : "A rule is added to it."} />
          {(isNew || flag.key === "") && <ChoiceField label="Its values are" value={flag.type} options={TYPES} set={(type) => setFlag({ ...flag, type: type as ValueType })} />}
        </div>
      )}
    </>
  );
}
