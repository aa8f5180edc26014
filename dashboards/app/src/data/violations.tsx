// The plan of a project: what becomes of what is not in it, its activities, and what was found otherwise, each with an example.

import { useState } from "react";
import { useAnswer } from "../api/answer";
import { askRows } from "../api/rows";
import { Link } from "../frame/link";
import { placeOf, useProject } from "../frame/project";
import { ChoiceField } from "../parts/field";
import { moment, times } from "../parts/format";
import { Empty, Failure, Loading } from "../parts/states";
import { planOf, plannedOnes, setUnplanned, violationsOf, type Unplanned, type Violation } from "./plan";
import { told } from "./told";

const UNPLANNED = [["allow", "Accept them"], ["count", "Accept them, and count them below"], ["refuse", "Quarantine them"]] as const;
// Read under the reader's policy: who sees a part of the activity sees no more here.
const ACCEPTED = "SELECT properties FROM activity WHERE message_id = $id AND timestamp = $at LIMIT 1";
const QUARANTINED = "SELECT raw FROM quarantine WHERE quarantine_id = $id LIMIT 1";

export function Plan() {
  const { id: project, permissions } = useProject();
  const plan = useAnswer(`${project} plan`, (signal) => planOf(project, signal));
  const planned = useAnswer(`${project} planned`, (signal) => plannedOnes(project, signal));
  const violations = useAnswer(`${project} violations`, (signal) => violationsOf(project, undefined, signal));
  const [fault, setFault] = useState<unknown>();
  const choose = (unplanned: string) => (setFault(undefined), void setUnplanned(project, plan.value?.tag ?? "*", unplanned as Unplanned).then(plan.again, setFault));
  return (
    <>
      <section className="card" aria-label="Tracking plan">
        <h2>Tracking plan</h2>
        <p className="soft">What activities should look like. Each is described on its own page.</p>
        {plan.fault ? <Failure fault={plan.fault} again={plan.again} /> : !plan.value ? <Loading what="the plan" /> : (
          <ChoiceField label="Activities that are not in the plan" value={plan.value.content.unplanned} options={UNPLANNED} isDisabled={!permissions.has("jobs.write")} set={choose} hint="Names that begin with $ belong to the SDKs and are always accepted." />
        )}
        {fault ? <Failure fault={fault} /> : null}
        {planned.fault ? <Failure fault={planned.fault} again={planned.again} /> : !planned.value ? <Loading what="its activities" /> : planned.value.length === 0 ? <Empty>No activity is described yet.</Empty> : (
          <ul className="rows">{planned.value.map(({ activity, description, owner, schema, on_violation }) => (
            <li key={activity}><span className="row-text"><Link href={placeOf(project, `data/${encodeURIComponent(activity)}`)}>{activity}</Link><span className="small">{description}</span></span><span className="soft small">{[owner, schema ? (on_violation === "refuse" ? "quarantines" : "checked") : ""].filter(Boolean).join(" · ")}</span></li>
          ))}</ul>
        )}
      </section>
      <section className="card" aria-label="Violations">
        <div className="card-head"><h2>Violations</h2><button type="button" className="quiet" onClick={violations.again}>Refresh</button></div>
        {violations.fault ? <Failure fault={violations.fault} again={violations.again} /> : !violations.value ? <Loading what="violations" /> : violations.value.length === 0 ? <Empty>No violations.</Empty> : <ViolationList found={violations.value} hasNames />}
      </section>
    </>
  );
}

export function ViolationList({ found, hasNames }: { found: Violation[]; hasNames?: boolean }) {
  const project = useProject().id;
  return (
    <ul className="rows">{[...found].sort((a, b) => b.times - a.times).map((one) => (
      <li key={`${one.activity} ${one.kind} ${one.path} ${one.fate}`}>
        <div className="row-text">
          <span>{hasNames && <><Link href={placeOf(project, `data/${encodeURIComponent(one.activity)}`)}>{one.activity}</Link>: </>}<b>{told(one)}</b></span>
          <span className="soft small">{times(one.times)} {one.fate}, from {moment(one.first_at)} to {moment(one.last_at)}</span>
          <Example of={one} />
        </div>
      </li>
    ))}</ul>
  );
}

function Example({ of: { fate, example_id: id, example_at: at } }: { of: Violation }) {
  const { id: project, permissions } = useProject();
  const [isOpen, setOpen] = useState(false);
  const ask = (signal: AbortSignal) => (fate === "accepted" ? askRows(project, ACCEPTED, { id, at }, signal) : askRows(project, QUARANTINED, { id }, signal));
  const found = useAnswer(isOpen ? `${project} ${id}` : undefined, ask);
  if (!permissions.has("sql.run")) return null;
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary className="small">Latest example</summary>
      {!isOpen ? null : found.fault ? <Failure fault={found.fault} again={found.again} /> : !found.value ? <Loading what="it" /> : found.value.rows.length === 0 ? <Empty>It is not in the tables yet, or you may not see it.</Empty> : <pre className="command" tabIndex={0}>{String(found.value.rows[0]?.[0] ?? "no properties")}</pre>}
    </details>
  );
}
