// Which ids one person carried, and what joined them.

import { useAnswer } from "../api/answer";
import { askRows } from "../api/rows";
import { useProject } from "../frame/project";
import { moment, number } from "../parts/format";
import { Failure, Loading } from "../parts/states";

const IDS = "SELECT distinct_id, identified, first_seen, activities FROM person_ids WHERE person_id = $person ORDER BY first_seen LIMIT 200";
const MERGES = `SELECT merge_id, kind, from_distinct_id, into_distinct_id, timestamp, outcome, undone FROM person_merges
WHERE kind <> 'undo' AND (from_distinct_id IN (SELECT distinct_id FROM person_ids WHERE person_id = $person) OR into_distinct_id IN (SELECT distinct_id FROM person_ids WHERE person_id = $person))
ORDER BY sequence DESC LIMIT 100`;
const KINDS: Record<string, string> = { identify: "signed in", alias: "an alias", merge: "joined by a merge" };

export function Identities({ person }: { person: string }) {
  const project = useProject().id;
  const known = useAnswer(`${project} ${person} ids`, (signal) => askRows(project, IDS, { person }, signal));
  const merges = useAnswer(`${project} ${person} merges`, (signal) => askRows(project, MERGES, { person }, signal));
  return (
    <section className="card" aria-label="Identities">
      <h2>Identities</h2>
      {known.fault ? <Failure fault={known.fault} again={known.again} /> : !known.value ? <Loading what="ids" /> : (
        <ul className="rows">{known.value.rows.map(([id, identified, since, activities]) => (
          <li key={String(id)}><span className="row-text"><b>{String(id)}</b><span className="soft small">{identified ? "a known user" : "anonymous"} · since {moment(String(since))}</span></span><span className="soft small">{number(Number(activities))} activities</span></li>
        ))}</ul>
      )}
      {merges.fault ? <Failure fault={merges.fault} again={merges.again} /> : merges.value && merges.value.rows.length > 0 && (
        <>
          <h3>Joined</h3>
          <ul className="rows">{merges.value.rows.map(([id, kind, from, to, at, outcome, isUndone]) => (
            <li key={String(id)}><span className="row-text"><span><b>{String(from)}</b> into <b>{String(to)}</b></span><span className="soft small">{KINDS[String(kind)] ?? String(kind)} · {moment(String(at))} · {isUndone ? "taken back" : String(outcome).replaceAll("_", " ")}</span></span></li>
          ))}</ul>
          <p className="soft small">A joining is taken back by <code>footfall identity undo</code>.</p>
        </>
      )}
    </section>
  );
}
