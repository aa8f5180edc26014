// Dashboards: all of them, or the one of the address.

import { useState } from "react";
import { useAnswer } from "../api/answer";
import { go } from "../frame/address";
import { Link } from "../frame/link";
import { placeOf, useProject } from "../frame/project";
import { useBusy } from "../parts/busy";
import { Dialog } from "../parts/dialog";
import { ago } from "../parts/format";
import { Failure, Loading, PageHead } from "../parts/states";
import { BoardPage } from "./board";
import { create, lines, type Line } from "./calls";
import { keyOf, newBoard } from "./model";
import { ZONE } from "./zone";

export default function Dashboards({ rest: [key] }: { rest: string[] }) {
  return key ? <BoardPage key={key} name={key} /> : <List />;
}

function List() {
  const project = useProject();
  const found = useAnswer(project.id, () => lines(project.id));
  const [isOpen, setOpen] = useState(false);
  const own = found.value?.filter(({ is_built_in }) => !is_built_in) ?? [];
  const builtIn = found.value?.filter(({ is_built_in }) => is_built_in) ?? [];
  return (
    <>
      <PageHead title="Dashboards" about="Charts and numbers side by side. Each dashboard is a file: download it, or apply it with footfall dashboards apply.">
        {project.permissions.has("dashboards.write") && <button type="button" className="primary" onClick={() => setOpen(true)}>New dashboard</button>}
      </PageHead>
      {found.fault ? <Failure fault={found.fault} again={found.again} /> : !found.value ? <Loading what="dashboards" /> : (
        <>
          {own.length > 0 && <Rows title="In this project" rows={own} />}
          <Rows title="Built in" rows={builtIn} />
        </>
      )}
      {isOpen && <New taken={(found.value ?? []).map(({ key }) => key)} close={() => setOpen(false)} />}
    </>
  );
}

function Rows({ title, rows }: { title: string; rows: Line[] }) {
  const project = useProject().id;
  return (
    <section className="card" aria-label={title}>
      <h2>{title}</h2>
      <ul className="rows">
        {rows.map((row) => (
          <li key={row.key}>
            <span className="row-text"><Link href={placeOf(project, `dashboards/${encodeURIComponent(row.key)}`)}>{row.title}</Link><span className="soft small">{row.key}</span></span>
            {!row.is_built_in && <span className="soft small">changed {ago(row.updated_at)}</span>}
          </li>
        ))}
      </ul>
    </section>
  );
}

/** By a title, or by a file. */
function New({ taken, close }: { taken: string[]; close: () => void }) {
  const project = useProject().id;
  const [title, setTitle] = useState("");
  const [fault, setFault] = useState<unknown>();
  const [file, setFile] = useState<{ name: string; text: string }>();
  const [isBusy, begin] = useBusy();
  const make = () => {
    setFault(undefined);
    const key = file ? keyOf(file.name.replace(/\.ya?ml$/, ""), taken) : keyOf(title, taken);
    const made = create(project, file ? { key, text: file.text } : { key, dashboard: newBoard(title, ZONE) });
    return made.then(() => go(placeOf(project, `dashboards/${key}`)), setFault);
  };
  return (
    <Dialog title="New dashboard" close={close}>
      <form className="stack" onSubmit={(event) => (event.preventDefault(), begin(make))}>
        <label className="field"><span>Title</span><input value={title} required={!file} maxLength={200} disabled={file !== undefined} onChange={(event) => setTitle(event.target.value)} /></label>
        <label className="field"><span>Or a file (YAML)</span><input type="file" accept=".yaml,.yml,application/yaml" onChange={(event) => { const chosen = event.target.files?.[0]; if (chosen) void chosen.text().then((text) => setFile({ name: chosen.name, text })); else setFile(undefined); }} /></label>
        {fault ? <Failure fault={fault} /> : null}
        <div className="line"><button type="submit" className="primary" aria-busy={isBusy}>Create</button></div>
      </form>
    </Dialog>
  );
}
