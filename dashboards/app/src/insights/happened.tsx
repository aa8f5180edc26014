// What happened when, on a chart over time: told by lines of the chart and a list below it, added and removed there.

import { useEffect, useRef, useState, type FormEvent } from "react";
import { useAnswer } from "../api/answer";
import { addItem, items, removeItem, type Annotation, type Item } from "../boards/calls";
import type { Mark } from "../chart/options";
import { useProject } from "../frame/project";
import { useBusy } from "../parts/busy";
import { Select } from "../parts/choice";
import { moment } from "../parts/format";
import { RemoveKept } from "../parts/remove";
import { Failure } from "../parts/states";

/** Those within the time of a chart, at the place in whose bucket they lie; the last bucket is as long as the one before. */
export function marksOf(all: Item<Annotation>[], starts: number[]): (Mark & { key: string; revision: number; at: string })[] {
  const last = starts.at(-1);
  if (last === undefined) return [];
  const end = last + (starts.length > 1 ? last - (starts.at(-2) ?? last) : 86_400_000);
  return all.flatMap(({ key, revision, content }) => {
    const at = Date.parse(content.at);
    const index = starts.findLastIndex((start) => start <= at);
    return index < 0 || at >= end ? [] : [{ key, revision, index, text: content.text, at: content.at }];
  }).sort((a, b) => a.at.localeCompare(b.at));
}

export function useHappened(isOverTime: boolean) {
  const project = useProject();
  return useAnswer(isOverTime && project.permissions.has("dashboards.read") ? `${project.id} annotations` : undefined, () => items<Annotation>(project.id, "annotations"));
}

interface Props {
  marks: ReturnType<typeof marksOf>;
  starts: number[];
  names: string[];
  changed: () => void;
}

/** The list below a chart. A new one is put into the middle of the chosen bucket. */
export function Happened({ marks, starts, names, changed }: Props) {
  const project = useProject();
  const mayWrite = project.permissions.has("dashboards.write");
  const [isAdding, setAdding] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const wasAdding = useRef(false);
  // The field that had the focus has gone.
  useEffect(() => {
    if (wasAdding.current && !isAdding) button.current?.focus();
    wasAdding.current = isAdding;
  }, [isAdding]);
  const [place, setPlace] = useState(starts.length - 1);
  const [text, setText] = useState("");
  const [fault, setFault] = useState<unknown>();
  const [, begin] = useBusy();
  const done = () => (setFault(undefined), setText(""), setAdding(false), changed());
  const add = (event: FormEvent) => {
    event.preventDefault();
    const start = starts[place] ?? starts.at(-1) ?? Date.now();
    const next = starts[place + 1] ?? start + 3_600_000;
    begin(() => addItem<Annotation>(project.id, "annotations", undefined, { at: new Date((start + next) / 2).toISOString(), text }).then(done, setFault));
  };
  if (marks.length === 0 && !mayWrite) return null;
  return (
    <section className="happened" aria-label="Annotations">
      <ul>
        {marks.map(({ key, revision, text, at }) => (
          <li key={key}><time dateTime={at}>{moment(at)}</time> {text}{mayWrite && <RemoveKept name={text} about="It disappears from all charts over time, for everybody in the project." act={() => removeItem(project.id, "annotations", { key, revision })} done={done} />}</li>
        ))}
      </ul>
      {mayWrite && !isAdding && <button ref={button} type="button" className="quiet" onClick={() => (setPlace(starts.length - 1), setAdding(true))}>Add an annotation</button>}
      {isAdding && (
        <form className="line" onSubmit={add}>
          <Select label="When" value={String(place)} options={names.map((name, index) => [String(index), name] as const)} choose={(index) => setPlace(Number(index))} />
          <label className="field-inline"><span>What</span><input required maxLength={200} autoFocus value={text} onChange={(event) => setText(event.target.value)} /></label>
          <button type="submit" className="plain">Add</button>
          <button type="button" className="quiet" onClick={() => setAdding(false)}>Cancel</button>
        </form>
      )}
      {fault ? <Failure fault={fault} /> : null}
    </section>
  );
}
