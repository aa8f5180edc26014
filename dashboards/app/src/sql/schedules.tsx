// Questions that the server asks by itself: answers sent as files, numbers watched. And what became of each time.

import { useState } from "react";
import { useAnswer } from "../api/answer";
import { items, putItem, removeItem, runNow, runsOf, type Item, type SavedQuestion } from "../boards/calls";
import { useProject } from "../frame/project";
import { Dialog } from "../parts/dialog";
import { moment } from "../parts/format";
import { RemoveKept } from "../parts/remove";
import { Empty, Failure, Loading } from "../parts/states";
import { ScheduleForm, everyMinutes, type Schedule } from "./schedule_form";

const everyText = ({ every }: Schedule) => ("minutes" in every ? everyMinutes(every.minutes) : "day_at" in every ? `every day at ${every.day_at}:00 UTC` : `Mondays at ${every.monday_at}:00 UTC`);

function taskText({ task }: Schedule): string {
  if ("send" in task) return `sent as ${task.send.toUpperCase()}`;
  if ("above" in task.alert) return `alert above ${task.alert.above}`;
  if ("below" in task.alert) return `alert below ${task.alert.below}`;
  return `alert when more than ${task.alert.unusual.deviations} deviations from the last ${task.alert.unusual.of_last}`;
}

/** `question`: the saved one that is open beside it. */
export function Schedules({ question, close }: { question?: string; close: () => void }) {
  const project = useProject();
  const found = useAnswer(`${project.id} schedules`, () => items<Schedule>(project.id, "schedules"));
  const questions = useAnswer(`${project.id} questions`, () => items<SavedQuestion>(project.id, "questions"));
  const mayWrite = project.permissions.has("dashboards.write");
  const [fault, setFault] = useState<unknown>();
  const [changed, setChanged] = useState<Item<Schedule>>();
  const done = () => (setFault(undefined), setChanged(undefined), found.again());
  const form = { questions: questions.value ?? [], question, taken: (found.value ?? []).map(({ key }) => key), done };
  return (
    <Dialog title="Schedules and alerts" close={close} isWide>
      {mayWrite && questions.value && (changed ? <ScheduleForm key={changed.key} {...form} item={changed} cancel={() => setChanged(undefined)} /> : questions.value.length ? <ScheduleForm {...form} /> : <p className="soft">Save a question first: schedules and alerts run saved questions.</p>)}
      {fault ? <Failure fault={fault} /> : null}
      {found.fault ? <Failure fault={found.fault} again={found.again} /> : !found.value ? <Loading what="schedules" /> : found.value.length === 0 ? <Empty>No schedule or alert yet.</Empty> : (
        <ul className="rows">
          {found.value.map((item) => (
            <li key={item.key}>
              <span className="row-text"><span>{item.content.title} {!item.content.is_enabled && <span className="badge">off</span>}</span><span className="soft small">{everyText(item.content)}, {taskText(item.content)}, to {[...(item.content.to.emails ?? []), ...(item.content.to.webhooks ?? []).map(() => "a webhook")].join(", ")}</span><Runs schedule={item.key} /></span>
              {mayWrite && (
                <span className="line">
                  <button type="button" className="quiet" onClick={() => void runNow(project.id, item.key).then(done, setFault)} aria-label={`Run now: ${item.content.title}`}>Run now</button>
                  <button type="button" className="quiet" onClick={() => setChanged(item)} aria-label={`Change ${item.content.title}`}>Change</button>
                  <button type="button" className="quiet" onClick={() => void putItem(project.id, "schedules", item, { ...item.content, is_enabled: !item.content.is_enabled }).then(done, setFault)} aria-label={`Switch ${item.content.is_enabled ? "off" : "on"}: ${item.content.title}`}>Switch {item.content.is_enabled ? "off" : "on"}</button>
                  <RemoveKept name={item.content.title} about="It no longer runs, and its past runs are forgotten." act={() => removeItem(project.id, "schedules", item)} done={done} />
                </span>
              )}
            </li>
          ))}
        </ul>
      )}
    </Dialog>
  );
}

function Runs({ schedule }: { schedule: string }) {
  const project = useProject().id;
  const [isOpen, setOpen] = useState(false);
  const found = useAnswer(isOpen ? `${project} ${schedule} runs` : undefined, () => runsOf(project, schedule));
  return (
    <details onToggle={(event) => (setOpen(event.currentTarget.open), event.currentTarget.open && found.again())}>
      <summary className="small">Past runs</summary>
      {found.fault ? <Failure fault={found.fault} again={found.again} /> : !found.value ? <Loading what="runs" /> : found.value.length === 0 ? <Empty>It has not run yet.</Empty>
        : <ul>{found.value.map((run) => <li key={run.id} className="small"><span className={`badge${run.fate === "failed" || run.fate === "alarmed" ? " bad" : ""}`}>{run.fate}</span> {moment(run.began_at)} <span className="soft">{run.detail}</span></li>)}</ul>}
    </details>
  );
}
