// Who changed what, when and why, and the way back to an earlier definition.

import { useState } from "react";
import { useActors } from "../api/actors";
import { useAnswer } from "../api/answer";
import { revisionsOf, rolledBack, type Kind, type Revision } from "../api/definitions";
import { useProject } from "../frame/project";
import { ActDialog } from "./act";
import { moment } from "./format";
import { Failure, Loading } from "./states";

interface History {
  kind: Kind;
  item: string;
  /** The revision that stands now, as a change has to name it. */
  tag?: string;
  mayChange: boolean;
  changed: () => void;
}

const ACTS: Record<string, string> = { create: "Made", change: "Changed", rollback: "Rolled back", switch: "Switched", remove: "Removed", ask_review: "Review asked for", approve: "Approved", redraft: "Made a draft again", start: "Started", new_phase: "New phase", stop: "Stopped", ship: "Shipped", roll_back: "Rolled back to control", reweigh: "Weights changed by what was seen", switch_window: "Next window", scheduled: "Changed as planned" };
const SHOWN = 20;

export function History({ kind, item, tag, mayChange, changed }: History) {
  const { id: project, organisation_id } = useProject();
  const nameOf = useActors(organisation_id);
  const [wanted, setWanted] = useState<Revision>();
  const [all, setAll] = useState(false);
  const found = useAnswer(`${project} ${kind} ${item} ${tag ?? ""}`, (signal) => revisionsOf(project, kind, item, signal));
  if (found.fault) return <Failure fault={found.fault} again={found.again} />;
  if (!found.value) return <Loading what="the history" />;
  return (
    <>
      <ol className="rows">
        {found.value.slice(0, all ? undefined : SHOWN).map((one, index) => (
          <li key={one.revision}>
            <div className="row-text">
              <span><b>{ACTS[one.act] ?? one.act}</b> <span className="soft small">revision {one.revision} · {nameOf(one.actor)} · {moment(one.at)}</span></span>
              {one.reason && <span>{one.reason}</span>}
              {one.changes.length > 0 && one.act !== "create" && <Changes changes={one.changes} />}
            </div>
            {mayChange && index > 0 && one.definition !== null && <button type="button" className="plain" aria-label={`Go back to this: revision ${one.revision}`} onClick={() => setWanted(one)}>Go back to this</button>}
          </li>
        ))}
      </ol>
      {!all && found.value.length > SHOWN && <button type="button" className="link" onClick={() => setAll(true)}>All {found.value.length} revisions</button>}
      {wanted && <ActDialog title={`Back to revision ${wanted.revision}?`} about={`The definition of ${moment(wanted.at)} becomes the present one, as a new revision. Nothing is lost.`} does="Go back" act={(reason) => rolledBack(project, kind, item, tag ?? "*", wanted.revision, reason || undefined)} done={changed} close={() => setWanted(undefined)} />}
    </>
  );
}

const short = (value: unknown) => {
  const text = value === null || value === undefined ? "nothing" : JSON.stringify(value);
  return text.length > 160 ? `${text.slice(0, 160)}…` : text;
};

function Changes({ changes }: { changes: Revision["changes"] }) {
  return (
    <details>
      <summary className="small">{changes.length === 1 ? "One change" : `${changes.length} changes`}</summary>
      <ul className="changes">{changes.map(({ pointer, before, after }) => <li key={pointer}><code>{pointer.replace(/^\/definition\//, "")}</code><del>{short(before)}</del><ins>{short(after)}</ins></li>)}</ul>
    </details>
  );
}
