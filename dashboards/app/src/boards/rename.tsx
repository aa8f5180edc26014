// Another title for a saved question. Its key stays, so tiles and schedules find it.

import { useState, type FormEvent } from "react";
import { useProject } from "../frame/project";
import { Dialog } from "../parts/dialog";
import { TextField } from "../parts/field";
import { Failure } from "../parts/states";
import { putItem, removeItem, type Item, type SavedQuestion } from "./calls";

export function RenameDialog({ item: { key, content }, done, close }: { item: Item<SavedQuestion>; done: () => void; close: () => void }) {
  const project = useProject().id;
  const [title, setTitle] = useState(content.title);
  const [description, setDescription] = useState(content.description ?? "");
  const [fault, setFault] = useState<unknown>();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    putItem<SavedQuestion>(project, "questions", key, { ...content, title, description }).then(() => (done(), close()), setFault);
  };
  return (
    <Dialog title="Rename a saved question" close={close}>
      <form className="stack" onSubmit={submit}>
        <p className="soft">Tiles and schedules go on asking it: they know it as <code>{key}</code>.</p>
        <label className="field"><span>Title</span><input required maxLength={200} value={title} onChange={(event) => setTitle(event.target.value)} /></label>
        <TextField label="Description" value={description} set={setDescription} />
        {fault ? <Failure fault={fault} /> : null}
        <div className="line"><button type="submit" className="primary">Rename it</button><button type="button" className="plain" onClick={close}>Cancel</button></div>
      </form>
    </Dialog>
  );
}

/** Removes it if whoever is asked says so. */
export const removeQuestion = async (project: string, { key, content }: Item<SavedQuestion>): Promise<boolean> => {
  if (!confirm(`Remove «${content.title}»? Tiles and schedules that ask it fail from then on.`)) return false;
  await removeItem(project, "questions", key);
  return true;
};
