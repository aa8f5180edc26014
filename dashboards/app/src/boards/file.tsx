// The file of a dashboard or a saved question: read, taken along, changed as it stands.

import { useState } from "react";
import { Dialog } from "../parts/dialog";
import { useProject } from "../frame/project";
import { useDraft } from "../parts/draft";
import { Failure } from "../parts/states";
import { UnsavedNotice } from "../parts/unsaved";

export function FileDialog({ name, of = "dashboard", text, save, take, close }: { name: string; of?: "dashboard" | "question"; text: string; save?: (text: string) => Promise<void>; take: () => void; close: () => void }) {
  const [draft, setDraft] = useState(text);
  const [fault, setFault] = useState<unknown>();
  const unsaved = useDraft(useProject(), `file of ${of} ${name}`, { now: draft, saved: text, restore: setDraft, isOff: !save });
  return (
    <Dialog title={`${name}.yaml`} close={close} isWide>
      <label className="field"><span className="hidden">The file</span><textarea rows={22} spellCheck={false} readOnly={!save} value={draft} onChange={(event) => setDraft(event.target.value)} /></label>
      <UnsavedNotice of={unsaved} />
      {fault ? <Failure fault={fault} /> : null}
      <div className="line">
        {save && <button type="button" className="primary" disabled={draft === text} onClick={() => void save(draft).then(unsaved.drop, setFault)}>Save the file</button>}
        <button type="button" className="plain" onClick={take}>Download</button>
        {save && <label className="plain file-choice">Load a file<input type="file" className="hidden" accept=".yaml,.yml,application/yaml" onChange={(event) => void event.target.files?.[0]?.text().then(setDraft)} /></label>}
      </div>
    </Dialog>
  );
}
