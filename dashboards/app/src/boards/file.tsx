// The file of a dashboard: read, taken along, changed as it stands.

import { useState } from "react";
import { Dialog } from "../parts/dialog";
import { Failure } from "../parts/states";

export function FileDialog({ name, text, save, take, close }: { name: string; text: string; save?: (text: string) => Promise<void>; take: () => void; close: () => void }) {
  const [draft, setDraft] = useState(text);
  const [fault, setFault] = useState<unknown>();
  return (
    <Dialog title={`${name}.yaml`} close={close} isWide>
      <label className="field"><span className="hidden">The file</span><textarea rows={22} spellCheck={false} readOnly={!save} value={draft} onChange={(event) => setDraft(event.target.value)} /></label>
      {fault ? <Failure fault={fault} /> : null}
      <div className="line">
        {save && <button type="button" className="primary" disabled={draft === text} onClick={() => void save(draft).catch(setFault)}>Save the file</button>}
        <button type="button" className="plain" onClick={take}>Take it along</button>
        {save && <label className="plain file-choice">Take in a file<input type="file" className="hidden" accept=".yaml,.yml,application/yaml" onChange={(event) => void event.target.files?.[0]?.text().then(setDraft)} /></label>}
      </div>
    </Dialog>
  );
}
