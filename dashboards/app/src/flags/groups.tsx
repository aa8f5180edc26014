// Saved groups: whom many conditions name at once, by a list or by a saved cohort; made, changed for all of them, and removed.

import { useState, type FormEvent } from "react";
import { useAnswer } from "../api/answer";
import { listed, made, removed, replaced, shown, type Item } from "../api/definitions";
import { useProject } from "../frame/project";
import { cohorts } from "../insights/saved";
import { Segments } from "../parts/choice";
import { Dialog } from "../parts/dialog";
import { ChoiceField, TextField } from "../parts/field";
import { ago, number } from "../parts/format";
import { RemoveKept } from "../parts/remove";
import { Empty, Failure, Loading } from "../parts/states";
import { textOf, valuesOf } from "./group_values";

type Group = Item<"saved-groups">;
interface Kept {
  item: Group;
  tag: string;
}
const OF = [["list", "A list"], ["cohort", "A saved cohort"]] as const;
/** They are attributes without being made. */
const ALWAYS = ["id", "distinct_id"];

function Told({ group: { key, definition, state, updated_at } }: { group: Group }) {
  const { values, cohort, attribute, description } = definition;
  const members = state as { values?: string[]; fault?: string };
  const who = cohort ? `people of the cohort ${cohort}, ${number(members.values?.length ?? 0)} ids now` : `${number(values?.length ?? 0)} values`;
  return (
    <span className="row-text">
      <span>{key}</span>
      <span className="soft small">{who} · by {attribute} · changed {ago(updated_at)}{description ? ` · ${description}` : ""}</span>
      {members.fault && <span className="badge warn">{members.fault}</span>}
    </span>
  );
}

export function Groups({ close }: { close: () => void }) {
  const { id: project, permissions } = useProject();
  const [isMaking, setMaking] = useState(false);
  const [changing, setChanging] = useState<Kept>();
  const [fault, setFault] = useState<unknown>();
  const found = useAnswer(`${project} groups`, (signal) => listed(project, "saved-groups", signal));
  const mayChange = permissions.has("flags.write");
  const remove = (key: string) => shown(project, "saved-groups", key).then(({ tag }) => removed(project, "saved-groups", key, tag));
  // As it stands now, and not when the list was asked.
  const change = (key: string) => (setFault(undefined), void shown(project, "saved-groups", key).then(setChanging, setFault));
  if (isMaking) return <GroupForm close={() => setMaking(false)} done={() => found.again()} />;
  if (changing) return <GroupForm kept={changing} close={() => setChanging(undefined)} done={() => found.again()} />;
  return (
    <Dialog title="Saved groups" close={close} isWide>
      {found.fault ? <Failure fault={found.fault} again={found.again} /> : !found.value ? <Loading what="groups" /> : found.value.length === 0 ? <Empty>There is none yet. A group is named by conditions of flags and experiments with «is in group», and changes for all of them at once.</Empty> : (
        <ul className="rows">{found.value.map((group) => (
          <li key={group.key}><Told group={group} />{mayChange && <span className="line"><button type="button" className="plain" aria-label={`Change ${group.key}`} onClick={() => change(group.key)}>Change</button><RemoveKept name={group.key} about="Conditions that name it have to be changed before." act={() => remove(group.key)} done={found.again} /></span>}</li>
        ))}</ul>
      )}
      {fault ? <Failure fault={fault} /> : null}
      {mayChange && <div className="line"><button type="button" className="primary" onClick={() => setMaking(true)}>New group</button></div>}
    </Dialog>
  );
}

export function GroupForm({ kept, close, done }: { kept?: Kept; close: () => void; done: (key: string) => void }) {
  const project = useProject().id;
  const before = kept?.item.definition;
  const [key, setKey] = useState(kept?.item.key ?? "");
  const [of, setOf] = useState<(typeof OF)[number][0]>(before?.cohort ? "cohort" : "list");
  const [attribute, setAttribute] = useState(before?.attribute ?? "id");
  const [text, setText] = useState(textOf(before?.values ?? []));
  const [cohort, setCohort] = useState(before?.cohort ?? "");
  const [description, setDescription] = useState(before?.description ?? "");
  const [reason, setReason] = useState("");
  const [fault, setFault] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const attributes = useAnswer(`${project} attributes`, (signal) => listed(project, "attributes", signal));
  const saved = useAnswer(`${project} cohorts of groups`, (signal) => cohorts(project, signal));
  const known = saved.value ?? [];
  const chosen = cohort || known[0]?.key || "";
  const isNumber = attributes.value?.find((one) => one.key === attribute)?.definition.type === "number";
  const values = valuesOf(text, before?.values, isNumber);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setFault(undefined);
    setBusy(true);
    const definition = { attribute, description, values: of === "list" ? values : [], ...(of === "cohort" && { cohort: chosen }) };
    const saved = kept ? replaced(project, "saved-groups", key, kept.tag, definition, reason || undefined) : made(project, "saved-groups", key, definition);
    saved.then(() => (done(key), close()), setFault).finally(() => setBusy(false));
  };
  return (
    <Dialog title={kept ? `Change ${key}` : "New group"} close={close}>
      <form className="stack" onSubmit={submit}>
        <TextField label="Key of the group" value={key} set={setKey} isDisabled={kept !== undefined} placeholder="beta-testers" />
        <Segments label="Who is in it" value={of} options={OF} choose={setOf} />
        <ChoiceField label="By attribute" value={attribute} options={[...new Set([...ALWAYS, ...(attributes.value ?? []).map(({ key }) => key), attribute])].map((name) => [name, name] as const)} set={setAttribute} hint={of === "cohort" ? "The ids of the cohort’s people are compared with it." : "It is compared with the values of the list."} />
        {of === "list" && <TextField label="Values" rows={6} value={text} set={setText} hint={`One a line, at most 20,000; ${number(values.length)} so far. Every client of the project gets them.`} />}
        {of === "cohort" && (saved.fault ? <Failure fault={saved.fault} again={saved.again} /> : !saved.value ? <Loading what="cohorts" /> : known.length === 0 && !cohort ? <Empty>No cohort is saved yet: ask for a group of people as a «Cohort» in Insights, and save it.</Empty> : (
          <ChoiceField label="Cohort" value={chosen} options={[...known.map(({ key, name, people }) => [key, typeof people === "number" ? `${name} (${number(people)} people)` : name] as const), ...(cohort && !known.some((one) => one.key === cohort) ? [[cohort, `${cohort}, which is not there any more`] as const] : [])]} set={setCohort} hint="Its people’s ids, at most 20,000, are looked up anew every few minutes. Every client of the project gets them." />
        ))}
        <TextField label="More about it" value={description} set={setDescription} />
        {kept && <TextField label="Reason for the change" value={reason} set={setReason} hint="Kept in the history." />}
        {fault ? <Failure fault={fault} /> : null}
        <div className="line"><button type="submit" className="primary" disabled={isBusy || !key || (of === "list" ? values.length === 0 : !chosen)}>{kept ? "Save the group" : "Make the group"}</button><button type="button" className="plain" onClick={close}>Cancel</button></div>
      </form>
    </Dialog>
  );
}
