// People: found by an id, or the newest; one person's facts, ids and timeline.

import { useState } from "react";
import { useAnswer } from "../api/answer";
import { askRows, type Cell } from "../api/rows";
import { Link } from "../frame/link";
import { placeOf, useProject } from "../frame/project";
import { ago, moment, number } from "../parts/format";
import { Empty, Failure, Loading, PageHead } from "../parts/states";

const FOUND = `SELECT person_id, last_seen, activities, distinct_ids FROM persons
WHERE $part = '' OR person_id = $part OR person_id IN (SELECT person_id FROM person_ids WHERE distinct_id LIKE $part || '%')
ORDER BY last_seen DESC LIMIT 100`;
const ONE = "SELECT first_seen, last_seen, activities, identified, properties, distinct_ids FROM persons WHERE person_id = $person";
const TIMELINE = "SELECT timestamp, event, properties, country, city, os FROM activity WHERE person_id = $person ORDER BY timestamp DESC LIMIT 300";

export default function People({ rest: [person] }: { rest: string[] }) {
  return person ? <Person person={person} /> : <Found />;
}

const ids = (cell: Cell | undefined) => (Array.isArray(cell) ? cell.map(String) : [String(cell ?? "")]);

function Found() {
  const project = useProject().id;
  const [part, setPart] = useState("");
  const people = useAnswer(`${project} ${part}`, (signal) => askRows(project, FOUND, { part }, signal));
  return (
    <>
      <PageHead title="People" about="One human each, whatever ids they carried.">
        <label className="field-inline"><span className="soft small">Find by the beginning of an id</span><input type="search" value={part} onChange={(event) => setPart(event.target.value)} /></label>
      </PageHead>
      <section className="card" aria-label="People found">
        {people.fault ? <Failure fault={people.fault} again={people.again} /> : !people.value ? <Loading what="people" /> : (
          <ul className="rows">
            {people.value.rows.map(([id, last, activities, distinct]) => (
              <li key={String(id)}><Link href={placeOf(project, `people/${encodeURIComponent(String(id))}`)}>{ids(distinct)[0]}</Link><span className="soft small">{number(Number(activities))} activities · last {ago(String(last))}</span></li>
            ))}
          </ul>
        )}
        {people.value?.rows.length === 0 && <Empty>Nobody has such an id.</Empty>}
      </section>
    </>
  );
}

function Person({ person }: { person: string }) {
  const project = useProject().id;
  const facts = useAnswer(`${project} ${person}`, (signal) => askRows(project, ONE, { person }, signal));
  const timeline = useAnswer(`${project} ${person} t`, (signal) => askRows(project, TIMELINE, { person }, signal));
  const [first, last, activities, identified, properties, distinct] = facts.value?.rows[0] ?? [];
  return (
    <>
      <PageHead title={facts.value ? ids(distinct)[0] || "Nobody" : "Person"} about={<Link href={placeOf(project, "people")}>All people</Link>} />
      {facts.fault ? <Failure fault={facts.fault} again={facts.again} /> : null}
      {facts.value?.rows.length === 0 && <Empty>There is no such person any more; their ids may belong to another one now.</Empty>}
      {first !== undefined && (
        <section className="card" aria-label="Facts">
          <dl className="facts">
            <dt>Ids</dt><dd>{ids(distinct).join(", ")}</dd>
            <dt>First seen</dt><dd>{moment(String(first))}</dd>
            <dt>Last seen</dt><dd>{moment(String(last))}</dd>
            <dt>Activities</dt><dd>{number(Number(activities))}</dd>
            <dt>Identified</dt><dd>{identified ? "yes" : "no"}</dd>
            <dt>Properties</dt><dd><code>{String(properties)}</code></dd>
          </dl>
        </section>
      )}
      <section className="card" aria-label="Timeline">
        <h2>Timeline</h2>
        {timeline.fault ? <Failure fault={timeline.fault} again={timeline.again} /> : !timeline.value ? <Loading what="the timeline" /> : (
          <ol className="timeline">
            {timeline.value.rows.map(([at, event, properties, country, city, os], index) => (
              <li key={index}><i className="dot" aria-hidden="true" /><div><b>{String(event)}</b> <span className="soft small">{[city, country, os].filter(Boolean).join(" · ")}</span><p>{String(properties ?? "")}</p></div><time dateTime={String(at)}>{moment(String(at))}</time></li>
            ))}
          </ol>
        )}
      </section>
    </>
  );
}
