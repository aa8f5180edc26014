// Rows: a table that stays fluid with many, a chart whose columns are chosen, and files.

import { useEffect, useMemo, useRef, useState } from "react";
import { askFile, type Cell, type Parameters, type Rows } from "../api/rows";
import { Chart } from "../chart/chart";
import { savePicture } from "../chart/picture";
import { Link } from "../frame/link";
import { placeOf, useProject } from "../frame/project";
import { Select } from "../parts/choice";
import { fileName, guarded, save } from "../parts/files";
import { Grid } from "../parts/grid";
import { Empty, Failure } from "../parts/states";
import { SHAPES, drawingOf, fitting, isNumber, type Chosen } from "./drawing";
import { hrefOf, type Where } from "./links";
import { withValues } from "./quoted";
import { rowsBehind } from "./rows_behind";

export interface Run {
  sql: string;
  params: Parameters;
  turn: number;
}

const FORMATS = [["csv", "CSV", "text/csv"], ["parquet", "Parquet", "application/vnd.apache.parquet"]] as const;

interface Props {
  rows: Rows;
  run: Run;
  /** How it is drawn, if it is. */
  drawn?: Chosen;
  draw: (chosen: Chosen | undefined) => void;
  isStale: boolean;
}

export function Result({ rows, run, drawn, draw, isStale }: Props) {
  const own = useProject();
  const project = own.id;
  const region = useRef<HTMLElement>(null);
  const isChart = drawn !== undefined;
  const chosen = useMemo(() => fitting(rows, drawn), [rows, drawn]);
  const [fault, setFault] = useState<unknown>();
  useEffect(() => setFault(undefined), [run]);
  const drawing = useMemo(() => drawingOf(rows, chosen), [rows, chosen]);
  const take = (ending: string, accept: string) => askFile(project, run.sql, run.params, accept).then(async (file) => save(fileName("answer", ending), ending === "csv" ? guarded(await file.text()) : file)).catch(setFault);
  const first = useMemo(() => rowsBehind(run.sql, rows.rows[0] ?? []), [run, rows.rows[0]]);
  const why = first && "why" in first ? first.why : undefined;
  /** The address of the rows of a group: the values that were bound stand in the statement. */
  const behind = (row: number) => {
    const found = first && "sql" in first ? rowsBehind(run.sql, rows.rows[row] ?? []) : undefined;
    return found && "sql" in found ? placeOf(project, "sql", { sql: withValues(found.sql, run.params) }) : undefined;
  };
  if (rows.rows.length === 0) return <Empty>No rows.</Empty>;
  const names = rows.columns.map(({ name }, index) => [String(index), name] as const);
  const numbers = names.filter((_, index) => isNumber(rows.columns[index]?.type ?? ""));
  return (
    <section className={isStale ? "stale" : undefined} aria-label="Result" ref={region}>
      <div className="result-head">
        <h2>Result</h2>
        <span className="line">
          {drawing && <button type="button" className="quiet" onClick={() => draw(isChart ? undefined : {})}>{isChart ? "Hide the chart" : "Chart"}</button>}
          {isChart && drawing && <button type="button" className="quiet" onClick={() => region.current && void savePicture(region.current, "answer")}>PNG</button>}
          {FORMATS.map(([ending, name, accept]) => <button type="button" className="quiet" key={ending} onClick={() => void take(ending, accept)}>{name}</button>)}
          <button type="button" className="quiet" onClick={() => save(fileName("answer", "sql"), `${run.sql}\n`, "application/sql")}>SQL</button>
        </span>
      </div>
      {fault ? <Failure fault={fault} /> : null}
      {isChart && drawing && (
        <>
          <div className="line" role="group" aria-label="How it is drawn">
            <Select label="Shape" value={chosen.shape ?? "usual"} options={SHAPES} choose={(shape) => draw({ ...chosen, shape })} />
            <Select label="Along" value={String(chosen.along ?? 0)} options={names} choose={(along) => draw({ ...chosen, along: Number(along) })} />
            <Select label="Number" value={chosen.number === undefined ? "" : String(chosen.number)} options={[["", "all"] as const, ...numbers]} choose={(number) => draw({ ...chosen, number: number === "" ? undefined : Number(number) })} />
          </div>
          <Chart label="Result as a chart; the table has the same numbers" drawing={drawing} />
        </>
      )}
      <Grid label="Result as a table" columns={rows.columns.map(({ name, type }) => ({ name, note: type, isNumber: isNumber(type) }))} count={rows.rows.length} cell={(row, column) => shown(rows.rows[row]?.[column], rows.columns[column]?.name ?? "", own, () => behind(row))} height={560} />
      {why && <p className="soft small">The rows behind these numbers cannot be listed: {why}.</p>}
    </section>
  );
}

/** Ids and names lead to their pages, numbers of groups to the rows behind them. */
function shown(cell: Cell | undefined, column: string, project: Where, behind: () => string | undefined) {
  if (cell === null || cell === undefined) return <span className="null">null</span>;
  const href = hrefOf(project, column, cell);
  if (href) return <Link href={href}>{String(cell)}</Link>;
  const rows = typeof cell === "number" ? behind() : undefined;
  if (rows) return <Link className="behind" title="Which rows are these?" href={rows}>{String(cell)}</Link>;
  return typeof cell === "object" ? JSON.stringify(cell) : String(cell);
}
