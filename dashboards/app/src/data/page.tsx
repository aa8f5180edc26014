// Data: which activities there are, what they carry, and what was put into quarantine.

import { useAnswer } from "../api/answer";
import { askRows, type Cell } from "../api/rows";
import { useProject } from "../frame/project";
import { moment, number } from "../parts/format";
import { Grid } from "../parts/grid";
import { Empty, Failure, Loading, PageHead } from "../parts/states";

const TABLES = [
  { title: "Activities", none: "Nothing was sent yet.", head: ["name", "times", "people", "first", "last"], sql: "SELECT event, count(*) AS times, count(DISTINCT person_id) AS people, min(timestamp), max(timestamp) FROM activity GROUP BY event ORDER BY times DESC LIMIT 1000" },
  { title: "Properties", none: "No activity carries properties yet.", head: ["name", "times", "example"], sql: "SELECT name, count(*) AS times, max(json_as_text(properties, name)) AS example FROM (SELECT properties, unnest(json_object_keys(properties)) AS name FROM (SELECT properties FROM activity ORDER BY timestamp DESC LIMIT 50000)) GROUP BY name ORDER BY times DESC LIMIT 500", about: "Of the newest 50,000 activities." },
  { title: "Quarantine", none: "Everything that was sent could be read.", head: ["reason", "times", "detail", "last"], sql: "SELECT reason, count(*) AS times, max(detail), max(received_at) FROM quarantine WHERE resolved_at IS NULL GROUP BY reason ORDER BY times DESC LIMIT 200" },
];

export default function Data() {
  return (
    <>
      <PageHead title="Data" about="What arrives, by name; and what could not be read." />
      {TABLES.map((table) => <Counted key={table.title} {...table} />)}
    </>
  );
}

const cellOf = (cell: Cell | undefined, name: string) => {
  if (cell === null || cell === undefined) return <span className="null">null</span>;
  if (name === "first" || name === "last") return moment(String(cell));
  return typeof cell === "number" ? number(cell) : String(cell);
};

function Counted({ title, none, head, sql, about }: (typeof TABLES)[number]) {
  const project = useProject().id;
  const found = useAnswer(`${project} ${title}`, (signal) => askRows(project, sql, {}, signal));
  const rows = found.value?.rows;
  return (
    <section className="card" aria-label={title}>
      <div className="card-head"><h2>{title}</h2>{about && <span className="soft small">{about}</span>}</div>
      {found.fault ? <Failure fault={found.fault} again={found.again} /> : !rows ? <Loading what={title.toLowerCase()} /> : rows.length === 0 ? <Empty>{none}</Empty>
        : <Grid label={`${title} as a table`} columns={head.map((name) => ({ name, isNumber: name === "times" || name === "people" }))} count={rows.length} cell={(row, column) => cellOf(rows[row]?.[column], head[column] ?? "")} />}
    </section>
  );
}
