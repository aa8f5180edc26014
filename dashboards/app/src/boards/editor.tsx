// A tile's title, what it asks, and how it is shown.

import { useState, type FormEvent } from "react";
import { useAnswer } from "../api/answer";
import { useProject } from "../frame/project";
import { Builder } from "../insights/builder";
import { questionOf } from "../insights/kept";
import { KINDS as INSIGHTS, lackOf, readQuestion } from "../insights/question";
import { Segments, Select } from "../parts/choice";
import { Dialog } from "../parts/dialog";
import { useDraft } from "../parts/draft";
import { Failure, Loading } from "../parts/states";
import { UnsavedNotice } from "../parts/unsaved";
import { items, type SavedQuestion } from "./calls";
import { savedInsight } from "./insight";
import { keyOf, SHOWS, type Ask, type Board, type Show, type Tile } from "./model";

const KINDS = [["saved", "Saved question"], ["sql", "SQL"], ["insight", "Insight"], ["text", "Text"]] as const;
type Kind = (typeof KINDS)[number][0];
const BUILDABLE = INSIGHTS.filter(([kind]) => kind !== "correlation" && kind !== "cohort");
const written = (insight: unknown) => JSON.stringify(insight, null, 2);
const kindOf = (ask: Ask | undefined): Kind => (ask ? KINDS.find(([kind]) => kind in ask)?.[0] : undefined) ?? "saved";

/** `name`: the key of the dashboard. What is typed and not taken over is offered again. */
export function Editor({ name: key, board, tile, set, close }: { name: string; board: Board; tile?: Tile; set: (tile: Tile) => void; close: () => void }) {
  const own = useProject();
  const project = own.id;
  const questions = useAnswer(`${project} questions`, () => items<SavedQuestion>(project, "questions"));
  const [kind, setKind] = useState<Kind>(kindOf(tile?.ask));
  const [title, setTitle] = useState(tile?.title ?? "");
  const [show, setShow] = useState<Show>(tile?.show ?? "usual");
  const old = (of: Kind) => (tile?.ask && of in tile.ask ? (tile.ask as Record<string, unknown>)[of] : undefined);
  const [saved, setSaved] = useState(String(old("saved") ?? ""));
  const [sql, setSql] = useState(String(old("sql") ?? "SELECT date_trunc('day', timestamp) AS day, count(*) AS times\nFROM activity\nWHERE timestamp >= $from AND timestamp < $until\nGROUP BY day ORDER BY day"));
  const [words, setWords] = useState(String(old("text") ?? ""));
  const [kept] = useState(() => (tile?.ask && "insight" in tile.ask ? questionOf({ ask: tile.ask, days: board.days }) : undefined));
  const [question, setQuestion] = useState(() => kept ?? readQuestion(undefined));
  // What stands in a file and cannot be chosen is kept as it is written, until somebody clicks it together anew.
  const [insight, setInsight] = useState(old("insight") && !kept ? written(old("insight")) : undefined);
  const [fault, setFault] = useState<unknown>();
  const now = { kind, title, show, saved, sql, words, question, insight };
  const [first] = useState(now);
  const restore = (left: typeof now) => {
    setKind(left.kind);
    setTitle(left.title);
    setShow(left.show);
    setSaved(left.saved);
    setSql(left.sql);
    setWords(left.words);
    setQuestion(readQuestion(left.question));
    setInsight(left.insight);
  };
  const unsaved = useDraft(own, `tile of ${key} ${tile?.id ?? ""}`, { now, saved: first, restore });
  const chosen = questions.value?.find(({ key }) => key === saved);
  const askOf = (): Ask => {
    switch (kind) {
      case "saved": return { saved };
      case "sql": return { sql };
      case "text": return { text: words };
      case "insight": return insight === undefined ? (savedInsight(question).ask as Ask) : { insight: JSON.parse(insight) as Record<string, unknown> };
    }
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    try {
      if (kind === "saved" && !saved) throw new Error("Choose a question.");
      const lack = kind === "insight" && insight === undefined ? lackOf(question) : undefined;
      if (lack) throw new Error(lack);
      const name = title || (kind === "saved" ? chosen?.content.title ?? "" : "");
      const id = tile?.id ?? keyOf(name || kind, board.tiles.map(({ id }) => id));
      unsaved.drop();
      set({ ...(tile ?? { x: 0, y: 0, width: kind === "text" ? 12 : 6, height: kind === "text" ? 2 : 5 }), id, title: name, show, ask: askOf() });
    } catch (fault) {
      setFault(fault instanceof SyntaxError ? new Error(`The insight is not valid JSON: ${fault.message}`) : fault);
    }
  };
  return (
    <Dialog title={tile ? `Change ${tile.title || tile.id}` : "Add a tile"} close={close} isWide>
      <UnsavedNotice of={unsaved} />
      <form className="stack" onSubmit={submit}>
        <label className="field"><span>Title</span><input value={title} maxLength={200} onChange={(event) => setTitle(event.target.value)} /></label>
        <Segments label="What it shows" value={kind} options={KINDS} choose={setKind} />
        {kind === "saved" && (questions.fault ? <Failure fault={questions.fault} again={questions.again} /> : !questions.value ? <Loading what="questions" /> : questions.value.length === 0
          ? <p className="soft">No question is saved yet. Save one on the page of Insights or SQL.</p>
          : <Select label="Question" value={saved} options={[["", "choose one"] as const, ...questions.value.map(({ key, content }) => [key, content.title] as const)]} choose={setSaved} />)}
        {kind === "sql" && <label className="field"><span>One read-only statement; $from, $until and the dashboard's variables are bound</span><textarea rows={8} spellCheck={false} value={sql} onChange={(event) => setSql(event.target.value)} /></label>}
        {kind === "insight" && (insight === undefined ? (
          <>
            <Segments label="Kind of question" value={question.kind} options={BUILDABLE} choose={(kind) => setQuestion({ ...question, kind })} />
            <Builder question={question} change={setQuestion} isTimeless />
            <div className="line"><button type="button" className="quiet" onClick={() => setInsight(written((savedInsight(question).ask as { insight: unknown }).insight))}>As JSON</button></div>
          </>
        ) : (
          <>
            <label className="field"><span>The body of an insight without its scope, as JSON</span><textarea rows={10} spellCheck={false} value={insight} onChange={(event) => setInsight(event.target.value)} /></label>
            <div className="line"><button type="button" className="quiet" onClick={() => setInsight(undefined)}>Back to the builder</button></div>
          </>
        ))}
        {kind === "text" && <label className="field"><span>Text</span><textarea rows={4} value={words} onChange={(event) => setWords(event.target.value)} /></label>}
        {kind !== "text" && <Select label="Show" value={show} options={SHOWS} choose={setShow} />}
        {fault ? <Failure fault={fault} /> : null}
        <div className="line"><button type="submit" className="primary">{tile ? "Apply" : "Add it"}</button></div>
      </form>
    </Dialog>
  );
}
