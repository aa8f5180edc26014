// "Save": a question under a title, and if wanted as a tile of a dashboard. For the pages of SQL and insights.

import { useState, type FormEvent } from "react";
import { useAnswer } from "../api/answer";
import { Link } from "../frame/link";
import { placeOf, useProject } from "../frame/project";
import { Select } from "../parts/choice";
import { useBusy } from "../parts/busy";
import { Dialog } from "../parts/dialog";
import { Failure } from "../parts/states";
import { addItem, create, items, lines, load, save, type SavedQuestion } from "./calls";
import { bottom, keyOf, newBoard } from "./model";
import { ZONE } from "./zone";

/** A button and its dialog. `question` is asked for when it is pressed; `saved` hears of it once it is kept, and nothing of a dialog that is closed. */
export function SaveQuestion({ question, saved }: { question: () => Omit<SavedQuestion, "title">; saved?: () => void }) {
  const project = useProject();
  const [asked, setAsked] = useState<Omit<SavedQuestion, "title">>();
  if (!project.permissions.has("dashboards.write")) return null;
  return (
    <>
      <button type="button" className="quiet" onClick={() => setAsked(question())}>Save</button>
      {asked && <SaveDialog question={asked} saved={saved} close={() => setAsked(undefined)} />}
    </>
  );
}

const NONE = "";
const NEW = "+";

function SaveDialog({ question, saved, close }: { question: Omit<SavedQuestion, "title">; saved?: () => void; close: () => void }) {
  const project = useProject().id;
  const boards = useAnswer(`${project} boards`, () => lines(project));
  const [title, setTitle] = useState("");
  const [board, setBoard] = useState(NONE);
  const [boardTitle, setBoardTitle] = useState("");
  const [fault, setFault] = useState<unknown>();
  const [done, setDone] = useState<string>();
  const [isBusy, begin] = useBusy();
  // What is there already where a later step was refused: it is not made a second time.
  const [kept, setKept] = useState<string>();
  const [madeBoard, setMadeBoard] = useState<string>();

  /** The question first, then the tile that shows it. */
  const keep = async () => {
    const key = kept ?? keyOf(title, (await items(project, "questions")).map(({ key }) => key));
    if (kept === undefined) {
      await addItem<SavedQuestion>(project, "questions", key, { ...question, title });
      setKept(key);
      saved?.();
    }
    if (board === NONE) return placeOf(project, "dashboards");
    let name = board;
    if (board === NEW) {
      name = madeBoard ?? keyOf(boardTitle, (boards.value ?? []).map(({ key }) => key));
      if (madeBoard === undefined) await create(project, { key: name, dashboard: newBoard(boardTitle, ZONE) });
      setMadeBoard(name);
    }
    const { kept: { dashboard }, tag } = await load(project, name);
    const { tiles } = dashboard;
    const tile = { id: keyOf(title, tiles.map(({ id }) => id)), title, x: 0, y: bottom(tiles), width: 6, height: 5, ask: { saved: key } };
    await save(project, name, tag, { dashboard: { ...dashboard, tiles: [...tiles, tile] } });
    return placeOf(project, `dashboards/${name}`);
  };
  const submit = (event: FormEvent) => (event.preventDefault(), setFault(undefined), begin(() => keep().then(setDone, setFault)));
  return (
    <Dialog title="Save this question" close={close}>
      {done ? <p role="status">It is saved. <Link href={done}>{done.endsWith("/dashboards") ? "Go to the dashboards" : "Go to the dashboard"}</Link></p> : (
        <form className="stack" onSubmit={submit}>
          <label className="field"><span>Title</span><input required maxLength={200} value={title} readOnly={kept !== undefined} onChange={(event) => setTitle(event.target.value)} /></label>
          <Select label="On the dashboard" value={board} options={[[NONE, "none"] as const, [NEW, "a new one"] as const, ...(boards.value ?? []).map(({ key, title }) => [key, title] as const)]} choose={setBoard} />
          {board === NEW && <label className="field"><span>Title of the new dashboard</span><input required maxLength={200} value={boardTitle} readOnly={madeBoard !== undefined} onChange={(event) => setBoardTitle(event.target.value)} /></label>}
          {"insight" in question.ask && question.days !== undefined && (
            <p className="soft small">It is asked of {question.days === 1 ? "the day" : `the ${question.days} days`} that end{question.days === 1 ? "s" : ""} with today, whenever somebody looks.{JSON.stringify(question.ask).includes('"from_ms"') && " The time in which its people did something stays the one of now."}</p>
          )}
          {boards.fault ? <Failure fault={boards.fault} again={boards.again} /> : null}
          {kept !== undefined && fault ? <p className="soft" role="status">The question itself is saved.</p> : null}
          {fault ? <Failure fault={fault} /> : null}
          <div className="line"><button type="submit" className="primary" aria-busy={isBusy}>Save it</button></div>
        </form>
      )}
    </Dialog>
  );
}
