// SQL: an editor that knows the tables, typed parameters, and a result that stays fluid with many rows.

import { Suspense, lazy, useEffect, useMemo, useRef, useState } from "react";
import { useAnswer } from "../api/answer";
import { api, good, Refused } from "../api/client";
import { askRowsStreamed } from "../api/row_stream";
import type { Rows } from "../api/rows";
import { inAddress, parsed, useAddress, useVisit } from "../frame/address";
import { useProject } from "../frame/project";
import { Select } from "../parts/choice";
import { useDraft } from "../parts/draft";
import { counted, number } from "../parts/format";
import { useUndo } from "../parts/remove";
import { Failure, Loading, PageHead } from "../parts/states";
import { UnsavedNotice } from "../parts/unsaved";
import type { Item, SavedQuestion } from "../boards/calls";
import { items } from "../boards/calls";
import { SaveQuestion } from "../boards/save";
import { ZONE } from "../boards/zone";
import { readChosen, type Chosen } from "./drawing";
import { asked, keep } from "./history";
import { BOOLEANS, TYPES, givenOf, namesIn, parametersOf, readGiven, retyped, valuesOf, withTime, type Given } from "./parameters";
import { Result, type Run } from "./result";
import { Saved } from "./saved";
import { Schedules } from "./schedules";

const Editor = lazy(() => import("./editor"));
const FIRST = "SELECT event, count(*) AS times, count(DISTINCT person_id) AS people\nFROM activity\nGROUP BY event\nORDER BY times DESC";

const NONE: Rows = { columns: [], rows: [] };

interface Table {
  name: string;
  columns: { name: string; type: string }[];
}

/** Numbers and ids of a result lead to other statements on this page, and the way back leads to the one before: each is begun anew. */
export default function Sql() {
  const visit = useVisit();
  const first = useRef(visit);
  useEffect(() => {
    if (visit === first.current) return;
    scrollTo(0, 0);
    document.querySelector<HTMLElement>("main h1")?.focus();
  }, [visit]);
  return <Statement key={visit} isFollowed={visit > 0} />;
}

/** `isFollowed`: a link of the application led here, and its statement is asked at once; that of an address from elsewhere waits for whoever reads it. */
function Statement({ isFollowed }: { isFollowed: boolean }) {
  const here = useProject();
  const { id: project, permissions } = here;
  const mayKeep = permissions.has("dashboards.read");
  const [isScheduling, setScheduling] = useState(false);
  const { query } = useAddress();
  const [text, setText] = useState(() => query.get("sql") ?? asked(here)[0] ?? FIRST);
  // What is kept elsewhere: it was asked, opened, or stands there at first.
  const [safe, setSafe] = useState(text);
  const unsaved = useDraft(here, "sql", { now: text, saved: safe, restore: setText });
  const [set, setGiven] = useState<Record<string, Given>>(() => readGiven(parsed(query.get("values"))));
  const followed = isFollowed ? query.get("sql") : null;
  const [run, setRun] = useState(() => (followed === null ? undefined : runOf(followed, set)));
  // Nothing: no chart is wanted.
  const [drawn, setDrawn] = useState<Chosen | undefined>(() => readChosen(parsed(query.get("chart"))));
  const [kept, setKept] = useState(() => (followed === null ? asked(here) : keep(here, followed)));
  const tables = useAnswer("tables", () => good(api.GET("/v1/tables")) as Promise<{ tables: Table[] }>);
  const schema = useMemo(() => Object.fromEntries((tables.value?.tables ?? []).map(({ name, columns }) => [name, columns.map(({ name }) => name)])), [tables.value]);
  // What has come of the answer that is on its way.
  const [coming, setComing] = useState<{ turn: number; rows: Rows }>();
  const answer = useAnswer(run && `${project} ${run.turn}`, (signal) => askRowsStreamed(project, run?.sql ?? "", run?.params ?? {}, signal, (rows) => signal.aborted || setComing({ turn: run?.turn ?? 0, rows })));
  const partial = answer.isSlow && coming?.turn === run?.turn && coming && coming.rows.rows.length > 0 ? coming.rows : undefined;
  const names = namesIn(text);
  const given = withTime(names, set, Date.now());
  const saved = useAnswer(mayKeep ? `${project} questions` : undefined, () => items<SavedQuestion>(project, "questions"));
  const [opened, setOpened] = useState<string>();
  const undo = useUndo();
  /** Puts another text in the place of what is typed, and offers that again if it is kept nowhere. */
  const replaceBy = (next: string) => {
    if (text !== safe && text.trim() && next !== text) undo.offer("What you had typed", () => setText(text));
    setText(next);
  };
  const open = ({ key, content }: Item<SavedQuestion>) => {
    if (!("sql" in content.ask)) return;
    const isOfAddress = query.get("saved") === key && opened === undefined;
    replaceBy(content.ask.sql);
    setSafe(content.ask.sql);
    setGiven({ ...givenOf(content.parameters ?? []), ...(isOfAddress && set) });
    setOpened(key);
    inAddress({ saved: key, sql: undefined, ...(!isOfAddress && { values: undefined, chart: undefined }) });
  };
  // An address may name a saved question.
  const wanted = query.get("saved");
  const named = saved.value?.find(({ key }) => key === wanted);
  useEffect(() => {
    if (named && opened === undefined) open(named);
  }, [named]);
  const problem = answer.fault instanceof Refused ? answer.fault.problem : undefined;
  const place = problem?.line && run?.sql === text ? { line: problem.line, column: problem.column ?? 1, told: problem.detail ?? "" } : undefined;
  const start = () => {
    setRun({ sql: text, params: valuesOf(names, given), turn: (run?.turn ?? 0) + 1 });
    setKept(keep(here, text));
    setSafe(text);
    const isSaved = named && "sql" in named.content.ask && named.content.ask.sql === text;
    const typed = Object.fromEntries(names.flatMap((name) => (set[name] ? [[name, set[name]]] : [])));
    const values = Object.keys(typed).length ? JSON.stringify(typed) : undefined;
    if (run && run.sql !== text && drawn) draw({});
    if (text.length < 4000) inAddress({ ...(isSaved && opened ? { saved: opened, sql: undefined } : { saved: undefined, sql: text }), values });
  };
  const draw = (chosen: Chosen | undefined) => {
    setDrawn(chosen);
    inAddress({ chart: chosen && JSON.stringify(chosen) });
  };
  return (
    <>
      <PageHead title="SQL" about="One read-only statement over this project's tables. The address holds the last one: copy it to share.">
        {mayKeep && <button type="button" className="quiet" onClick={() => setScheduling(true)}>Schedules and alerts</button>}
      </PageHead>
      <UnsavedNotice of={unsaved} what="SQL" />
      {undo.notice}
      {isScheduling && <Schedules question={opened} close={() => setScheduling(false)} />}
      <div className="sql-layout">
        <div className="stack">
          <Suspense fallback={<Loading what="the editor" />}><Editor text={text} schema={schema} change={setText} run={start} fault={place} /></Suspense>
          {names.map((name) => <ParameterField key={name} name={name} given={given[name] ?? { type: "text", text: "" }} set={(value) => setGiven({ ...set, [name]: value })} />)}
          <div className="line">
            {answer.isSlow ? <button type="button" className="primary" onClick={answer.cancel}>Stop</button> : <button type="button" className="primary" onClick={start}>Run</button>}
            <SaveQuestion saved={saved.again} question={() => ({ ask: { sql: text }, parameters: parametersOf(names, given), zone: ZONE })} />
            <span className="soft small">Ctrl or ⌘ + Enter</span>
            <span className="soft small" role="status">{partial ? `${counted(partial.rows.length, "row")} so far …` : answer.isAsking ? "Running …" : answer.isCancelled ? "Stopped" : answer.value ? `${counted(answer.value.rows.length, "row")} in ${number(Math.round(answer.took ?? 0))} ms` : ""}</span>
          </div>
          {answer.fault ? <Fault fault={answer.fault} sql={run?.sql ?? ""} /> : null}
          {answer.isSlow && <div className="progress" role="progressbar" aria-label="The answer is on its way"><i /></div>}
          {run && (partial ?? answer.value) && <Result rows={partial ?? answer.value ?? NONE} run={run} drawn={drawn} draw={draw} isStale={answer.isAsking && !partial} />}
        </div>
        <aside className="stack" aria-label="Tables and earlier statements">
          <section className="card tables">
            <h2>Tables</h2>
            {tables.fault ? <Failure fault={tables.fault} again={tables.again} /> : !tables.value && <Loading what="tables" />}
            {(tables.value?.tables ?? []).map(({ name, columns }) => (
              <details key={name}>
                <summary>{name}</summary>
                <ul>{columns.map((column) => <li key={column.name}><button type="button" onClick={() => setText(`${text} ${column.name}`)}>{column.name}</button><small>{column.type}</small></li>)}</ul>
              </details>
            ))}
          </section>
          {saved.value && <Saved all={saved.value} opened={opened} open={open} changed={saved.again} now={() => ({ ask: { sql: text }, parameters: parametersOf(names, given), zone: ZONE })} />}
          {kept.length > 0 && <section className="card"><h2>History</h2><div className="history">{kept.map((sql) => <button type="button" key={sql} title={sql} onClick={() => replaceBy(sql)}>{sql}</button>)}</div></section>}
        </aside>
      </div>
    </>
  );
}

/** The first run of a statement, with the values that are given. */
function runOf(sql: string, set: Record<string, Given>): Run {
  const names = namesIn(sql);
  return { sql, params: valuesOf(names, withTime(names, set, Date.now())), turn: 1 };
}

function ParameterField({ name, given, set }: { name: string; given: Given; set: (given: Given) => void }) {
  return (
    <div className="line">
      {given.type === "boolean" ? <Select label={`$${name}`} value={BOOLEANS.find(([key]) => key === given.text)?.[0] ?? ""} options={BOOLEANS} choose={(text) => set({ ...given, text })} />
        : <label className="field-inline"><code>${name}</code><input value={given.text} onChange={(event) => set({ ...given, text: event.target.value })} placeholder={given.type === "time" ? "2026-05-04T09:00:00Z" : "null"} /></label>}
      <Select label={`Type of ${name}`} isQuiet value={given.type} options={TYPES} choose={(type) => set(retyped(given, type))} />
    </div>
  );
}

function Fault({ fault, sql }: { fault: unknown; sql: string }) {
  const { line, column } = fault instanceof Refused ? fault.problem : {};
  const code = line ? sql.split("\n")[line - 1] : undefined;
  return (
    <div>
      <Failure fault={fault} />
      {code !== undefined && column && <pre className="fault-place" aria-label={`Line ${line}, column ${column}`}>{`${line} | ${code}\n${" ".repeat(String(line).length + 2 + column)}^`}</pre>}
    </div>
  );
}
