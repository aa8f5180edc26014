// Insights: a question by clicking, its answer as a chart and a table. The address holds the question, so a link shares it.

import { useMemo, useRef, useState } from "react";
import { useAnswer } from "../api/answer";
import { api, good, Refused } from "../api/client";
import { savedInsight } from "../boards/insight";
import { SaveQuestion } from "../boards/save";
import { Chart } from "../chart/chart";
import { savePicture } from "../chart/picture";
import { useInAddress } from "../frame/address";
import { placeOf, useProject } from "../frame/project";
import { Segments } from "../parts/choice";
import { csv, fileName, save } from "../parts/files";
import { number, percent } from "../parts/format";
import { Grid } from "../parts/grid";
import { Empty, Failure, Loading, PageHead } from "../parts/states";
import { Link } from "../frame/link";
import { PeopleBehind, named, type Behind } from "./behind";
import { Builder } from "./builder";
import { drawn, type Cell, type Drawn } from "./drawn";
import { KINDS, bodyOf, midnight, readQuestion, type Question } from "./question";

interface Insight {
  answer: unknown;
  as_of: string;
  rows_read: number;
  took_ms: number;
  clickhouse_sql?: string | null;
}

const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
const TRIES = 60;

/** While a project's activity is read for the first time, the server says when to ask again. */
async function ask(project: string, question: Question, signal: AbortSignal, tell: (share: number | undefined) => void): Promise<Insight> {
  const body = bodyOf(question, midnight(Date.now(), 1, ZONE), ZONE);
  for (let turn = 0; ; turn++) {
    try {
      const path = `/v1/projects/{project}/insights/${question.kind}` as never;
      const insight = (await good(api.POST(path, { params: { path: { project } }, body, signal } as never))) as Insight;
      tell(undefined);
      return insight;
    } catch (fault) {
      if (!(fault instanceof Refused) || fault.code !== "insight_preparing" || turn >= TRIES || signal.aborted) throw fault;
      const { rows_done, rows_all } = fault.problem;
      tell(rows_all ? (rows_done ?? 0) / rows_all : undefined);
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }
}

export default function Insights() {
  const project = useProject().id;
  const [question, change] = useInAddress("q", readQuestion);
  const lacks = question.kind === "paths" && !question.steps[0]?.activity ? "Choose the activity that the paths begin with." : question.kind === "cohort" && question.who.length === 0 ? "Say who belongs to the group." : undefined;
  const [behind, setBehind] = useState<Behind>();
  const [share, setShare] = useState<number>();
  const answer = useAnswer(lacks ? undefined : `${project} ${JSON.stringify(question)}`, (signal) => ask(project, question, signal, setShare).then((insight) => ({ insight, question })));
  return (
    <>
      <PageHead title="Insights" about="Ask by choosing. The address is the question: share it." />
      <Segments label="Kind of question" value={question.kind} options={KINDS} choose={(kind) => change({ ...question, kind })} />
      <Builder question={question} change={change} />
      <section className="card" aria-label="Answer" aria-busy={answer.isAsking}>
        {answer.isSlow && (share === undefined ? <div className="progress" role="progressbar" aria-label="Working on it"><i /></div> : <label className="field-inline small">Reading the activity for the first time <progress value={share} max={1} /> {percent(share, 0)}</label>)}
        {lacks ? <Empty>{lacks}</Empty> : answer.fault ? <Failure fault={answer.fault} again={answer.again} />
          : answer.value ? <Result {...answer.value} isStale={answer.isAsking} show={setBehind} /> : <Loading what="the answer" />}
      </section>
      {behind && <PeopleBehind behind={behind} close={() => setBehind(undefined)} />}
    </>
  );
}

function Result({ insight, question, isStale, show }: { insight: Insight; question: Question; isStale: boolean; show: (behind: Behind) => void }) {
  const project = useProject().id;
  const region = useRef<HTMLDivElement>(null);
  const shown = useMemo(() => drawn(question, insight.answer, ZONE), [insight, question]);
  const people = useAnswer(shown.people ? `${project} ${shown.people.join(" ")}` : undefined, (signal) => named(project, shown.people ?? [], signal));
  const title = KINDS.find(([kind]) => kind === question.kind)?.[1] ?? "";
  const isEmpty = shown.rows.every((row) => row.every((value, index) => index === 0 || !value || typeof value === "string")) && !shown.people?.length;
  const behind = (cell: Cell, what: string) => cell && show({ kind: question.kind, title: what, question: bodyOf(question, midnight(Date.now(), 1, ZONE), ZONE), cell });
  const cell = (row: number, column: number) => {
    const value = shown.rows[row]?.[column];
    const own = shown.cells?.[row]?.[column];
    const person = column === 0 ? shown.people?.[row] : undefined;
    if (person) return <Link href={placeOf(project, `people/${encodeURIComponent(person)}`)}>{people.value?.get(person)?.name ?? person}</Link>;
    const shade = shown.shades?.[row]?.[column];
    if (!own || !value) return cellOf(value);
    const what = `${shown.head[column]}: ${shown.rows[row]?.[0]}`;
    return <button type="button" className="behind" style={shade ? { background: `color-mix(in srgb, var(--hue-0) ${Math.round(shade * 38)}%, transparent)` } : undefined} title="Who is this?" aria-label={`${cellOf(value)}, ${what}: who is this?`} onClick={() => behind(own, what)}>{cellOf(value)}</button>;
  };
  return (
    <div ref={region} className="stack">
      <div className="result-head">
        <h2>{title}</h2>
        <span className="soft small">{number(insight.rows_read)} rows in {number(insight.took_ms)} ms</span>
        <SaveQuestion question={() => savedInsight(question)} />
        <Exports shown={shown} title={title} sql={insight.clickhouse_sql} picture={() => region.current && void savePicture(region.current, title)} />
      </div>
      {isEmpty && <Empty>Nothing of this happened in that time. Choose a longer time or another activity.</Empty>}
      {!isEmpty && shown.drawing && <Chart label={`${title}: the table below has the same numbers`} drawing={shown.drawing} isStale={isStale} pick={shown.cellAt && ((index, line) => behind(shown.cellAt?.(index, line) ?? null, `${title}: ${shown.drawing?.kind === "flows" ? "a flow" : shown.drawing?.names[index] ?? ""}`))} />}
      {shown.about && <p>{shown.about}</p>}
      {!isEmpty && <Grid label={`${title} as a table`} columns={shown.head.map((name, index) => ({ name, isNumber: index > 0 }))} count={shown.rows.length} cell={cell} />}
    </div>
  );
}

const cellOf = (value: string | number | null | undefined) => (typeof value === "string" ? value : value === null || value === undefined ? "" : number(value));

function Exports({ shown, title, sql, picture }: { shown: Drawn; title: string; sql?: string | null; picture: () => void }) {
  return (
    <span className="line">
      <button type="button" className="quiet" onClick={() => save(fileName(title, "csv"), csv(shown.head, shown.rows))}>CSV</button>
      {shown.drawing && <button type="button" className="quiet" onClick={picture}>PNG</button>}
      {sql && <button type="button" className="quiet" onClick={() => save(fileName(title, "sql"), sql, "application/sql")}>SQL for ClickHouse</button>}
    </span>
  );
}
