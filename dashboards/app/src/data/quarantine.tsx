// What could not be read, by reason, as it was sent; and reading it again.

import { useState } from "react";
import { useAnswer } from "../api/answer";
import { api, good } from "../api/client";
import { askRows } from "../api/rows";
import { useProject } from "../frame/project";
import { ActDialog } from "../parts/act";
import { moment, number, times as often } from "../parts/format";
import { Empty, Failure, Loading } from "../parts/states";

const REASONS = "SELECT reason, count(*) AS times, max(detail) AS detail, min(received_at) AS first_at, max(received_at) AS last_at FROM quarantine WHERE resolved_at IS NULL GROUP BY reason ORDER BY times DESC LIMIT 200";
const ITEMS = "SELECT quarantine_id, received_at, dialect, detail, raw FROM quarantine WHERE resolved_at IS NULL AND reason = $reason ORDER BY received_at DESC LIMIT 20";
const FOLLOWS_MS = 1200;

export function Quarantine() {
  const { id: project, permissions } = useProject();
  const [wanted, setWanted] = useState<string>();
  const [told, setTold] = useState("");
  const found = useAnswer(`${project} quarantine`, (signal) => askRows(project, REASONS, {}, signal));
  const replay = async (reason: string) => {
    const { replayed, quarantined } = await good(api.POST("/v1/projects/{project}/quarantine/replay", { params: { path: { project } }, body: { reason } }));
    setTold(`${number(replayed)} became activity, ${number(quarantined)} still cannot be read.`);
  };
  return (
    <section className="card" aria-label="Quarantine">
      <h2>Quarantine</h2>
      <p role="status" className="soft">{told}</p>
      {found.fault ? <Failure fault={found.fault} again={found.again} /> : !found.value ? <Loading what="the quarantine" /> : found.value.rows.length === 0 ? <Empty>Nothing is in quarantine: everything that was sent could be read.</Empty> : (
        <ul className="rows">{found.value.rows.map(([reason, times, detail, first, last]) => (
          <li key={String(reason)}>
            <div className="row-text">
              <span><b>{String(reason)}</b> <span className="soft small">{often(Number(times))}, from {moment(String(first))} to {moment(String(last))}</span></span>
              <span className="small">{String(detail)}</span>
              <Items reason={String(reason)} />
            </div>
            {permissions.has("jobs.write") && <button type="button" className="plain" aria-label={`Replay: ${String(reason)}`} onClick={() => setWanted(String(reason))}>Replay</button>}
          </li>
        ))}</ul>
      )}
      {wanted && <ActDialog title={`Replay ${wanted}?`} about="Every item with this reason is read again, under the limits and the tracking plan of now. What can be taken in becomes activity, at its original time." does="Replay" hasNoReason act={() => replay(wanted)} done={() => setTimeout(found.again, FOLLOWS_MS)} close={() => setWanted(undefined)} />}
    </section>
  );
}

function Items({ reason }: { reason: string }) {
  const project = useProject().id;
  const [isOpen, setOpen] = useState(false);
  const found = useAnswer(isOpen ? `${project} ${reason}` : undefined, (signal) => askRows(project, ITEMS, { reason }, signal));
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary className="small">Latest items</summary>
      {!isOpen ? null : found.fault ? <Failure fault={found.fault} again={found.again} /> : !found.value ? <Loading what="items" /> : found.value.rows.map(([id, at, dialect, detail, raw]) => (
        <div key={String(id)} className="stack"><span className="soft small">{moment(String(at))} · {String(dialect)} · {String(detail)}</span><pre className="command" tabIndex={0}>{String(raw)}</pre></div>
      ))}
    </details>
  );
}
