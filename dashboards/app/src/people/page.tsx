// People: found by an id, or the newest; one person's facts, ids, flags and timeline.

import { useState } from "react";
import { useAnswer } from "../api/answer";
import { askFile, askRows, type Cell } from "../api/rows";
import { useText } from "../frame/address";
import { Link } from "../frame/link";
import { placeOf, useProject } from "../frame/project";
import { useBusy } from "../parts/busy";
import { fileName, save } from "../parts/files";
import { ago, counted, moment, number } from "../parts/format";
import { Empty, Failure, Loading, PageHead } from "../parts/states";
import { Forget, Forgotten } from "./forget";
import { Identities } from "./identities";
import { Seen } from "./seen";
import { Timeline } from "./timeline";

const FOUND_MAX = 100;
const FOUND = `SELECT person_id, last_seen, activities, distinct_ids FROM persons
WHERE $part = '' OR person_id = $part OR lower(properties->>'email') = lower($part) OR lower(properties->>'$email') = lower($part)
OR person_id IN (SELECT person_id FROM person_ids WHERE starts_with(distinct_id, $part))
ORDER BY last_seen DESC LIMIT ${FOUND_MAX}`;
const ONE = "SELECT first_seen, last_seen, activities, identified, properties, distinct_ids FROM persons WHERE person_id = $person";

export default function People({ rest: [person] }: { rest: string[] }) {
  return person ? <Person person={person} /> : <Found />;
}

export const idsOf = (cell: Cell | undefined) => (Array.isArray(cell) ? cell.map(String) : cell ? [String(cell)] : []);

function Found() {
  const { id: project, permissions } = useProject();
  const [part, setPart] = useText("find");
  const people = useAnswer(`${project} ${part}`, (signal) => askRows(project, FOUND, { part }, signal));
  return (
    <>
      <PageHead title="People" about="One entry per person, whatever ids they were seen under.">
        <label className="field-inline"><span className="soft small">Find by the beginning of an id, or an e-mail address</span><input type="search" value={part} onChange={(event) => setPart(event.target.value)} /></label>
      </PageHead>
      <section className="card" aria-label="People found">
        {people.fault ? <Failure fault={people.fault} again={people.again} /> : !people.value ? <Loading what="people" /> : (
          <ul className="rows">
            {people.value.rows.map(([id, last, activities, distinct]) => (
              <li key={String(id)}><Link href={placeOf(project, `people/${encodeURIComponent(String(id))}`)}>{idsOf(distinct)[0] ?? String(id)}</Link><span className="soft small">{counted(Number(activities), "activity", "activities")} · last {ago(String(last))}</span></li>
            ))}
          </ul>
        )}
        {people.value?.rows.length === FOUND_MAX && <p className="soft small">The {FOUND_MAX} who were active last. Search to find others.</p>}
        {people.value?.rows.length === 0 && <Empty>{part ? "Nobody has such an id." : "Nobody has been here yet."}</Empty>}
      </section>
      {permissions.has("persons.erase") && <Forgotten />}
    </>
  );
}

const EVERYTHING = "SELECT * FROM activity WHERE person_id = $person ORDER BY timestamp";

function Person({ person }: { person: string }) {
  const { id: project, permissions } = useProject();
  const [fault, setFault] = useState<unknown>();
  const [, begin] = useBusy();
  const take = () => askFile(project, EVERYTHING, { person }, "application/x-ndjson").then((file) => save(fileName(`person ${person}`, "ndjson"), file), setFault);
  const facts = useAnswer(`${project} ${person}`, (signal) => askRows(project, ONE, { person }, signal));
  const [first, last, activities, identified, properties, distinct] = facts.value?.rows[0] ?? [];
  const ids = idsOf(distinct);
  return (
    <>
      <PageHead title={facts.value ? ids[0] || "Unknown person" : "Person"} about={<Link href={placeOf(project, "people")}>All people</Link>}>
        {permissions.has("activity.export") && first !== undefined && <button type="button" className="plain" onClick={() => (setFault(undefined), begin(take))}>Export activity</button>}
        {permissions.has("persons.erase") && first !== undefined && <Forget person={person} ids={ids} activities={Number(activities)} />}
      </PageHead>
      {fault ? <Failure fault={fault} /> : null}
      {facts.fault ? <Failure fault={facts.fault} again={facts.again} /> : null}
      {facts.value?.rows.length === 0 && <Empty>There is no such person any more. Their ids may belong to another person now.</Empty>}
      {first !== undefined && (
        <div className="columns">
          <div className="stack">
          <section className="card" aria-label="Facts">
            <h2>Facts</h2>
            <dl className="facts">
              <dt>First seen</dt><dd>{moment(String(first))}</dd>
              <dt>Last seen</dt><dd>{moment(String(last))}</dd>
              <dt>Activities</dt><dd>{number(Number(activities))}</dd>
              <dt>Identified</dt><dd>{identified ? "yes" : "no"}</dd>
            </dl>
            <Properties text={String(properties ?? "")} />
          </section>
          <Seen person={person} id={ids[0] ?? ""} />
          </div>
          <Identities person={person} ids={ids} changed={facts.again} />
        </div>
      )}
      <Timeline person={person} />
    </>
  );
}

function Properties({ text }: { text: string }) {
  const known = Object.entries(objectOf(text));
  if (known.length === 0) return <p className="soft small">No properties are known.</p>;
  return (
    <>
      <h3>Properties</h3>
      <dl className="facts">{known.map(([name, value]) => [<dt key={`${name} t`}>{name}</dt>, <dd key={name}>{typeof value === "string" ? value : JSON.stringify(value)}</dd>])}</dl>
    </>
  );
}

export function objectOf(text: string): Record<string, unknown> {
  try {
    const read: unknown = JSON.parse(text);
    return typeof read === "object" && read !== null && !Array.isArray(read) ? (read as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
