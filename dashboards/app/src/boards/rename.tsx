// Another title for a saved question. Its key stays, so tiles and schedules find it.

import { useState, type FormEvent } from "react";
import { useAnswer } from "../api/answer";
import { useProject } from "../frame/project";
import { Dialog } from "../parts/dialog";
import { TextField } from "../parts/field";
import { RemoveKept } from "../parts/remove";
import { save as saveFile } from "../parts/files";
import { Failure, Loading } from "../parts/states";
import { putQuestionFile, questionFile, removeItem, type Item, type SavedQuestion } from "./calls";
import { FileDialog } from "./file";
import { useKeeping } from "./keep";

export function RenameDialog({ item, done, close }: { item: Item<SavedQuestion>; done: () => void; close: () => void }) {
  const project = useProject().id;
  const { key, content } = item;
  const { keep, told } = useKeeping(project, done);
  const [title, setTitle] = useState(content.title);
  const [description, setDescription] = useState(content.description ?? "");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void keep(item, { ...content, title, description }).then((isKept) => isKept && close());
  };
  return (
    <Dialog title="Rename a saved question" close={close}>
      <form className="stack" onSubmit={submit}>
        <p className="soft">Tiles and schedules keep working: they know it as <code>{key}</code>.</p>
        <label className="field"><span>Title</span><input required maxLength={200} value={title} onChange={(event) => setTitle(event.target.value)} /></label>
        <TextField label="Description" value={description} set={setDescription} />
        {told}
        <div className="line"><button type="submit" className="primary">Rename it</button><button type="button" className="plain" onClick={close}>Cancel</button></div>
      </form>
    </Dialog>
  );
}

/** The file of a saved question: read, taken along, changed as it stands. */
export function QuestionFile({ item: { key, content }, done }: { item: Item<SavedQuestion>; done: () => void }) {
  const { id: project, permissions } = useProject();
  const [isOpen, setOpen] = useState(false);
  const found = useAnswer(isOpen ? `${project} ${key} file` : undefined, () => questionFile(project, key));
  const close = () => setOpen(false);
  const kept = found.value;
  const save = permissions.has("dashboards.write") && kept ? (text: string) => putQuestionFile(project, kept, text).then(() => (done(), close())) : undefined;
  return (
    <>
      <button type="button" className="quiet" aria-label={`File of ${content.title}`} onClick={() => setOpen(true)}>File</button>
      {isOpen && (kept && !found.isAsking ? <FileDialog name={key} of="question" text={kept.text} close={close} save={save} take={() => saveFile(`${key}.yaml`, kept.text, "application/yaml")} />
        : <Dialog title={`${key}.yaml`} close={close}>{found.fault ? <Failure fault={found.fault} again={found.again} /> : <Loading what="the file" />}</Dialog>)}
    </>
  );
}

/** «×» of a saved question. */
export function RemoveQuestion({ item, done }: { item: Item<SavedQuestion>; done: () => void }) {
  const project = useProject().id;
  return <RemoveKept name={item.content.title} about="Tiles and schedules that use it will fail." act={() => removeItem(project, "questions", item)} done={done} />;
}
