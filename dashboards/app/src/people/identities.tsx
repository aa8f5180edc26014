// Which ids one person carried, what joined them, and taking a joining back.

import { useEffect, useRef, useState } from "react";
import { useAnswer } from "../api/answer";
import { api, good } from "../api/client";
import { askRows } from "../api/rows";
import { go } from "../frame/address";
import { placeOf, useProject } from "../frame/project";
import { ActDialog } from "../parts/act";
import { TextField } from "../parts/field";
import { counted, moment } from "../parts/format";
import { Failure, Loading } from "../parts/states";

const IDS = "SELECT distinct_id, identified, first_seen, activities FROM person_ids WHERE person_id = $person ORDER BY first_seen LIMIT 200";
const MERGES = `SELECT merge_id, kind, from_distinct_id, into_distinct_id, timestamp, outcome, undone FROM person_merges
WHERE kind <> 'undo' AND (from_distinct_id IN (SELECT distinct_id FROM person_ids WHERE person_id = $person) OR into_distinct_id IN (SELECT distinct_id FROM person_ids WHERE person_id = $person))
ORDER BY sequence DESC LIMIT 100`;
const OWNER = "SELECT person_id FROM person_ids WHERE distinct_id = $id";
const KINDS: Record<string, string> = { identify: "signed in", alias: "alias", merge: "merged" };
/** The tables follow the log within a second. */
const FOLLOWS_MS = 1200;

export function Identities({ person, ids, changed }: { person: string; ids: string[]; changed: () => void }) {
  const { id: project, permissions } = useProject();
  const [isJoining, setJoining] = useState(false);
  const [into, setInto] = useState("");
  const [undone, setUndone] = useState<string>();
  const known = useAnswer(`${project} ${person} ids`, (signal) => askRows(project, IDS, { person }, signal));
  const merges = useAnswer(`${project} ${person} merges`, (signal) => askRows(project, MERGES, { person }, signal));
  const mayChange = permissions.has("persons.write");
  const isHere = useRef(true);
  useEffect(() => {
    isHere.current = true;
    return () => void (isHere.current = false);
  }, []);
  // Joined ids may be another person's now: the page follows the first of them, while somebody is on it.
  const follow = async () => {
    const [found] = (await askRows(project, OWNER, { id: ids[0] ?? "" }).catch(() => ({ rows: [] }))).rows;
    if (!isHere.current) return;
    if (found && found[0] !== person) return go(placeOf(project, `people/${encodeURIComponent(String(found[0]))}`));
    known.again();
    merges.again();
    changed();
  };
  const followed = () => setTimeout(() => void follow(), FOLLOWS_MS);
  const join = () => good(api.POST("/v1/projects/{project}/persons/merges", { params: { path: { project } }, body: { from: into.trim(), into: ids[0] ?? "" } }));
  const undo = (merge: string) => good(api.POST("/v1/projects/{project}/persons/merges/{merge}/undo", { params: { path: { project, merge } } }));
  return (
    <section className="card" aria-label="Identities">
      <div className="card-head"><h2>Identities</h2>{mayChange && <button type="button" className="plain" onClick={() => setJoining(true)}>Merge another id</button>}</div>
      {known.fault ? <Failure fault={known.fault} again={known.again} /> : !known.value ? <Loading what="ids" /> : (
        <ul className="rows">{known.value.rows.map(([id, identified, since, activities]) => (
          <li key={String(id)}><span className="row-text"><b>{String(id)}</b><span className="soft small">{identified ? "signed in" : "anonymous"} · since {moment(String(since))}</span></span><span className="soft small">{counted(Number(activities), "activity", "activities")}</span></li>
        ))}</ul>
      )}
      {merges.fault ? <Failure fault={merges.fault} again={merges.again} /> : merges.value && merges.value.rows.length > 0 && (
        <>
          <h3>Merges</h3>
          <ul className="rows">{merges.value.rows.map(([id, kind, from, to, at, outcome, isUndone]) => (
            <li key={String(id)}>
              <span className="row-text"><span><b>{String(from)}</b> into <b>{String(to)}</b></span><span className="soft small">{KINDS[String(kind)] ?? String(kind)} · {moment(String(at))} · {isUndone ? "undone" : String(outcome).replaceAll("_", " ")}</span></span>
              {mayChange && !isUndone && outcome === "applied" && <button type="button" className="plain" aria-label={`Undo: ${String(from)} into ${String(to)}`} onClick={() => setUndone(String(id))}>Undo</button>}
            </li>
          ))}</ul>
        </>
      )}
      {isJoining && (
        <ActDialog title="Merge another id" about={<>Everything under that id becomes part of <b>{ids[0]}</b>, past activity included. This can be undone.</>} does="Merge" hasNoReason isReady={into.trim() !== "" && !ids.includes(into.trim())} act={join} done={followed} close={() => setJoining(false)}>
          <TextField label="Id" value={into} set={setInto} hint="Any id of the other person." />
        </ActDialog>
      )}
      {undone && <ActDialog title="Undo this merge?" about="The ids belong to the people that they would without it, for past activity too." does="Undo the merge" hasNoReason act={() => undo(undone)} done={followed} close={() => setUndone(undefined)} />}
    </section>
  );
}
