// What one person did, the newest first, day by day; any activity opens to its properties.

import { useEffect, useState } from "react";
import { useAnswer } from "../api/answer";
import { askRows, type Cell } from "../api/rows";
import { useText } from "../frame/address";
import { useProject } from "../frame/project";
import { Select } from "../parts/choice";
import { Empty, Failure, Loading } from "../parts/states";
import { objectOf } from "./page";

const PAGE = 100;
const TIMELINE = `SELECT timestamp, event, properties, country, city, os, app_version, distinct_id, message_id FROM activity
WHERE person_id = $person AND ($event = '' OR event = $event)
AND (timestamp < $before OR (timestamp = $before AND message_id > $last)) ORDER BY timestamp DESC, message_id LIMIT ${PAGE}`;
const EVENTS = "SELECT event, count(*) AS times FROM activity WHERE person_id = $person GROUP BY event ORDER BY times DESC LIMIT 100";
/** Where a page begins: behind its predecessor's last row, of whose time there may be more. */
interface Position {
  before: string;
  last: string;
}
const END: Position = { before: "2200-01-01T00:00:00Z", last: "" };

const dayOf = (at: Cell | undefined) => new Date(String(at)).toLocaleDateString("en-GB", { weekday: "long", day: "numeric", month: "long", year: "numeric" });
const hourOf = (at: Cell | undefined) => new Date(String(at)).toLocaleTimeString("en-GB");

const positionOf = (row: Cell[] | undefined): Position => (row ? { before: String(row[0]), last: String(row[8]) } : END);

export function Timeline({ person }: { person: string }) {
  const project = useProject().id;
  const [event, setEvent] = useText("event");
  const [from, setFrom] = useState(END);
  const [rows, setRows] = useState<Cell[][]>([]);
  const events = useAnswer(`${project} ${person} events`, (signal) => askRows(project, EVENTS, { person }, signal));
  const page = useAnswer(`${project} ${person} ${event} ${from.before} ${from.last}`, async (signal) => ({ from, rows: (await askRows(project, TIMELINE, { person, event, ...from }, signal)).rows }));
  useEffect(() => {
    // Until the next page is there, the answer is that of the one before.
    const { value } = page;
    if (value?.from === from) setRows((old) => (from === END ? value.rows : [...old, ...value.rows]));
  }, [page.value, from]);
  const choose = (event: string) => {
    setEvent(event);
    setFrom(END);
  };
  const hasMore = (page.value?.rows.length ?? 0) === PAGE;
  const days = [...new Set(rows.map(([at]) => dayOf(at)))];
  return (
    <section className="card" aria-label="Timeline">
      <div className="card-head"><h2>Timeline</h2><Select label="Activity" value={event} options={[["", "all activities"] as const, ...(events.value?.rows ?? []).map(([name, times]) => [String(name), `${String(name)} (${String(times)})`] as const)]} choose={choose} /></div>
      {page.fault ? <Failure fault={page.fault} again={page.again} /> : rows.length === 0 ? (page.isAsking ? <Loading what="the timeline" /> : <Empty>No activity to show.</Empty>) : days.map((day) => (
        <section key={day} aria-label={day}>
          <h3 className="day">{day}</h3>
          <ol className="timeline">{rows.filter(([at]) => dayOf(at) === day).map((row) => <Happened key={String(row[8])} row={row} />)}</ol>
        </section>
      ))}
      {hasMore && <button type="button" className="plain" disabled={page.isAsking} onClick={() => setFrom(positionOf(rows.at(-1)))}>Earlier</button>}
    </section>
  );
}

function Happened({ row: [at, event, properties, country, city, os, version, id] }: { row: Cell[] }) {
  const known = Object.entries(objectOf(String(properties ?? "")));
  const where = [city, country, os, version].filter(Boolean).join(" · ");
  return (
    <li>
      <i className="dot" aria-hidden="true" />
      <details>
        <summary><b>{String(event)}</b> <span className="soft small">{known.slice(0, 3).map(([name, value]) => `${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`).join(" · ")}</span></summary>
        <dl className="facts">
          {known.map(([name, value]) => [<dt key={`${name} t`}>{name}</dt>, <dd key={name}>{typeof value === "string" ? value : JSON.stringify(value)}</dd>])}
          {where && <><dt>From</dt><dd>{where}</dd></>}
          <dt>Id</dt><dd>{String(id)}</dd>
        </dl>
      </details>
      <time dateTime={String(at)}>{hourOf(at)}</time>
    </li>
  );
}
