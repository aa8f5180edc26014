// A schedule or alert, new or changed: which question, how often, what follows, and who is told.

import { useState } from "react";
import { useAnswer } from "../api/answer";
import { api, good } from "../api/client";
import { everything } from "../api/definitions";
import { addItem, putItem, type Item, type SavedQuestion } from "../boards/calls";
import { keyOf } from "../boards/model";
import { useProject } from "../frame/project";
import { useBusy } from "../parts/busy";
import { Segments, Select } from "../parts/choice";
import { NumberField, TextField } from "../parts/field";
import { counted } from "../parts/format";
import { Failure } from "../parts/states";

export interface Schedule {
  title: string;
  question: string;
  every: { minutes: number } | { day_at: number } | { monday_at: number };
  task: { send: "csv" | "parquet" | "pdf" } | { alert: { above: number } | { below: number } | { unusual: { deviations: number; of_last: number; direction: Direction } } };
  to: { emails?: string[]; webhooks?: string[] };
  is_enabled: boolean;
}
interface Webhook {
  id: string;
  name: string;
  is_enabled: boolean;
}

const EVERY = [["5", "every 5 minutes"], ["15", "every 15 minutes"], ["60", "every hour"], ["360", "every 6 hours"], ["day", "every day"], ["monday", "every Monday"]] as const;
const TASKS = [["csv", "Send as CSV"], ["parquet", "Send as Parquet"], ["pdf", "Send as PDF"], ["above", "Alert above"], ["below", "Alert below"], ["unusual", "Alert when unusual"]] as const;
const DIRECTIONS = [["either", "either way"], ["up", "upwards"], ["down", "downwards"]] as const;
type Direction = (typeof DIRECTIONS)[number][0];
const HOURS = Array.from({ length: 24 }, (_, hour) => [String(hour), `${hour}:00 UTC`] as const);

/** In words where they can be chosen, else counted: the API takes any. */
export const everyMinutes = (minutes: number): string => EVERY.find(([key]) => key === String(minutes))?.[1] ?? `every ${counted(minutes, "minute")}`;

interface Form {
  questions: Item<SavedQuestion>[];
  question?: string;
  taken: string[];
  /** The one that is changed. */
  item?: Item<Schedule>;
  done: () => void;
  cancel?: () => void;
}

const HOURLY = "6";

/** What stands in the fields of one that is there. */
function fieldsOf({ every, task }: Schedule) {
  const often: (typeof EVERY)[number][0] | string = "minutes" in every ? String(every.minutes) : "day_at" in every ? "day" : "monday";
  const hour = "minutes" in every ? HOURLY : String("day_at" in every ? every.day_at : every.monday_at);
  if ("send" in task) return { often, hour, task: task.send, bound: "" } as const;
  if ("above" in task.alert) return { often, hour, task: "above", bound: String(task.alert.above) } as const;
  if ("below" in task.alert) return { often, hour, task: "below", bound: String(task.alert.below) } as const;
  return { often, hour, task: "unusual", bound: "", ...task.alert.unusual } as const;
}

export function ScheduleForm({ questions, question: opened, taken, item, done, cancel }: Form) {
  const project = useProject();
  const hooks = useAnswer(`${project.organisation_id} webhooks`, () => everything<Webhook>((query) => good(api.GET("/v1/organisations/{organisation}/webhooks", { params: { path: { organisation: project.organisation_id }, query } }))).catch(() => []));
  const old = item && fieldsOf(item.content);
  const unusual = old?.task === "unusual" ? old : undefined;
  const [title, setTitle] = useState(item?.content.title ?? "");
  const [question, setQuestion] = useState(item?.content.question ?? (questions.some(({ key }) => key === opened) ? opened ?? "" : questions[0]?.key ?? ""));
  const [every, setEvery] = useState<string>(old?.often ?? "day");
  const [hour, setHour] = useState(old?.hour ?? HOURLY);
  const [task, setTask] = useState<(typeof TASKS)[number][0]>(old?.task ?? "csv");
  const [bound, setBound] = useState(old?.bound ?? "");
  const [deviations, setDeviations] = useState<number | undefined>(unusual?.deviations ?? 4);
  const [last, setLast] = useState<number | undefined>(unusual?.of_last ?? 28);
  const [direction, setDirection] = useState<Direction>(unusual?.direction ?? "either");
  const [emails, setEmails] = useState((item?.content.to.emails ?? []).join(", "));
  const [webhooks, setWebhooks] = useState<string[]>(item?.content.to.webhooks ?? []);
  const status = useAnswer("status", (signal) => good(api.GET("/v1/status", { signal })));
  const writesMails = status.value?.checks.some(({ name, detail }) => name === "mails" && detail);
  const [fault, setFault] = useState<unknown>();
  const everyOf = (): Schedule["every"] => (every === "day" ? { day_at: Number(hour) } : every === "monday" ? { monday_at: Number(hour) } : { minutes: Number(every) });
  const taskOf = (): Schedule["task"] => {
    switch (task) {
      case "csv": case "parquet": case "pdf": return { send: task };
      case "above": return { alert: { above: Number(bound) } };
      case "below": return { alert: { below: Number(bound) } };
      case "unusual": return { alert: { unusual: { deviations: deviations ?? 4, of_last: last ?? 28, direction } } };
    }
  };
  const [isBusy, begin] = useBusy();
  const keep = () => {
    const schedule: Schedule = { title, question, every: everyOf(), task: taskOf(), to: { emails: emails.split(/[\s,]+/).filter(Boolean), webhooks }, is_enabled: item?.content.is_enabled ?? true };
    const kept = item ? putItem<Schedule>(project.id, "schedules", item, schedule) : addItem<Schedule>(project.id, "schedules", keyOf(title, taken), schedule);
    return kept.then(() => (setTitle(""), setFault(undefined), done()), setFault);
  };
  const often = EVERY.some(([key]) => key === every) ? EVERY : [[every, everyMinutes(Number(every))] as const, ...EVERY];
  const known = (hooks.value ?? []).filter(({ is_enabled }) => is_enabled);
  return (
    <form className="stack" onSubmit={(event) => (event.preventDefault(), begin(keep))} aria-label={item ? `Change ${item.content.title}` : "New schedule or alert"}>
      <Segments label="Action" value={task} options={TASKS} choose={setTask} />
      <div className="pair">
        <label className="field"><span>Title</span><input required maxLength={200} value={title} onChange={(event) => setTitle(event.target.value)} /></label>
        {(task === "above" || task === "below") && <label className="field"><span>Threshold</span><input required inputMode="decimal" pattern="[\-+]?[0-9]*[.]?[0-9]+" title="A number" value={bound} onChange={(event) => setBound(event.target.value)} /></label>}
      </div>
      {task === "unusual" && (
        <div className="pair">
          <NumberField label="Deviations" min={1} max={50} value={deviations} set={setDeviations} hint="How far from the median of earlier numbers is unusual." />
          <NumberField label="Earlier numbers" min={5} max={1000} step={1} value={last} set={setLast} hint="So many of the last are compared with." />
          <Select label="Direction" value={direction} options={DIRECTIONS} choose={setDirection} />
        </div>
      )}
      <div className="line">
        <Select label="Question" value={question} options={questions.map(({ key, content }) => [key, content.title] as const)} choose={setQuestion} />
        <Select label="Runs" value={every} options={often} choose={setEvery} />
        {(every === "day" || every === "monday") && <Select label="at" value={hour} options={HOURS} choose={setHour} />}
      </div>
      <TextField label="E-mail to members" value={emails} set={setEmails} hint={writesMails ? "This server sends no mails yet: they are written into files there, until mail.url names a mail server." : "Their e-mail addresses, separated by commas."} />
      {known.length > 0 && (
        <fieldset className="field"><legend>Webhooks</legend>
          <div className="line">{known.map(({ id, name }) => <label className="check" key={id}><input type="checkbox" checked={webhooks.includes(id)} onChange={(event) => setWebhooks(event.target.checked ? [...webhooks, id] : webhooks.filter((one) => one !== id))} />{name}</label>)}</div>
        </fieldset>
      )}
      {fault ? <Failure fault={fault} /> : null}
      <div className="line"><button type="submit" className="primary" aria-busy={isBusy}>{item ? "Save changes" : "Create"}</button>{cancel && <button type="button" className="plain" onClick={cancel}>Cancel</button>}</div>
    </form>
  );
}
