// The saved questions of SQL beside the editor: opened, changed to what is typed, removed.

import { useState } from "react";
import { putItem, type Item, type SavedQuestion } from "../boards/calls";
import { RenameDialog, removeQuestion } from "../boards/rename";
import { useProject } from "../frame/project";
import { Failure } from "../parts/states";

interface Props {
  all: Item<SavedQuestion>[];
  opened?: string;
  open: (item: Item<SavedQuestion>) => void;
  changed: () => void;
  /** What is typed, as it would be kept. */
  now: () => Pick<SavedQuestion, "ask" | "parameters" | "zone">;
}

export function Saved({ all, opened, open, changed, now }: Props) {
  const project = useProject();
  const mayWrite = project.permissions.has("dashboards.write");
  const [fault, setFault] = useState<unknown>();
  const own = all.filter(({ content }) => "sql" in content.ask);
  const current = own.find(({ key }) => key === opened);
  const isChanged = current && said(current.content) !== said(now());
  const done = () => (setFault(undefined), changed());
  const keep = () => current && void putItem<SavedQuestion>(project.id, "questions", current.key, { ...current.content, ...now() }).then(done, setFault);
  const [renamed, setRenamed] = useState<Item<SavedQuestion>>();
  if (own.length === 0) return null;
  return (
    <section className="card" aria-label="Saved questions">
      <h2>Saved</h2>
      <ul className="saved-list">
        {own.map((item) => (
          <li key={item.key}>
            <button type="button" className="saved" aria-current={item.key === opened || undefined} onClick={() => open(item)}>{item.content.title}</button>
            {mayWrite && <button type="button" className="quiet" aria-label={`Rename ${item.content.title}`} onClick={() => setRenamed(item)}>Rename</button>}
            {mayWrite && <button type="button" className="remove" aria-label={`Remove ${item.content.title}`} onClick={() => void removeQuestion(project.id, item).then((isGone) => isGone && done(), setFault)}>×</button>}
          </li>
        ))}
      </ul>
      {mayWrite && current && isChanged && <button type="button" className="plain" onClick={keep}>Change «{current.content.title}» to this</button>}
      {fault ? <Failure fault={fault} /> : null}
      {renamed && <RenameDialog item={renamed} done={done} close={() => setRenamed(undefined)} />}
    </section>
  );
}

/** A question as one text, whichever way the server wrote it. */
const said = ({ ask, parameters = [] }: Pick<SavedQuestion, "ask" | "parameters">) => JSON.stringify([ask, parameters.map(({ name, type = "text", default: value = null }) => [name, type, value])]);
