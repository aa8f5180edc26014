// SQL: an editor that knows the tables, typed parameters, and a result that stays fluid with many rows.

import { Suspense, lazy, useEffect, useMemo, useState } from "react";
import { useAnswer } from "../api/answer";
import { api, good, Refused } from "../api/client";
import { askFile, askRows, type Cell, type Parameters, type Rows } from "../api/rows";
import { Chart } from "../chart/chart";
import { useAddress } from "../frame/address";
import { useProject } from "../frame/project";
import { Select } from "../parts/choice";
import { fileName, save } from "../parts/files";
import { number } from "../parts/format";
import { Grid } from "../parts/grid";
import { Empty, Failure, Loading, PageHead } from "../parts/states";
import type { Item, SavedQuestion } from "../boards/calls";
import { items } from "../boards/calls";
import { SaveQuestion } from "../boards/save";
import { ZONE } from "../boards/zone";
import { drawingOf, isNumber } from "./drawing";
import { asked, keep } from "./history";
import { TYPES, givenOf, namesIn, parametersOf, valuesOf, withTime, type Given } from "./parameters";
import { Schedules } from "./schedules";

const Editor = lazy(() => import("./editor"));
const FIRST = "SELECT event, count(*) AS times, count(DISTINCT person_id) AS people\nFROM activity\nGROUP BY event\nORDER BY times DESC";

interface Run {
  sql: string;
  params: Parameters;
  turn: number;
}
interface Table {
  name: string;
  columns: { name: string; type: string }[];
}

export default function Sql() {
  const { id: project, permissions } = useProject();
  const mayKeep = permissions.has("dashboards.read");
  const [isScheduling, setScheduling] = useState(false);
  const { query } = useAddress();
  const [text, setText] = useState(() => query.get("sql") ?? asked(project)[0] ?? FIRST);
  const [set, setGiven] = useState<Record<string, Given>>({});
  const [run, setRun] = useState<Run>();
  const [kept, setKept] = useState(() => asked(project));
  const tables = useAnswer("tables", () => good(api.GET("/v1/tables")) as Promise<{ tables: Table[] }>);
  const schema = useMemo(() => Object.fromEntries((tables.value?.tables ?? []).map(({ name, columns }) => [name, columns.map(({ name }) => name)])), [tables.value]);
  const answer = useAnswer(run && `${project} ${run.turn}`, (signal) => askRows(project, run?.sql ?? "", run?.params, signal));
  const names = namesIn(text);
  const given = withTime(names, set, Date.now());
  const saved = useAnswer(mayKeep ? `${project} questions` : undefined, () => items<SavedQuestion>(project, "questions"));
  const open = ({ content }: Item<SavedQuestion>) => {
    if (!("sql" in content.ask)) return;
    setText(content.ask.sql);
    setGiven(givenOf(content.parameters ?? []));
  };
  const start = () => {
    setRun({ sql: text, params: valuesOf(names, given), turn: (run?.turn ?? 0) + 1 });
    setKept(keep(project, text));
    const shared = new URLSearchParams({ sql: text });
    if (text.length < 4000) history.replaceState(null, "", `${location.pathname}?${shared}`);
  };
  return (
    <>
      <PageHead title="SQL" about="One reading statement over this project's tables. The address holds the last question.">
        {mayKeep && <button type="button" className="quiet" onClick={() => setScheduling(true)}>Schedules and alerts</button>}
      </PageHead>
      {isScheduling && <Schedules close={() => setScheduling(false)} />}
      <div className="sql-layout">
        <div className="stack">
          <Suspense fallback={<Loading what="the editor" />}><Editor text={text} schema={schema} change={setText} run={start} /></Suspense>
          {names.map((name) => <ParameterField key={name} name={name} given={given[name] ?? { type: "text", text: "" }} set={(value) => setGiven({ ...set, [name]: value })} />)}
          <div className="line">
            <button type="button" className="primary" onClick={start}>Run</button>
            <SaveQuestion question={() => ({ ask: { sql: text }, parameters: parametersOf(names, given), zone: ZONE })} />
            <span className="soft small">Ctrl or ⌘ with Enter</span>
            <span className="soft small" role="status">{answer.isAsking ? "Asking …" : answer.value ? `${number(answer.value.rows.length)} rows in ${number(Math.round(answer.took ?? 0))} ms` : ""}</span>
          </div>
          {answer.fault ? <Fault fault={answer.fault} sql={run?.sql ?? ""} /> : null}
          {run && answer.value && <Result rows={answer.value} run={run} isStale={answer.isAsking} />}
        </div>
        <aside className="stack" aria-label="Tables and earlier questions">
          <section className="card tables">
            <h2>Tables</h2>
            {(tables.value?.tables ?? []).map(({ name, columns }) => (
              <details key={name}>
                <summary>{name}</summary>
                <ul>{columns.map((column) => <li key={column.name}><button type="button" onClick={() => setText(`${text} ${column.name}`)}>{column.name}</button><small>{column.type}</small></li>)}</ul>
              </details>
            ))}
          </section>
          {saved.value && saved.value.some(({ content }) => "sql" in content.ask) && <section className="card"><h2>Saved</h2><div className="history">{saved.value.filter(({ content }) => "sql" in content.ask).map((item) => <button type="button" className="saved" key={item.key} onClick={() => open(item)}>{item.content.title}</button>)}</div></section>}
          {kept.length > 0 && <section className="card"><h2>Asked before</h2><div className="history">{kept.map((sql) => <button type="button" key={sql} title={sql} onClick={() => setText(sql)}>{sql}</button>)}</div></section>}
        </aside>
      </div>
    </>
  );
}

function ParameterField({ name, given, set }: { name: string; given: Given; set: (given: Given) => void }) {
  return (
    <div className="line">
      <label className="field-inline"><code>${name}</code><input value={given.text} onChange={(event) => set({ ...given, text: event.target.value })} placeholder="null" /></label>
      <Select label={`Type of ${name}`} isQuiet value={given.type} options={TYPES} choose={(type) => set({ ...given, type })} />
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

const FORMATS = [["csv", "text/csv"], ["parquet", "application/vnd.apache.parquet"]] as const;

function Result({ rows, run, isStale }: { rows: Rows; run: Run; isStale: boolean }) {
  const project = useProject().id;
  const [isChart, setChart] = useState(false);
  const [fault, setFault] = useState<unknown>();
  useEffect(() => setFault(undefined), [run]);
  const drawing = useMemo(() => drawingOf(rows), [rows]);
  const take = (ending: string, accept: string) => askFile(project, run.sql, run.params, accept).then((file) => save(fileName("answer", ending), file), setFault);
  if (rows.rows.length === 0) return <Empty>No rows.</Empty>;
  return (
    <section className={isStale ? "stale" : undefined} aria-label="Result">
      <div className="result-head">
        <h2>Result</h2>
        <span className="line">
          {drawing && <button type="button" className="quiet" aria-pressed={isChart} onClick={() => setChart(!isChart)}>{isChart ? "Hide the chart" : "Chart"}</button>}
          {FORMATS.map(([ending, accept]) => <button type="button" className="quiet" key={ending} onClick={() => void take(ending, accept)}>{ending.toUpperCase()}</button>)}
        </span>
      </div>
      {fault ? <Failure fault={fault} /> : null}
      {isChart && drawing && <Chart label="Result as a chart; the table has the same numbers" drawing={drawing} />}
      <Grid label="Result as a table" columns={rows.columns.map(({ name, type }) => ({ name, note: type, isNumber: isNumber(type) }))} count={rows.rows.length} cell={(row, column) => shown(rows.rows[row]?.[column])} height={560} />
    </section>
  );
}

const shown = (cell: Cell | undefined) => (cell === null || cell === undefined ? <span className="null">null</span> : typeof cell === "object" ? JSON.stringify(cell) : String(cell));
