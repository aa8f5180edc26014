// Saved cohorts: kept from a question or a list of ids, looked at, changed, used, removed.

import { useState, type FormEvent } from "react";
import { useAnswer } from "../api/answer";
import { keyOf } from "../boards/model";
import { ZONE } from "../boards/zone";
import { useProject } from "../frame/project";
import { Segments } from "../parts/choice";
import { useBusy } from "../parts/busy";
import { Dialog } from "../parts/dialog";
import { TextField } from "../parts/field";
import { counted } from "../parts/format";
import { RemoveKept } from "../parts/remove";
import { Empty, Failure, Loading } from "../parts/states";
import { cohortOf } from "./body";
import { midnight, spanOf, whoOf, type Question, type Who } from "./question";
import { ListFields, ListForm } from "./list";
import { changeCohort, cohort, cohorts, cohortsChanged, isList, makeCohort, removeCohort, uploadList, type Listing, type SavedCohort } from "./saved";

/** So late that new activity always counts. */
const NEVER_MS = Date.UTC(2100, 0, 1);
const GROWING = "From its first day on";
const FIXED = "This time only";

/** Keeps the group of a question under a name. */
export function SaveCohort({ question }: { question: Question }) {
  const project = useProject();
  const [isOpen, setOpen] = useState(false);
  const [name, setName] = useState("");
  const isMoving = question.days > 0;
  const [chosen, setSpan] = useState<"moving" | "growing" | "fixed">();
  const span = chosen ?? (isMoving ? "moving" : "growing");
  const moving = question.days === 1 ? "Today, whenever it is asked" : `The last ${question.days} days, whenever it is asked`;
  const [fault, setFault] = useState<unknown>();
  const [kept, setKept] = useState<string>();
  const [, begin] = useBusy();
  if (!project.permissions.has("dashboards.write")) return null;
  const save = async () => {
    const [from, until] = spanOf(question, midnight(Date.now(), 1, ZONE), ZONE);
    const key = keyOf(name, (await cohorts(project.id)).map(({ key }) => key));
    await makeCohort(project.id, key, { name, description: "", definition: cohortOf(question.who, span === "moving" ? { days: question.days } : [from, span === "growing" ? NEVER_MS : until], ZONE) });
    cohortsChanged();
    setKept(key);
  };
  const submit = (event: FormEvent) => (event.preventDefault(), setFault(undefined), begin(() => save().catch(setFault)));
  return (
    <>
      <button type="button" className="quiet" onClick={() => (setKept(undefined), setOpen(true))}>Save as a cohort</button>
      {isOpen && (
        <Dialog title="Save this cohort" close={() => setOpen(false)}>
          {kept ? <p role="status">It is saved as <code>{kept}</code>: filters, «Only people who …» and breakdowns have it.</p> : (
            <form className="stack" onSubmit={submit}>
              <label className="field"><span>Name</span><input required maxLength={200} value={name} onChange={(event) => setName(event.target.value)} /></label>
              <Segments label="Which activity counts" value={span} options={[...(isMoving ? [["moving", moving] as const] : []), ["growing", GROWING] as const, ["fixed", FIXED] as const]} choose={setSpan} />
              {fault ? <Failure fault={fault} /> : null}
              <div className="line"><button type="submit" className="primary">Save it</button></div>
            </form>
          )}
        </Dialog>
      )}
    </>
  );
}

/** All of the project. `use` asks for the people of one. */
export function Cohorts({ close, use }: { close: () => void; use: (who: Who[]) => void }) {
  const project = useProject();
  const found = useAnswer(`${project.id} cohorts`, (signal) => cohorts(project.id, signal));
  const [open, setOpen] = useState<{ key?: string; isList?: boolean }>();
  const mayWrite = project.permissions.has("dashboards.write");
  const done = () => (setOpen(undefined), cohortsChanged(), found.again());
  const remove = ({ key }: SavedCohort) => cohort(project.id, key).then(({ tag }) => removeCohort(project.id, key, tag));
  return (
    <Dialog title="Saved cohorts" close={close} isWide>
      {open?.key && open.isList ? <ListForm key={open.key} name={open.key} back={done} /> : open ? <Editor key={open.key} name={open.key} taken={(found.value ?? []).map(({ key }) => key)} done={done} back={() => setOpen(undefined)} /> : (
        <>
          {found.fault ? <Failure fault={found.fault} again={found.again} /> : !found.value ? <Loading what="cohorts" /> : found.value.length === 0 ? <Empty>No cohorts yet. Build a group under «Cohort» and save it, or upload a list of ids.</Empty> : (
            <ul className="rows">
              {found.value.map((saved) => (
                <li key={saved.key}>
                  <span className="row-text"><span>{saved.name} <code className="small">{saved.key}</code></span>{saved.description && <span className="soft small">{saved.description}</span>}<Size name={saved.key} /></span>
                  <span className="line">
                    <button type="button" className="quiet" aria-label={`Show people: ${saved.name}`} onClick={() => use([{ ...whoOf("in"), cohort: saved.key }])}>Show people</button>
                    {mayWrite && isList(saved.definition) && <button type="button" className="quiet" aria-label={`Edit list: ${saved.name}`} onClick={() => setOpen({ key: saved.key, isList: true })}>Edit list</button>}
                    {mayWrite && <button type="button" className="quiet" aria-label={`Change ${saved.name}`} onClick={() => setOpen({ key: saved.key })}>Change</button>}
                    {mayWrite && <RemoveKept name={saved.name} about="Questions that use it will be refused." act={() => remove(saved)} done={done} />}
                  </span>
                </li>
              ))}
            </ul>
          )}
          {mayWrite && <div className="line"><button type="button" className="plain" onClick={() => setOpen({})}>New list of ids</button></div>}
        </>
      )}
    </Dialog>
  );
}

function Size({ name }: { name: string }) {
  const project = useProject().id;
  const found = useAnswer(`${project} ${name}`, (signal) => cohort(project, name, signal));
  const people = found.value?.saved.people;
  return <span className="soft small">{typeof people === "number" ? `${counted(people, "person", "people")} now` : found.isAsking ? "counting …" : ""}</span>;
}

/** Name, description and definition; of a new one a list of ids. */
function Editor({ name: key, taken, done, back }: { name?: string; taken: string[]; done: () => void; back: () => void }) {
  const project = useProject().id;
  const found = useAnswer(key && `${project} ${key} whole`, (signal) => cohort(project, key ?? "", signal));
  const loaded = found.value?.saved;
  const [draft, setDraft] = useState<{ name?: string; description?: string; text?: string }>({});
  const [listing, setListing] = useState<Listing>({ mode: "replace", ids: "distinct", text: "" });
  const [fault, setFault] = useState<unknown>();
  const [, begin] = useBusy();
  const name = draft.name ?? loaded?.name ?? "";
  const description = draft.description ?? loaded?.description ?? "";
  const text = draft.text ?? (loaded ? JSON.stringify(loaded.definition, null, 2) : "");
  const save = async () => {
    if (!key) {
      const made = keyOf(name, taken);
      await makeCohort(project, made, { name, description, definition: { listed: [] } });
      return uploadList(project, made, listing);
    }
    return changeCohort(project, key, found.value?.tag ?? "*", { name, description, definition: JSON.parse(text) });
  };
  const submit = (event: FormEvent) => (event.preventDefault(), setFault(undefined), begin(() => save().then(done, (fault) => setFault(fault instanceof SyntaxError ? new Error(`The definition is not valid JSON: ${fault.message}`) : fault))));
  if (found.fault) return <Failure fault={found.fault} again={found.again} />;
  if (key && !loaded) return <Loading what="the cohort" />;
  return (
    <form className="stack" onSubmit={submit}>
      <label className="field"><span>Name</span><input required maxLength={200} value={name} onChange={(event) => setDraft({ ...draft, name: event.target.value })} /></label>
      <label className="field"><span>Description</span><input maxLength={4000} value={description} onChange={(event) => setDraft({ ...draft, description: event.target.value })} /></label>
      {key ? <TextField label="Definition, as JSON" hint="As the API takes it (docs/insights)." rows={10} value={text} set={(text) => setDraft({ ...draft, text })} /> : <ListFields listing={listing} set={setListing} />}
      {fault ? <Failure fault={fault} /> : null}
      <div className="line"><button type="submit" className="primary">Save it</button><button type="button" className="plain" onClick={back}>Back</button></div>
    </form>
  );
}
