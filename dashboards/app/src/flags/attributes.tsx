// Attributes: what apps say of people when they ask for flags, for conditions and to divide people by; made, changed and removed.

import { useState, type FormEvent } from "react";
import { useAnswer } from "../api/answer";
import { listed, made, removed, replaced, shown, type Item } from "../api/definitions";
import { useProject } from "../frame/project";
import { Dialog } from "../parts/dialog";
import { ChoiceField, TextField } from "../parts/field";
import { RemoveKept } from "../parts/remove";
import { Empty, Failure, Loading } from "../parts/states";
import { EMPTY, TYPES, attributeOf, inWords, mayIdentify, type Attribute } from "./attribute";

interface Kept {
  item: Item<"attributes">;
  tag: string;
}

export function Attributes({ close }: { close: () => void }) {
  const { id: project, permissions } = useProject();
  const [isMaking, setMaking] = useState(false);
  const [changing, setChanging] = useState<Kept>();
  const [fault, setFault] = useState<unknown>();
  const found = useAnswer(`${project} all attributes`, (signal) => listed(project, "attributes", signal));
  const mayChange = permissions.has("flags.write");
  const change = (key: string) => (setFault(undefined), void shown(project, "attributes", key).then(setChanging, setFault));
  const remove = (key: string) => shown(project, "attributes", key).then(({ tag }) => removed(project, "attributes", key, tag));
  if (isMaking) return <AttributeForm close={() => setMaking(false)} done={found.again} />;
  if (changing) return <AttributeForm kept={changing} close={() => setChanging(undefined)} done={found.again} />;
  return (
    <Dialog title="Attributes" close={close} isWide>
      <p className="soft">What apps say of people when they ask for flags. id, distinct_id and url are always there.</p>
      {found.fault ? <Failure fault={found.fault} again={found.again} /> : !found.value ? <Loading what="attributes" /> : found.value.length === 0 ? <Empty>There is none yet. Conditions of flags and experiments ask for attributes, and people can be divided by those that tell them apart.</Empty> : (
        <ul className="rows">{found.value.map(({ key, definition }) => (
          <li key={key}>
            <span className="row-text"><span>{key}</span><span className="soft small">{inWords(definition)}</span></span>
            {mayChange && <span className="line"><button type="button" className="plain" aria-label={`Change ${key}`} onClick={() => change(key)}>Change</button><RemoveKept name={key} about="Conditions that ask for it have to be changed before." act={() => remove(key)} done={found.again} /></span>}
          </li>
        ))}</ul>
      )}
      {fault ? <Failure fault={fault} /> : null}
      {mayChange && <div className="line"><button type="button" className="primary" onClick={() => setMaking(true)}>New attribute</button></div>}
    </Dialog>
  );
}

function AttributeForm({ kept, close, done }: { kept?: Kept; close: () => void; done: () => void }) {
  const project = useProject().id;
  const [key, setKey] = useState(kept?.item.key ?? "");
  const [draft, setDraft] = useState<Attribute>(kept?.item.definition ?? EMPTY);
  const [reason, setReason] = useState("");
  const [fault, setFault] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const set = (part: Partial<Attribute>) => setDraft((before) => ({ ...before, ...part }));
  const divides = draft.identifies && mayIdentify(draft.type);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setFault(undefined);
    setBusy(true);
    const definition = attributeOf(draft);
    const saved = kept ? replaced(project, "attributes", key, kept.tag, definition, reason || undefined) : made(project, "attributes", key, definition);
    saved.then(() => (done(), close()), (problem) => (setFault(problem), setBusy(false)));
  };
  return (
    <Dialog title={kept ? `Change ${key}` : "New attribute"} close={close}>
      <form className="stack" onSubmit={submit}>
        <TextField label="Key of the attribute" value={key} set={setKey} isDisabled={kept !== undefined} placeholder="country" hint="As your app says it. It never changes." />
        <ChoiceField label="It is" value={draft.type} options={TYPES} set={(type) => set({ type: type as Attribute["type"] })} />
        <label className="check"><input type="checkbox" checked={divides} disabled={!mayIdentify(draft.type)} onChange={(event) => set({ identifies: event.target.checked })} />People can be divided by it, in experiments and rollouts</label>
        {divides && <label className="check"><input type="checkbox" checked={draft.is_personal ?? false} onChange={(event) => set({ is_personal: event.target.checked })} />No two people share a value, as customers’ numbers mostly are and companies are not</label>}
        <TextField label="What it says" value={draft.description} set={(description) => set({ description })} />
        {kept && <TextField label="Reason for the change" value={reason} set={setReason} hint="Kept in the history." />}
        {fault ? <Failure fault={fault} /> : null}
        <div className="line"><button type="submit" className="primary" disabled={isBusy || !key}>{kept ? "Save the attribute" : "Make the attribute"}</button><button type="button" className="plain" onClick={close}>Cancel</button></div>
      </form>
    </Dialog>
  );
}
