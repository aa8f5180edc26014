// What holds for a whole dashboard: title, time, how often it asks again, variables and filters.

import { useEffect, useId, useState, type FormEvent } from "react";
import { Select } from "../parts/choice";
import { Dialog } from "../parts/dialog";
import { useUndo } from "../parts/remove";
import { DAYS, Field } from "./controls";
import { optionsOf, type Board, type Filter, type Value, type Variable } from "./model";
import { isZone, zones } from "./zone";

const REFRESHES = [["", "never"], ["10", "every 10 seconds"], ["60", "every minute"], ["300", "every 5 minutes"], ["3600", "every hour"]] as const;
const TYPES = [["text", "text"], ["number", "number"], ["boolean", "true or false"], ["time", "time"]] as const;

export function Settings({ board, set, close }: { board: Board; set: (board: Board) => void; close: () => void }) {
  const [draft, setDraft] = useState(board);
  const change = (part: Partial<Board>) => setDraft({ ...draft, ...part });
  const variables = draft.variables ?? [];
  const filters = draft.filters ?? [];
  const setVariable = (at: number, variable?: Variable) => change({ variables: variables.flatMap((old, index) => (index === at ? variable ?? [] : old)) });
  const setFilter = (at: number, filter?: Filter) => change({ filters: filters.flatMap((old, index) => (index === at ? filter ?? [] : old)) });
  const undo = useUndo();
  const submit = (event: FormEvent) => (event.preventDefault(), set(draft));
  const seconds = String(draft.refresh_seconds ?? "");
  return (
    <Dialog title="Dashboard settings" close={close} isWide>
      <form className="stack" onSubmit={submit}>
        <label className="field"><span>Title</span><input value={draft.title} required maxLength={200} onChange={(event) => change({ title: event.target.value })} /></label>
        <label className="field"><span>Description</span><input value={draft.description ?? ""} maxLength={2000} onChange={(event) => change({ description: event.target.value })} /></label>
        <div className="line">
          <Select label="Time" value={String(draft.days)} options={DAYS.some(([days]) => days === String(draft.days)) ? DAYS : [[String(draft.days), `${draft.days} days`] as const, ...DAYS]} choose={(days) => change({ days: Number(days) })} />
          <Select label="Refresh" value={seconds} options={REFRESHES.some(([every]) => every === seconds) ? REFRESHES : [[seconds, `every ${seconds} s`] as const, ...REFRESHES]} choose={(every) => change({ refresh_seconds: every ? Number(every) : undefined })} />
          <Zone value={draft.zone} set={(zone) => change({ zone })} />
        </div>
        <fieldset className="field">
          <legend>Variables: in SQL $name, in filters by their name</legend>
          {variables.map((variable, index) => (
            <div className="line" key={index} role="group" aria-label={`Variable ${index + 1}`}>
              <label className="field-inline"><span>Name</span><input value={variable.name} required pattern="[a-z][a-z0-9_]*" onChange={(event) => setVariable(index, { ...variable, name: event.target.value })} /></label>
              <Select label="Type" isQuiet value={variable.type ?? "text"} options={TYPES} choose={(type) => setVariable(index, { ...variable, type, options: undefined, default: undefined })} />
              {(variable.type ?? "text") === "text" && <Options options={variable.options ?? []} set={(options) => setVariable(index, { ...variable, options: options.length ? options : undefined })} />}
              <Field variable={{ ...variable, label: "Default" }} value={variable.default ?? null} set={(value) => setVariable(index, { ...variable, default: value ?? undefined })} />
              <button type="button" className="remove" aria-label={`Remove the variable ${variable.name || index + 1}`} onClick={() => (setVariable(index), undo.offer(`The variable ${variable.name || index + 1}`, () => setDraft((now) => ({ ...now, variables: (now.variables ?? []).toSpliced(index, 0, variable) }))))}>×</button>
            </div>
          ))}
          <button type="button" className="plain" onClick={() => change({ variables: [...variables, { name: "", type: "text" }] })}>Add a variable</button>
        </fieldset>
        <fieldset className="field">
          <legend>Filters on all insights</legend>
          {filters.map((filter, index) => (
            <div className="line" key={index} role="group" aria-label={`Filter ${index + 1}`}>
              <label className="field-inline"><span>Property</span><input value={filter.property} required onChange={(event) => setFilter(index, { ...filter, property: event.target.value })} /></label>
              {filter.test === undefined
                ? <Select label="is the variable" value={filter.variable ?? ""} options={[["", "choose one"] as const, ...variables.map(({ name }) => [name, name] as const)]} choose={(variable) => setFilter(index, { ...filter, variable: variable || undefined })} />
                : <code>{JSON.stringify(filter.test)}</code>}
              <button type="button" className="remove" aria-label={`Remove the filter on ${filter.property || index + 1}`} onClick={() => (setFilter(index), undo.offer(`The filter on ${filter.property || index + 1}`, () => setDraft((now) => ({ ...now, filters: (now.filters ?? []).toSpliced(index, 0, filter) }))))}>×</button>
            </div>
          ))}
          <button type="button" className="plain" disabled={variables.length === 0} onClick={() => change({ filters: [...filters, { property: "", variable: variables[0]?.name }] })}>Add a filter</button>
        </fieldset>
        {undo.notice}
        <div className="line"><button type="submit" className="primary">Done</button></div>
      </form>
    </Dialog>
  );
}

function Zone({ value, set }: { value: string; set: (zone: string) => void }) {
  const id = useId();
  const isKnown = isZone(value);
  return (
    <span className="field-inline">
      <label htmlFor={id}>Time zone</label>
      <input id={id} list={`${id}-all`} required spellCheck={false} aria-invalid={!isKnown || undefined} ref={(input) => input?.setCustomValidity(isKnown ? "" : "There is no time zone of this name. Europe/Berlin is one.")} value={value} onChange={(event) => set(event.target.value)} />
      <datalist id={`${id}-all`}>{zones().map((zone) => <option key={zone} value={zone} />)}</datalist>
    </span>
  );
}

/** What is typed stays as it is: a comma at its end is the beginning of another option. */
function Options({ options, set }: { options: Value[]; set: (options: string[]) => void }) {
  const written = options.join(", ");
  const [text, setText] = useState(written);
  useEffect(() => setText((text) => (optionsOf(text).join(", ") === written ? text : written)), [written]);
  return <label className="field-inline"><span>Options, separated by commas</span><input value={text} onChange={(event) => (setText(event.target.value), set(optionsOf(event.target.value)))} /></label>;
}
