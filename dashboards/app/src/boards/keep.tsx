// Saved questions are changed as they were read. If somebody was faster, both are shown, and whoever changes it chooses.

import { useRef, useState, type ReactNode } from "react";
import { Refused } from "../api/client";
import { Dialog } from "../parts/dialog";
import { Failure } from "../parts/states";
import { loadItem, putItem, type Item, type SavedQuestion } from "./calls";

type Question = Item<SavedQuestion>;

/** It was changed since it was read. */
export const isConflict = (fault: unknown): boolean => fault instanceof Refused && (fault.status === 412 || fault.code === "board_changed_meanwhile");

/** What a question asks, to be compared. */
export const askedText = ({ title, description, ask, parameters, days, zone }: SavedQuestion): string => {
  const details = Object.entries({ title, description, days, zone, parameters: parameters?.length ? parameters.map(({ name, type, default: value }) => `${name}: ${type ?? "text"} = ${JSON.stringify(value ?? null)}`).join(", ") : undefined });
  const lines = details.filter(([, value]) => value !== undefined && value !== "").map(([name, value]) => `${name}: ${String(value)}`);
  return [...lines, "", "sql" in ask ? ask.sql : JSON.stringify(ask.insight, null, 2)].join("\n");
};

interface Keeping {
  keep: (item: Question, content: SavedQuestion) => Promise<boolean>;
  /** What went wrong, and the choice. */
  told: ReactNode;
}

/** `done`: it is kept, or whoever was faster is left as they are; the list has to be read again. */
export function useKeeping(project: string, done: () => void): Keeping {
  const [fault, setFault] = useState<unknown>();
  const [conflict, setConflict] = useState<{ theirs: Question; mine: SavedQuestion }>();
  // What was kept here a moment ago, and is not read again yet, is no conflict.
  const own = useRef(new Map<string, number>());
  const keep = async (item: Question, content: SavedQuestion): Promise<boolean> => {
    setFault(undefined);
    try {
      const revision = Math.max(item.revision, own.current.get(item.key) ?? 0);
      own.current.set(item.key, (await putItem(project, "questions", { ...item, revision }, content)).revision);
      setConflict(undefined);
      done();
      return true;
    } catch (problem) {
      if (!isConflict(problem)) {
        setFault(problem);
        return false;
      }
    }
    await loadItem<SavedQuestion>(project, "questions", item.key).then((theirs) => setConflict({ theirs, mine: content }), setFault);
    return false;
  };
  const told = (
    <>
      {fault ? <Failure fault={fault} /> : null}
      {conflict && (
        <Dialog title={`«${conflict.theirs.content.title}» was changed meanwhile`} close={() => setConflict(undefined)} isWide>
          <p>Somebody saved it after you had opened it. Nothing of yours is saved yet.</p>
          <div className="pair">
            <section aria-label="As it is saved now"><h3>As it is saved now</h3><pre className="command" tabIndex={0}>{askedText(conflict.theirs.content)}</pre></section>
            <section aria-label="Yours"><h3>Yours</h3><pre className="command" tabIndex={0}>{askedText(conflict.mine)}</pre></section>
          </div>
          <div className="line">
            <button type="button" className="primary" onClick={() => (setConflict(undefined), done())}>Leave it as it is now</button>
            <button type="button" className="plain danger" onClick={() => void keep(conflict.theirs, conflict.mine)}>Save yours over it</button>
          </div>
        </Dialog>
      )}
    </>
  );
  return { keep, told };
}
