// The saved questions of SQL beside the editor: opened, changed to what is typed, removed.

import { useState } from "react";
import type { Item, SavedQuestion } from "../boards/calls";
import { useKeeping } from "../boards/keep";
import { QuestionFile, RemoveQuestion, RenameDialog } from "../boards/rename";
import { useProject } from "../frame/project";

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
  const own = all.filter(({ content }) => "sql" in content.ask);
  const current = own.find(({ key }) => key === opened);
  const isChanged = current && said(current.content) !== said(now());
  const { keep, told } = useKeeping(project.id, changed);
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
            <QuestionFile item={item} done={changed} />
            {mayWrite && <RemoveQuestion item={item} done={changed} />}
          </li>
        ))}
      </ul>
      {mayWrite && current && isChanged && <button type="button" className="plain" onClick={() => void keep(current, { ...current.content, ...now() })}>Change «{current.content.title}» to this</button>}
      {told}
      {renamed && <RenameDialog item={renamed} done={changed} close={() => setRenamed(undefined)} />}
    </section>
  );
}

/** A question as one text, whichever way the server wrote it. */
const said = ({ ask, parameters = [] }: Pick<SavedQuestion, "ask" | "parameters">) => JSON.stringify([ask, parameters.map(({ name, type = "text", default: value = null }) => [name, type, value])]);
