// Changes of a flag or an experiment that wait for their time: seen, made, taken back.

import { useState, type FormEvent } from "react";
import { useAnswer } from "../api/answer";
import { api, good } from "../api/client";
import { everything } from "../api/definitions";
import { useProject } from "../frame/project";
import { ActDialog } from "./act";
import { Dialog } from "./dialog";
import { ChoiceField, Field, TextField } from "./field";
import { moment } from "./format";
import { GoingButton } from "./going";
import { wordsOf, type Choice, type Scheduled } from "./planned";
import { Empty, Failure, Loading } from "./states";

export function ScheduledChanges({ kind, item, choices, changed }: { kind: "feature" | "experiment"; item: string; choices: readonly Choice[]; changed: () => void }) {
  const { id: project, permissions } = useProject();
  const [isMaking, setMaking] = useState(false);
  const [going, setGoing] = useState<Scheduled>();
  const found = useAnswer(`${project} ${kind} ${item} scheduled`, (signal) => everything<Scheduled>((query) => good(api.GET("/v1/projects/{project}/scheduled-changes", { params: { path: { project }, query }, signal }))).then((all) => all.filter((one) => one.kind === kind && one.key === item)));
  const mayChange = permissions.has("experiments.write") && (kind === "experiment" || permissions.has("flags.write"));
  if (found.value?.length === 0 && (!mayChange || choices.length === 0)) return null;
  return (
    <section className="card stack" aria-label="At a later time">
      <div className="card-head"><h2>At a later time</h2>{mayChange && choices.length > 0 && <button type="button" className="quiet" onClick={() => setMaking(true)}>Plan a change</button>}</div>
      {found.fault ? <Failure fault={found.fault} again={found.again} /> : !found.value ? <Loading what="planned changes" /> : found.value.length === 0 ? <Empty>Nothing is planned.</Empty> : (
        <ul className="rows">{found.value.map((one) => (
          <li key={one.id}>
            <span className="row-text">
              <span><b>{wordsOf(one.change, choices)}</b> {moment(one.due_at)}</span>
              {one.reason && <span>{one.reason}</span>}
              {one.done_at && <span className={`badge ${one.outcome === "done" ? "good" : "bad"}`}>{one.outcome}</span>}
            </span>
            {mayChange && !one.done_at && <GoingButton className="plain" aria-label={`Take back: ${wordsOf(one.change, choices)} ${moment(one.due_at)}`} onClick={() => setGoing(one)}>Take back</GoingButton>}
          </li>
        ))}</ul>
      )}
      {isMaking && <Plan kind={kind} item={item} choices={choices} done={() => (found.again(), changed())} close={() => setMaking(false)} />}
      {going && <ActDialog title="Take it back?" about={`${item} stays as it is on ${moment(going.due_at)}.`} does="Take it back" hasNoReason act={() => good(api.DELETE("/v1/projects/{project}/scheduled-changes/{id}", { params: { path: { project, id: going.id } } }))} done={found.again} close={() => setGoing(undefined)} />}
    </section>
  );
}

/** As the browser's field has it: the local time without seconds. */
const localOf = (at: Date) => new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
const HOUR_MS = 3_600_000;

function Plan({ kind, item, choices, done, close }: { kind: "feature" | "experiment"; item: string; choices: readonly Choice[]; done: () => void; close: () => void }) {
  const project = useProject().id;
  const [name, setName] = useState(choices[0]?.[0] ?? "");
  const [at, setAt] = useState(() => localOf(new Date(Date.now() + HOUR_MS)));
  const [reason, setReason] = useState("");
  const [fault, setFault] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const change = choices.find(([one]) => one === name)?.[1];
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!change) return;
    setBusy(true);
    setFault(undefined);
    const body = { kind, key: item, due_at: new Date(at).toISOString(), change, ...(reason && { reason }) };
    good(api.POST("/v1/projects/{project}/scheduled-changes", { params: { path: { project } }, body } as never)).then(() => (done(), close()), (problem) => (setFault(problem), setBusy(false)));
  };
  return (
    <Dialog title={`Plan a change of ${item}`} close={close}>
      <form className="stack" onSubmit={submit}>
        <ChoiceField label="What happens" value={name} options={choices.map(([one]) => [one, one] as const)} set={setName} />
        <Field label="When" hint="In the time of this browser.">{(given) => <input {...given} type="datetime-local" value={at} required onChange={(event) => setAt(event.target.value)} />}</Field>
        <TextField label="Reason" value={reason} set={setReason} hint="Kept in the history when it is done." />
        {fault ? <Failure fault={fault} /> : null}
        <div className="line"><button type="submit" className="primary" disabled={isBusy || !at}>Plan it</button><button type="button" className="plain" onClick={close}>Cancel</button></div>
      </form>
    </Dialog>
  );
}
