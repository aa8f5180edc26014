// What a person may ask for: everything that is known of them, and to be forgotten.

import { useEffect, useState } from "react";
import { useAnswer } from "../api/answer";
import { api, fetchSigned, good, Refused, unreachable } from "../api/client";
import { placeOf, useProject } from "../frame/project";
import { go } from "../frame/address";
import { ActDialog } from "../parts/act";
import { useBusy } from "../parts/busy";
import { fileName, save } from "../parts/files";
import { counted, moment } from "../parts/format";
import { Empty, Failure, Loading } from "../parts/states";

const STATES: Record<string, string> = { requested: "requested", hidden: "in no answer; files follow", done: "deleted" };
const LOOK_MS = 3000;

/** Everything in one file; without its last line it is not all. */
async function exportOf(project: string, person: string): Promise<Blob> {
  const path = `/v1/projects/${encodeURIComponent(project)}/persons/${encodeURIComponent(person)}/export`;
  const answer = await fetchSigned(new Request(path, { method: "POST" })).catch(unreachable);
  if (!answer.ok) throw new Refused(answer.status, await answer.json().catch(() => ({})));
  return answer.blob();
}

export function Forget({ person, ids, activities }: { person: string; ids: string[]; activities: number }) {
  const { id: project } = useProject();
  const [isAsked, setAsked] = useState(false);
  const [fault, setFault] = useState<unknown>();
  const [isBusy, begin] = useBusy();
  const take = () => exportOf(project, person).then((file) => save(fileName(`person ${person}`, "ndjson"), file), setFault);
  const forget = () => good(api.DELETE("/v1/projects/{project}/persons/{person}", { params: { path: { project, person } } }));
  return (
    <>
      <button type="button" className="plain" aria-busy={isBusy} onClick={() => (setFault(undefined), begin(take))}>Export all data</button>
      <button type="button" className="plain" onClick={() => setAsked(true)}>Delete this person</button>
      {fault ? <Failure fault={fault} /> : null}
      {isAsked && (
        <ActDialog title="Delete this person?" isDanger does="Delete permanently" hasNoReason act={forget} done={() => go(placeOf(project, "people"))} close={() => setAsked(false)}
          about={<>{counted(activities, "activity", "activities")}, sessions, properties, exposures and merges of <b>{ids.join(", ")}</b> are deleted: from every answer at once, then from files and from the log. This cannot be undone. Later activity with one of these ids belongs to a new person.</>} />
      )}
    </>
  );
}

export function Forgotten() {
  const { id: project } = useProject();
  const all = useAnswer(`${project} erasures`, (signal) => good(api.GET("/v1/projects/{project}/erasures", { params: { path: { project } }, signal })));
  const known = all.value?.erasures ?? [];
  const isUnderWay = known.some(({ state }) => state !== "done");
  useEffect(() => {
    const look = isUnderWay ? setInterval(all.again, LOOK_MS) : undefined;
    return () => clearInterval(look);
  }, [isUnderWay, all.again]);
  return (
    <section className="card" aria-label="Deleted people">
      <h2>Deleted people</h2>
      {all.fault ? <Failure fault={all.fault} again={all.again} /> : !all.value ? <Loading what="requests" /> : known.length === 0 ? <Empty>No deletion was requested yet.</Empty> : (
        <ul className="rows">{known.map(({ id, person_id, state, requested_at }) => (
          <li key={id}><span className="row-text"><b>{person_id}</b><span className="soft small">requested {moment(requested_at)}</span></span><span className="soft small" role="status">{STATES[state] ?? state}</span></li>
        ))}</ul>
      )}
    </section>
  );
}
