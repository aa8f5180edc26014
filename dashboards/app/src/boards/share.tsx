// Giving a dashboard away: links with an end and a password, frames in pages of certain origins; and ending them.

import { useState, type FormEvent } from "react";
import { useAnswer } from "../api/answer";
import { useProject } from "../frame/project";
import { Segments, Select } from "../parts/choice";
import { useBusy } from "../parts/busy";
import { Dialog } from "../parts/dialog";
import { moment } from "../parts/format";
import { Empty, Failure, Loading } from "../parts/states";
import { embedToken, endShare, share, shares } from "./calls";

const KINDS = [["link", "Public link"], ["embed", "Embed in other pages"]] as const;
const ENDS = [["1", "tomorrow"], ["7", "in a week"], ["30", "in 30 days"], ["365", "in a year"], ["", "never"]] as const;

export function ShareDialog({ name, close }: { name: string; close: () => void }) {
  const project = useProject().id;
  const found = useAnswer(`${project} ${name} shares`, () => shares(project, name));
  const [kind, setKind] = useState<"link" | "embed">("link");
  const [label, setLabel] = useState("");
  const [ends, setEnds] = useState<string>("30");
  const [password, setPassword] = useState("");
  const [origins, setOrigins] = useState("https://");
  const [made, setMade] = useState<string>();
  const [fault, setFault] = useState<unknown>();
  const [isBusy, begin] = useBusy();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const body = { kind, name: label, ...(ends && { expires_in_days: Number(ends) }), ...(kind === "link" && password && { password }), ...(kind === "embed" && { origins: origins.split(/[\s,]+/).filter(Boolean) }) };
    const make = async () => {
      const made = await share(project, name, body);
      // It is there, whatever becomes of its first token.
      found.again();
      setMade(kind === "link" ? made.url : `${made.url}#${(await embedToken(project, name, made.id, 60)).token}`);
      setFault(undefined);
      setPassword("");
    };
    begin(() => make().catch(setFault));
  };
  const inForce = (found.value ?? []).filter(({ is_in_force }) => is_in_force);
  return (
    <Dialog title="Share this dashboard" close={close} isWide>
      <p className="soft small">Whoever has the link sees this dashboard's answers from all activity, and nothing else. Links can be ended at any time.</p>
      <form className="stack" onSubmit={submit}>
        <Segments label="How" value={kind} options={KINDS} choose={setKind} />
        <div className="pair">
          <label className="field"><span>What it is for</span><input required maxLength={200} value={label} onChange={(event) => setLabel(event.target.value)} /></label>
          <Select label="Expires" value={ends} options={ENDS} choose={setEnds} />
        </div>
        {kind === "link" && <label className="field"><span>Password (optional)</span><input type="password" autoComplete="new-password" minLength={8} maxLength={256} value={password} onChange={(event) => setPassword(event.target.value)} /></label>}
        {kind === "embed" && <label className="field"><span>Origins of the pages that may embed it</span><input required value={origins} onChange={(event) => setOrigins(event.target.value)} /></label>}
        {fault ? <Failure fault={fault} /> : null}
        <div className="line"><button type="submit" className="primary" aria-busy={isBusy}>Create the link</button></div>
      </form>
      {made && (
        <label className="field">
          <span>{kind === "link" ? "The link, shown this once" : "For the src of a frame, good for an hour: your server asks the API for new ones"}</span>
          <input readOnly value={made} onFocus={(event) => event.target.select()} />
        </label>
      )}
      <section aria-label="Active links" className="stack">
        <h3>Active links</h3>
        {found.fault ? <Failure fault={found.fault} again={found.again} /> : !found.value ? <Loading what="links" /> : inForce.length === 0 ? <Empty>Nobody outside sees this dashboard.</Empty> : (
          <ul className="rows">
            {inForce.map((one) => (
              <li key={one.id}>
                <span className="row-text"><span>{one.name}</span><span className="soft small">{one.kind === "embed" ? `in pages of ${one.origins.join(", ")}` : one.has_password ? "link with a password" : "link"}, {one.expires_at ? `until ${moment(one.expires_at)}` : "never expires"}</span></span>
                <button type="button" className="plain danger" aria-label={`End ${one.name}`} onClick={() => void endShare(project, name, one.id).then(found.again, setFault)}>End</button>
              </li>
            ))}
          </ul>
        )}
      </section>
    </Dialog>
  );
}
