// What one activity is meant to be: description, owner, schema; changed here, with its history and what was found otherwise.

import { useState } from "react";
import { useActors } from "../api/actors";
import { useAnswer } from "../api/answer";
import { askRows } from "../api/rows";
import { useProject } from "../frame/project";
import { ActDialog } from "../parts/act";
import { Dialog } from "../parts/dialog";
import { useDraft } from "../parts/draft";
import { ChoiceField, TextField } from "../parts/field";
import { moment } from "../parts/format";
import { Empty, Failure, Loading } from "../parts/states";
import { UnsavedNotice } from "../parts/unsaved";
import { forgetViolations, keep, plannedOne, revisionsOf, takeOut, violationsOf, type Planned as Kept, type Wanted } from "./plan";
import { PROPERTIES, seenOf } from "./properties";
import { schemaOf } from "./told";
import { ViolationList } from "./violations";

const ON_VIOLATION = [["count", "Accept and count it"], ["refuse", "Quarantine and count it"]] as const;
const CARRIED = "SELECT count(*) FROM (SELECT properties FROM activity WHERE event = $activity ORDER BY timestamp DESC LIMIT 50000)";

export function Planned({ activity }: { activity: string }) {
  const { id: project, permissions } = useProject();
  const found = useAnswer(`${project} ${activity} planned`, (signal) => plannedOne(project, activity, signal));
  const violations = useAnswer(`${project} ${activity} violations`, (signal) => violationsOf(project, activity, signal));
  const [open, setOpen] = useState<"change" | "remove" | "history" | "forget">();
  const again = () => (found.again(), violations.again());
  const planned = found.value?.planned;
  return (
    <section className="card" aria-label="Tracking plan">
      <div className="card-head">
        <h2>Tracking plan</h2>
        <span className="line">
          {found.value && permissions.has("dashboards.write") && <button type="button" className="plain" onClick={() => setOpen("change")}>{planned ? "Change" : "Describe"}</button>}
          {planned && <button type="button" className="quiet" onClick={() => setOpen("history")}>History</button>}
          {planned && permissions.has("jobs.write") && <button type="button" className="quiet" onClick={() => setOpen("remove")}>Remove from the plan</button>}
        </span>
      </div>
      {found.fault ? <Failure fault={found.fault} again={found.again} /> : !found.value ? <Loading what="the plan" /> : !planned ? <Empty>Not described yet.</Empty> : <Said planned={planned} />}
      {violations.fault ? <Failure fault={violations.fault} again={violations.again} /> : violations.value && violations.value.length > 0 && (
        <>
          <div className="card-head"><h3>Violations</h3>{permissions.has("jobs.write") && <button type="button" className="quiet" onClick={() => setOpen("forget")}>Reset the counts</button>}</div>
          <ViolationList found={violations.value} />
        </>
      )}
      {open === "change" && found.value && <Editor activity={activity} planned={planned} tag={found.value.tag} done={again} close={() => setOpen(undefined)} />}
      {open === "remove" && <ActDialog title={`Remove ${activity} from the plan?`} about="Its description and schema are removed; the history keeps them. Violations stay counted." does="Remove it" isDanger hasNoReason act={() => takeOut(project, activity, found.value?.tag ?? "*")} done={again} close={() => setOpen(undefined)} />}
      {open === "forget" && <ActDialog title="Reset the counts?" about="Violations found so far are forgotten; the activities themselves stay." does="Reset" hasNoReason act={() => forgetViolations(project, activity)} done={again} close={() => setOpen(undefined)} />}
      {open === "history" && <History activity={activity} close={() => setOpen(undefined)} />}
    </section>
  );
}

function Said({ planned }: { planned: Kept }) {
  const properties = Object.entries((planned.schema?.["properties"] ?? {}) as Record<string, { description?: string }>).filter(([, rules]) => rules?.description);
  return (
    <>
      <p>{planned.description || <span className="soft">No description.</span>}</p>
      <p className="soft small">{planned.owner && `Owner: ${planned.owner}. `}{planned.schema ? (planned.on_violation === "refuse" ? "Activities that do not match are quarantined." : "Activities that do not match are accepted and counted.") : "Any properties are allowed."}</p>
      {properties.length > 0 && <ul className="rows">{properties.map(([name, rules]) => <li key={name}><span><code>{name}</code> {rules.description}</span></li>)}</ul>}
      {planned.schema && <details><summary className="small">Schema</summary><pre className="command" tabIndex={0}>{JSON.stringify(planned.schema, null, 2)}</pre></details>}
    </>
  );
}

function Editor({ activity, planned, tag, done, close }: { activity: string; planned?: Kept; tag: string; done: () => void; close: () => void }) {
  const own = useProject();
  const { id: project, permissions } = own;
  const [draft, setDraft] = useState<Wanted>({ description: planned?.description ?? "", owner: planned?.owner ?? "", schema: null, on_violation: planned?.on_violation ?? "count" });
  const [text, setText] = useState(planned?.schema ? JSON.stringify(planned.schema, null, 2) : "");
  const [fault, setFault] = useState<unknown>();
  const mayRun = permissions.has("jobs.write");
  const now = { draft, text };
  const [first] = useState(now);
  const restore = (left: typeof now) => {
    setDraft(left.draft);
    setText(left.text);
  };
  const unsaved = useDraft(own, `plan of ${activity}`, { now, saved: first, base: tag, restore });
  const save = async () => keep(project, activity, tag, { ...draft, schema: schemaIn(text) });
  const see = async () => {
    setFault(undefined);
    const [seen, carried] = await Promise.all([askRows(project, PROPERTIES, { activity }), askRows(project, CARRIED, { activity })]);
    setText(JSON.stringify(schemaOf(seen.rows.map(seenOf), Number(carried.rows[0]?.[0] ?? 0)), null, 2));
  };
  return (
    <ActDialog title={`Describe ${activity}`} about="The description is for people. The schema is checked against every activity of this name as it arrives." does="Save" hasNoReason act={save} done={() => (unsaved.drop(), done())} close={close}>
      <UnsavedNotice of={unsaved} />
      <TextField label="Description" rows={3} value={draft.description} set={(description) => setDraft({ ...draft, description })} />
      <TextField label="Owner" value={draft.owner} set={(owner) => setDraft({ ...draft, owner })} />
      <TextField label="Schema of its properties" hint={mayRun ? "JSON Schema, with descriptions of the properties. Leave it empty to allow anything." : "Your role may change the description, but not what is checked."} rows={10} value={text} set={setText} isDisabled={!mayRun} />
      {mayRun && <div className="line"><button type="button" className="quiet" onClick={() => void see().catch(setFault)}>Generate from recent activity</button></div>}
      {fault ? <Failure fault={fault} /> : null}
      <ChoiceField label="When an activity does not match" value={draft.on_violation} options={ON_VIOLATION} isDisabled={!mayRun} set={(value) => setDraft({ ...draft, on_violation: value as Wanted["on_violation"] })} />
    </ActDialog>
  );
}

function schemaIn(text: string): Record<string, unknown> | null {
  if (!text.trim()) return null;
  try {
    return JSON.parse(text);
  } catch (fault) {
    throw new Error(`The schema is not valid JSON: ${fault instanceof Error ? fault.message : ""}`);
  }
}

function History({ activity, close }: { activity: string; close: () => void }) {
  const project = useProject();
  const actor = useActors(project.organisation_id);
  const found = useAnswer(`${project.id} ${activity} history`, (signal) => revisionsOf(project.id, activity, signal));
  return (
    <Dialog title={`History of ${activity}`} close={close} isWide>
      {found.fault ? <Failure fault={found.fault} again={found.again} /> : !found.value ? <Loading what="the history" /> : (
        <ol className="rows">{found.value.map(({ revision, content, changed_at, changed_by }) => (
          <li key={revision}><span className="row-text"><span>Revision {revision} <span className="soft small">{moment(changed_at)}, {actor(changed_by)}</span></span>
            {content ? <details><summary className="small">{String(content["description"] || "no description")}</summary><pre className="command" tabIndex={0}>{JSON.stringify(content, null, 2)}</pre></details> : <span className="small">It was removed from the plan.</span>}</span></li>
        ))}</ol>
      )}
    </Dialog>
  );
}
