// Saved groups: whom many conditions name at once, by a list or by a saved cohort.

import { useState, type FormEvent } from "react";
import { useAnswer } from "../api/answer";
import { listed, made, removed, shown, type Item } from "../api/definitions";
import { useProject } from "../frame/project";
import { cohorts } from "../insights/saved";
import { Segments } from "../parts/choice";
import { Dialog } from "../parts/dialog";
import { ChoiceField, TextField } from "../parts/field";
import { ago, number } from "../parts/format";
import { RemoveKept } from "../parts/remove";
import { Empty, Failure, Loading } from "../parts/states";

type Group = Item<"saved-groups">;
const OF = [["list", "A list"], ["cohort", "A saved cohort"]] as const;
/** They are attributes without being made. */
const ALWAYS = ["id", "distinct_id"];

export const valuesOf = (text: string) => [...new Set(text.split(/[\n,]/).map((value) => value.trim()).filter(Boolean))];

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
  const found = useAnswer(`${project} groups`, (signal) => listed(project, "saved-groups", signal));
  const mayChange = permissions.has("flags.write");
  const remove = (key: string) => shown(project, "saved-groups", key).then(({ tag }) => removed(project, "saved-groups", key, tag));
  if (isMaking) return <NewGroup close={() => setMaking(false)} done={() => found.again()} />;
  return (
    <Dialog title="Saved groups" close={close} isWide>
      {found.fault ? <Failure fault={found.fault} again={found.again} /> : !found.value ? <Loading what="groups" /> : found.value.length === 0 ? <Empty>There is none yet. A group is named by conditions of flags and experiments with «is in group», and changes for all of them at once.</Empty> : (
        <ul className="rows">{found.value.map((group) => (
          <li key={group.key}><Told group={group} />{mayChange && <RemoveKept name={group.key} about="Conditions that name it have to be changed before." act={() => remove(group.key)} done={found.again} />}</li>
        ))}</ul>
      )}
      {mayChange && <div className="line"><button type="button" className="primary" onClick={() => setMaking(true)}>New group</button></div>}
    </Dialog>
  );
}

export function NewGroup({ close, done }: { close: () => void; done: (key: string) => void }) {
  const project = useProject().id;
  const [key, setKey] = useState("");
  const [of, setOf] = useState<(typeof OF)[number][0]>("list");
  const [attribute, setAttribute] = useState("id");
  const [text, setText] = useState("");
  const [cohort, setCohort] = useState("");
  const [description, setDescription] = useState("");
  const [fault, setFault] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const attributes = useAnswer(`${project} attributes`, (signal) => listed(project, "attributes", signal));
  const saved = useAnswer(`${project} cohorts of groups`, (signal) => cohorts(project, signal));
  const known = saved.value ?? [];
  const chosen = cohort || known[0]?.key || "";
  const values = valuesOf(text);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setFault(undefined);
    setBusy(true);
    const isNumber = attributes.value?.find((one) => one.key === attribute)?.definition.type === "number";
    const listed = isNumber ? values.map((value) => (Number.isFinite(Number(value)) ? Number(value) : value)) : values;
    const definition = { attribute, description, values: of === "list" ? listed : [], ...(of === "cohort" && { cohort: chosen }) };
    made(project, "saved-groups", key, definition as never).then(() => (done(key), close()), setFault).finally(() => setBusy(false));
  };
  return (
    <Dialog title="New group" close={close}>
      <form className="stack" onSubmit={submit}>
        <TextField label="Key of the group" value={key} set={setKey} placeholder="beta-testers" />
        <Segments label="Who is in it" value={of} options={OF} choose={setOf} />
        <ChoiceField label="By attribute" value={attribute} options={[...new Set([...ALWAYS, ...(attributes.value ?? []).map(({ key }) => key)])].map((name) => [name, name] as const)} set={setAttribute} hint={of === "cohort" ? "The ids of the cohort’s people are compared with it." : "It is compared with the values of the list."} />
        {of === "list" && <TextField label="Values" rows={6} value={text} set={setText} hint={`One a line, at most 20,000; ${number(values.length)} so far. Every client of the project gets them.`} />}
        {of === "cohort" && (saved.fault ? <Failure fault={saved.fault} again={saved.again} /> : !saved.value ? <Loading what="cohorts" /> : known.length === 0 ? <Empty>No cohort is saved yet: ask for a group of people as a «Cohort» in Insights, and save it.</Empty> : (
          <ChoiceField label="Cohort" value={chosen} options={known.map(({ key, name, people }) => [key, typeof people === "number" ? `${name} (${number(people)} people)` : name] as const)} set={setCohort} hint="Its people’s ids, at most 20,000, are looked up anew every few minutes. Every client of the project gets them." />
        ))}
        <TextField label="More about it" value={description} set={setDescription} />
        {fault ? <Failure fault={fault} /> : null}
        <div className="line"><button type="submit" className="primary" disabled={isBusy || !key || (of === "list" ? values.length === 0 : !chosen)}>Make the group</button></div>
      </form>
    </Dialog>
  );
}
