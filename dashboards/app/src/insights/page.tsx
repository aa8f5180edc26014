// Insights: a question by clicking, its answer as a chart and a table. The address holds the question, so a link shares it.

import { useMemo, useRef } from "react";
import { useAnswer } from "../api/answer";
import { api, good, Refused } from "../api/client";
import { Chart, savePicture } from "../chart/chart";
import { useInAddress } from "../frame/address";
import { useProject } from "../frame/project";
import { Segments } from "../parts/choice";
import { csv, fileName, save } from "../parts/files";
import { number } from "../parts/format";
import { Grid } from "../parts/grid";
import { Empty, Failure, Loading, PageHead } from "../parts/states";
import { Builder } from "./builder";
import { drawn, type Drawn } from "./drawn";
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
async function ask(project: string, question: Question, signal: AbortSignal): Promise<Insight> {
  const body = bodyOf(question, midnight(Date.now(), 1, ZONE), ZONE);
  for (let turn = 0; ; turn++) {
    try {
      const path = `/v1/projects/{project}/insights/${question.kind}` as never;
      return (await good(api.POST(path, { params: { path: { project } }, body, signal } as never))) as Insight;
    } catch (fault) {
      if (!(fault instanceof Refused) || fault.code !== "insight_preparing" || turn >= TRIES || signal.aborted) throw fault;
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }
}

export default function Insights() {
  const project = useProject().id;
  const [question, change] = useInAddress("q", readQuestion);
  const lacks = question.kind === "paths" && !question.steps[0]?.activity ? "Choose the activity that the paths begin with." : undefined;
  const answer = useAnswer(lacks ? undefined : `${project} ${JSON.stringify(question)}`, (signal) => ask(project, question, signal).then((insight) => ({ insight, question })));
  return (
    <>
      <PageHead title="Insights" about="Ask by choosing. The address is the question: share it." />
      <Segments label="Kind of question" value={question.kind} options={KINDS} choose={(kind) => change({ ...question, kind })} />
      <Builder question={question} change={change} />
      <section className="card" aria-label="Answer" aria-busy={answer.isAsking}>
        {answer.isSlow && <div className="progress" role="progressbar" aria-label="Working on it"><i /></div>}
        {lacks ? <Empty>{lacks}</Empty> : answer.fault ? <Failure fault={answer.fault} again={answer.again} />
          : answer.value ? <Result {...answer.value} isStale={answer.isAsking} /> : <Loading what="the answer" />}
      </section>
    </>
  );
}

function Result({ insight, question, isStale }: { insight: Insight; question: Question; isStale: boolean }) {
  const region = useRef<HTMLDivElement>(null);
  const shown = useMemo(() => drawn(question, insight.answer, ZONE), [insight, question]);
  const title = KINDS.find(([kind]) => kind === question.kind)?.[1] ?? "";
  const isEmpty = shown.rows.every((row) => row.every((value, index) => index === 0 || !value || typeof value === "string"));
  return (
    <div ref={region} className="stack">
      <div className="result-head">
        <h2>{title}</h2>
        <span className="soft small">{number(insight.rows_read)} rows in {number(insight.took_ms)} ms</span>
        <Exports shown={shown} title={title} sql={insight.clickhouse_sql} picture={() => region.current && void savePicture(region.current, title)} />
      </div>
      {isEmpty && <Empty>Nothing of this happened in that time. Choose a longer time or another activity.</Empty>}
      {!isEmpty && shown.drawing && <Chart label={`${title}: the table below has the same numbers`} drawing={shown.drawing} isStale={isStale} />}
      {shown.about && <p>{shown.about}</p>}
      {!isEmpty && <Grid label={`${title} as a table`} columns={shown.head.map((name, index) => ({ name, isNumber: index > 0 }))} count={shown.rows.length} cell={(row, column) => cellOf(shown.rows[row]?.[column])} />}
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
