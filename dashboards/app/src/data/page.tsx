// Data: which activities there are, what they carry, and what was put into quarantine.

import { useMemo, useState } from "react";
import { useAnswer } from "../api/answer";
import { askRows, type Cell } from "../api/rows";
import { go, useAddress, useText } from "../frame/address";
import { Link } from "../frame/link";
import { placeOf, useProject } from "../frame/project";
import { Segments } from "../parts/choice";
import { csv, fileName, save } from "../parts/files";
import { moment, number } from "../parts/format";
import { Grid } from "../parts/grid";
import { Empty, Failure, Loading, PageHead } from "../parts/states";
import { Activity } from "./activity";
import { behindActivity } from "./behind";
import { PropertiesOf } from "./properties";
import { plannedOnes } from "./plan";
import { Quarantine } from "./quarantine";
import { Plan } from "./violations";

const PARTS = [["activities", "Activities"], ["properties", "Properties"], ["plan", "Plan"], ["quarantine", "Quarantine"]] as const;
type Part = (typeof PARTS)[number][0];

export default function Data({ rest: [activity] }: { rest: string[] }) {
  if (activity) return <Activity activity={activity} />;
  return <Overview />;
}

function Overview() {
  const { path, query } = useAddress();
  const part = PARTS.find(([key]) => key === query.get("part"))?.[0] ?? "activities";
  return (
    <>
      <PageHead title="Data" about="What arrives, what it should look like, and what could not be taken in." />
      <Segments label="Part" value={part} options={PARTS} choose={(part: Part) => go(`${path}?${new URLSearchParams({ part })}`, { replaces: true })} />
      {part === "activities" && <Activities />}
      {part === "properties" && <section className="card" aria-label="Properties"><h2>Properties</h2><PropertiesOf /></section>}
      {part === "plan" && <Plan />}
      {part === "quarantine" && <Quarantine />}
    </>
  );
}

const LISTED_MAX = 2000;
const ACTIVITIES = `SELECT event, count(*) AS times, count(DISTINCT person_id) AS people, count(CASE WHEN timestamp >= $week THEN 1 END) AS in_week, min(timestamp) AS first_at, max(timestamp) AS last_at FROM activity GROUP BY event ORDER BY times DESC LIMIT ${LISTED_MAX}`;
const BEHIND: Record<number, "times" | "people" | "week"> = { 2: "times", 3: "people", 4: "week" };
const HEAD = ["name", "description", "times", "people", "last 7 days", "first seen", "last seen"];

function Activities() {
  const project = useProject().id;
  const [part, setPart] = useText("find");
  const [week] = useState(() => new Date(Date.now() - 7 * 86_400_000).toISOString());
  const found = useAnswer(project, (signal) => askRows(project, ACTIVITIES, { week }, signal));
  const planned = useAnswer(`${project} planned`, (signal) => plannedOnes(project, signal));
  const descriptions = useMemo(() => new Map(planned.value?.map(({ activity, description }) => [activity, description])), [planned.value]);
  const all = (found.value?.rows ?? []).map(([name, ...rest]): Cell[] => [name ?? null, descriptions.get(String(name)) ?? "", ...rest]);
  const rows = all.filter(([name, description]) => `${String(name)} ${String(description)}`.toLowerCase().includes(part.toLowerCase()));
  /** Numbers lead to what they count. */
  const counted = (name: string | null, column: number, value: Cell | undefined) => {
    const text = number(Number(value));
    const what = BEHIND[column];
    return what && value ? <Link className="behind" aria-label={`${text}, ${HEAD[column]}: ${name ?? "no name"}`} href={placeOf(project, "sql", { sql: behindActivity(name, what, week) })}>{text}</Link> : text;
  };
  const cell = (row: Cell[] | undefined, column: number) => {
    const value = row?.[column];
    if (column === 0) return value === null || value === undefined ? <span className="null">no name</span> : <Link href={placeOf(project, `data/${encodeURIComponent(String(value))}`)}>{String(value)}</Link>;
    if (column === 1) return String(value ?? "");
    return column >= 5 ? moment(String(value)) : counted(row?.[0] === null || row?.[0] === undefined ? null : String(row[0]), column, value);
  };
  return (
    <section className="card" aria-label="Activities">
      <div className="card-head">
        <h2>Activities</h2>
        <span className="line">
          <label className="field-inline"><span className="soft small">Find</span><input type="search" value={part} onChange={(event) => setPart(event.target.value)} /></label>
          {rows.length > 0 && <button type="button" className="quiet" onClick={() => save(fileName("activities", "csv"), csv(HEAD, rows.map((row) => row.map((value) => (typeof value === "number" ? value : String(value ?? ""))))))}>CSV</button>}
        </span>
      </div>
      {found.value?.rows.length === LISTED_MAX && <p className="soft small">The {number(LISTED_MAX)} most frequent activities are listed.</p>}
      {found.fault ? <Failure fault={found.fault} again={found.again} /> : !found.value ? <Loading what="activities" /> : found.value.rows.length === 0 ? <Empty>Nothing has been sent yet.</Empty>
        : rows.length === 0 ? <Empty>No activity matches.</Empty> : <Grid label="Activities as a table" columns={HEAD.map((name, index) => ({ name, isNumber: index > 1 && index < 5 }))} count={rows.length} cell={(row, column) => cell(rows[row], column)} height={640} />}
    </section>
  );
}
