// An answer: its chart, its numbers as a table, who is behind each of them, and what can be taken along.

import { Fragment, useMemo, useRef } from "react";
import { isKeepable, savedInsight } from "../boards/insight";
import { SaveQuestion } from "../boards/save";
import { ZONE } from "../boards/zone";
import { Chart } from "../chart/chart";
import { placeName } from "../chart/options";
import { savePicture } from "../chart/picture";
import { Link } from "../frame/link";
import { placeOf, useProject } from "../frame/project";
import { csv, fileName, save } from "../parts/files";
import { counted, number } from "../parts/format";
import { Empty } from "../parts/states";
import { isOnMap } from "../places/asked";
import type { Insight } from "./ask";
import { behindOf, pickOf, type Behind } from "./behind_of";
import { SaveCohort } from "./cohorts";
import { drawn, type Drawn } from "./drawn";
import { Happened, marksOf, useHappened } from "./happened";
import { Numbers } from "./numbers";
import { usePersons } from "./persons";
import { KINDS, type Kind, type Question } from "./question";
import { sqlOf } from "./taken";

interface Props {
  insight: Insight;
  kind: Kind;
  definition: Record<string, unknown>;
  question: Question;
  isStale: boolean;
  /** It is asked as it was saved: there is nothing to save. */
  isKept: boolean;
  /** Another question was saved. */
  saved: () => void;
  show: (behind: Behind | undefined) => void;
}

export function Result({ insight, kind, definition, question, isStale, isKept, saved, show }: Props) {
  const { id: project, permissions } = useProject();
  const region = useRef<HTMLDivElement>(null);
  const shown = useMemo(() => drawn(kind, definition, insight.answer, ZONE), [insight, kind, definition]);
  const happened = useHappened(shown.starts !== undefined);
  const marks = useMemo(() => marksOf(happened.value ?? [], shown.starts ?? []), [happened.value, shown.starts]);
  const title = KINDS.find(([key]) => key === kind)?.[1] ?? "";
  const isEmpty = shown.rows.every((row) => row.every((value, index) => index === 0 || !value || typeof value === "string")) && !shown.people?.length;
  const drawing = shown.drawing && shown.drawing.kind !== "flows" && marks.length ? { ...shown.drawing, marks } : shown.drawing;
  const pick = pickOf(shown, (cell, index) => show(behindOf(kind, definition, cell, `${title}: ${placeName(drawing, index)}`)));
  const person = usePersons(shown.people);
  return (
    <div ref={region} className="stack">
      <div className="result-head">
        <h2>{title}</h2>
        <span className="soft small">{counted(insight.rows_read, "row")} in {number(insight.took_ms)} ms{kind !== "cohort" && ` · days in ${ZONE.replaceAll("_", " ")}`}</span>
        <span className="line">
          {kind === "cohort" ? <SaveCohort question={question} /> : !isKept && isKeepable(question) && <SaveQuestion question={() => savedInsight(question)} saved={saved} />}
          {kind === "places" && permissions.has("sql.run") && !isKept && isOnMap(question) && <Link className="quiet" href={placeOf(project, "places", { activity: question.steps[0]?.activity ?? "", days: String(question.days) })}>On the map</Link>}
          <Exports shown={shown} title={title} kind={kind} definition={definition} clickhouse={insight.clickhouse_sql} unsaid={insight.clickhouse_unsaid} picture={() => region.current && void savePicture(region.current, title)} />
        </span>
      </div>
      {isEmpty && <Empty>Nothing of this happened in that time. Choose a longer time or another activity.</Empty>}
      {!isEmpty && drawing && <Chart label={`${title}: the table below has the same numbers`} drawing={drawing} isStale={isStale} pick={pick} />}
      {!isEmpty && shown.starts && shown.drawing && shown.drawing.kind !== "flows" && <Happened marks={marks} starts={shown.starts} names={shown.drawing.names} changed={happened.again} />}
      {shown.about && <p>{shown.about}</p>}
      {!isEmpty && shown.facts && shown.facts.length > 0 && <dl className="facts">{shown.facts.map(([name, value]) => <Fragment key={name}><dt>{name}</dt><dd>{value}</dd></Fragment>)}</dl>}
      {!isEmpty && <Numbers label={`${title} as a table`} shown={shown} first={shown.people && person} show={(cell, what) => show(behindOf(kind, definition, cell, what))} />}
    </div>
  );
}

interface Taken {
  shown: Drawn;
  title: string;
  kind: Kind;
  definition: object;
  clickhouse?: string | null;
  unsaid?: string;
  picture: () => void;
}

function Exports({ shown, title, kind, definition, clickhouse, unsaid, picture }: Taken) {
  const sql = sqlOf(kind, definition);
  const take = (text: string, ending: string, type: string) => save(fileName(title, ending), text, type);
  return (
    <>
      <button type="button" className="quiet" onClick={() => save(fileName(title, "csv"), csv(shown.head, shown.rows))}>CSV</button>
      {shown.drawing && <button type="button" className="quiet" onClick={picture}>PNG</button>}
      <button type="button" className="quiet" onClick={() => take(`${sql};\n`, "sql", "application/sql")}>SQL</button>
      {unsaid && <span className="soft small">No SQL for ClickHouse: {unsaid}.</span>}
      {clickhouse && <button type="button" className="quiet" onClick={() => take(clickhouse, "sql", "application/sql")}>SQL for ClickHouse</button>}
    </>
  );
}
