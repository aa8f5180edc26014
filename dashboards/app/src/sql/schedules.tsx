// Questions that the server asks by itself: answers sent as files, numbers watched. And what became of each time.

import { useState, type FormEvent } from "react";
import { useAnswer } from "../api/answer";
import { addItem, items, putItem, removeItem, runNow, runsOf, type Item, type SavedQuestion } from "../boards/calls";
import { keyOf } from "../boards/model";
import { useProject } from "../frame/project";
import { Segments, Select } from "../parts/choice";
import { Dialog } from "../parts/dialog";
import { moment } from "../parts/format";
import { Empty, Failure, Loading } from "../parts/states";

interface Schedule {
  title: string;
  question: string;
  every: { minutes: number } | { day_at: number } | { monday_at: number };
  task: { send: "csv" | "parquet" } | { alert: { above: number } | { below: number } | { unusual: { deviations: number; of_last: number; direction: "either" | "up" | "down" } } };
  to: { emails?: string[]; webhooks?: string[] };
  is_enabled: boolean;
}

const EVERY = [["5m", "every 5 minutes"], ["60m", "every hour"], ["day", "every day at 6 (UTC)"], ["monday", "every Monday at 6 (UTC)"]] as const;
const EVERY_OF: Record<(typeof EVERY)[number][0], Schedule["every"]> = { "5m": { minutes: 5 }, "60m": { minutes: 60 }, day: { day_at: 6 }, monday: { monday_at: 6 } };
const TASKS = [["csv", "Send it as CSV"], ["parquet", "Send it as Parquet"], ["above", "Alert above"], ["below", "Alert below"], ["unusual", "Alert when unusual"]] as const;

const everyText = ({ every }: Schedule) => ("minutes" in every ? `every ${every.minutes} minutes` : "day_at" in every ? `every day at ${every.day_at}:00 UTC` : `Mondays at ${every.monday_at}:00 UTC`);

function taskText({ task }: Schedule): string {
  if ("send" in task) return `sent as ${task.send.toUpperCase()}`;
  if ("above" in task.alert) return `alert above ${task.alert.above}`;
  if ("below" in task.alert) return `alert below ${task.alert.below}`;
  return `alert when more than ${task.alert.unusual.deviations} deviations from the last ${task.alert.unusual.of_last}`;
}

export function Schedules({ close }: { close: () => void }) {
  const project = useProject();
  const found = useAnswer(`${project.id} schedules`, () => items<Schedule>(project.id, "schedules"));
  const questions = useAnswer(`${project.id} questions`, () => items<SavedQuestion>(project.id, "questions"));
  const mayWrite = project.permissions.has("dashboards.write");
  const [fault, setFault] = useState<unknown>();
  const done = () => (setFault(undefined), found.again());
  return (
    <Dialog title="Schedules and alerts" close={close} isWide>
      {mayWrite && questions.value && (questions.value.length ? <New questions={questions.value} taken={(found.value ?? []).map(({ key }) => key)} done={done} /> : <p className="soft">Save a question first: schedules ask saved questions.</p>)}
      {fault ? <Failure fault={fault} /> : null}
      {found.fault ? <Failure fault={found.fault} again={found.again} /> : !found.value ? <Loading what="schedules" /> : found.value.length === 0 ? <Empty>Nothing is asked by itself yet.</Empty> : (
        <ul className="rows">
          {found.value.map((item) => (
            <li key={item.key}>
              <span className="row-text"><span>{item.content.title} {!item.content.is_enabled && <span className="badge">off</span>}</span><span className="soft small">{everyText(item.content)}, {taskText(item.content)}, to {[...(item.content.to.emails ?? []), ...(item.content.to.webhooks ?? []).map(() => "a webhook")].join(", ")}</span><Runs schedule={item.key} /></span>
              {mayWrite && (
                <span className="line">
                  <button type="button" className="quiet" onClick={() => void runNow(project.id, item.key).then(done, setFault)} aria-label={`Ask ${item.content.title} now`}>Now</button>
                  <button type="button" className="quiet" onClick={() => void putItem(project.id, "schedules", item.key, { ...item.content, is_enabled: !item.content.is_enabled }).then(done, setFault)} aria-label={`Switch ${item.content.title} ${item.content.is_enabled ? "off" : "on"}`}>{item.content.is_enabled ? "Off" : "On"}</button>
                  <button type="button" className="remove" aria-label={`Remove ${item.content.title}`} onClick={() => void removeItem(project.id, "schedules", item.key).then(done, setFault)}>×</button>
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
      <summary className="small">What became of it</summary>
      {found.fault ? <Failure fault={found.fault} again={found.again} /> : !found.value ? <Loading what="runs" /> : found.value.length === 0 ? <Empty>It was not asked yet.</Empty>
        : <ul>{found.value.map((run) => <li key={run.id} className="small"><span className={`badge${run.fate === "failed" || run.fate === "alarmed" ? " bad" : ""}`}>{run.fate}</span> {moment(run.began_at)} <span className="soft">{run.detail}</span></li>)}</ul>}
    </details>
  );
}

function New({ questions, taken, done }: { questions: Item<SavedQuestion>[]; taken: string[]; done: () => void }) {
  const project = useProject().id;
  const [title, setTitle] = useState("");
  const [question, setQuestion] = useState(questions[0]?.key ?? "");
  const [every, setEvery] = useState<(typeof EVERY)[number][0]>("day");
  const [task, setTask] = useState<(typeof TASKS)[number][0]>("csv");
  const [bound, setBound] = useState("");
  const [emails, setEmails] = useState("");
  const [webhooks, setWebhooks] = useState("");
  const [fault, setFault] = useState<unknown>();
  const listed = (text: string) => text.split(/[\s,]+/).filter(Boolean);
  const taskOf = (): Schedule["task"] => {
    switch (task) {
      case "csv": case "parquet": return { send: task };
      case "above": return { alert: { above: Number(bound) } };
      case "below": return { alert: { below: Number(bound) } };
      case "unusual": return { alert: { unusual: { deviations: 4, of_last: 28, direction: "either" } } };
    }
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const schedule: Schedule = { title, question, every: EVERY_OF[every], task: taskOf(), to: { emails: listed(emails), webhooks: listed(webhooks) }, is_enabled: true };
    addItem<Schedule>(project, "schedules", keyOf(title, taken), schedule).then(() => (setTitle(""), setFault(undefined), done()), setFault);
  };
  return (
    <form className="stack" onSubmit={submit}>
      <Segments label="What is done" value={task} options={TASKS} choose={setTask} />
      <div className="pair">
        <label className="field"><span>Title</span><input required maxLength={200} value={title} onChange={(event) => setTitle(event.target.value)} /></label>
        {(task === "above" || task === "below") && <label className="field"><span>Bound</span><input required inputMode="decimal" value={bound} onChange={(event) => setBound(event.target.value)} /></label>}
      </div>
      <div className="line">
        <Select label="Question" value={question} options={questions.map(({ key, content }) => [key, content.title] as const)} choose={setQuestion} />
        <Select label="Asked" value={every} options={EVERY} choose={setEvery} />
      </div>
      <div className="pair">
        <label className="field"><span>To members, by address</span><input value={emails} onChange={(event) => setEmails(event.target.value)} /></label>
        <label className="field"><span>To webhooks, by id</span><input value={webhooks} onChange={(event) => setWebhooks(event.target.value)} /></label>
      </div>
      {fault ? <Failure fault={fault} /> : null}
      <div className="line"><button type="submit" className="primary">Make it</button></div>
    </form>
  );
}
