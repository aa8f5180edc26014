// What happened when: a list that everybody of the project shares.

import { useState, type FormEvent } from "react";
import { useAnswer } from "../api/answer";
import { useProject } from "../frame/project";
import { useBusy } from "../parts/busy";
import { Dialog } from "../parts/dialog";
import { localDay, moment, noonOf } from "../parts/format";
import { RemoveKept } from "../parts/remove";
import { Empty, Failure, Loading } from "../parts/states";
import { addItem, items, removeItem, type Annotation } from "./calls";

export function Annotations({ close }: { close: () => void }) {
  const project = useProject();
  const found = useAnswer(`${project.id} annotations`, () => items<Annotation>(project.id, "annotations"));
  const [text, setText] = useState("");
  const [day, setDay] = useState(() => localDay());
  const [fault, setFault] = useState<unknown>();
  const [, begin] = useBusy();
  const mayWrite = project.permissions.has("dashboards.write");
  const done = () => (setFault(undefined), found.again());
  const add = (event: FormEvent) => {
    event.preventDefault();
    begin(() => addItem<Annotation>(project.id, "annotations", undefined, { at: noonOf(day), text }).then(() => (setText(""), done()), setFault));
  };
  const sorted = [...(found.value ?? [])].sort((a, b) => b.content.at.localeCompare(a.content.at));
  return (
    <Dialog title="Annotations" close={close}>
      {mayWrite && (
        <form className="line" onSubmit={add}>
          <label className="field-inline"><span>Day</span><input type="date" required value={day} onChange={(event) => setDay(event.target.value)} /></label>
          <label className="field-inline"><span>What</span><input required maxLength={200} value={text} onChange={(event) => setText(event.target.value)} /></label>
          <button type="submit" className="plain">Add</button>
        </form>
      )}
      {fault ? <Failure fault={fault} /> : null}
      {found.fault ? <Failure fault={found.fault} again={found.again} /> : !found.value ? <Loading what="annotations" /> : sorted.length === 0 ? <Empty>No annotations yet. Note a release, a campaign or an outage.</Empty> : (
        <ul className="rows">
          {sorted.map((item) => (
            <li key={item.key}>
              <span className="row-text"><span>{item.content.text}</span><span className="soft small">{moment(item.content.at)}</span></span>
              {mayWrite && <RemoveKept name={item.content.text} about="It disappears from all charts over time, for everybody in the project." act={() => removeItem(project.id, "annotations", item)} done={done} />}
            </li>
          ))}
        </ul>
      )}
    </Dialog>
  );
}
