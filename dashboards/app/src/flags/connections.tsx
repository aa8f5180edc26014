// How SDKs are served: by which key, of which environment, and whether the server tells exposures for them.

import { useState, type FormEvent } from "react";
import type { components } from "../../../client/src/schema";
import { useAnswer } from "../api/answer";
import { api, good } from "../api/client";
import { everything, listed, made } from "../api/definitions";
import { useProject } from "../frame/project";
import { Dialog } from "../parts/dialog";
import { ChoiceField, TextField } from "../parts/field";
import { Empty, Failure, Loading } from "../parts/states";
import { servedOf, type Connection, type Served } from "./served";

type Key = components["schemas"]["Key"];

export function Connections({ close }: { close: () => void }) {
  const { id: project, organisation_id: organisation, permissions } = useProject();
  const [changing, setChanging] = useState<Served>();
  const [isMaking, setMaking] = useState(false);
  const found = useAnswer(`${project} connections`, async (signal) => {
    const path = { project };
    const [connections, keys, environments] = await Promise.all([
      everything<Connection>((query) => good(api.GET("/v1/projects/{project}/sdk-connections", { params: { path, query }, signal }))),
      permissions.has("keys.read") ? everything<Key>((query) => good(api.GET("/v1/projects/{project}/keys", { params: { path, query }, signal }))) : [],
      listed(project, "environments", signal),
    ]);
    return { served: servedOf(keys, connections), environments: [...new Set(["production", ...environments.map(({ key }) => key)])] };
  });
  if (isMaking) return <NewEnvironment close={() => setMaking(false)} done={found.again} />;
  if (changing) return <Change served={changing} environments={found.value?.environments ?? []} close={() => setChanging(undefined)} done={found.again} />;
  return (
    <Dialog title="SDK keys" close={close} isWide>
      <p className="soft">With one of these keys apps ask for flags. Whatever is not set otherwise is served production, in clear, and evaluated in the app.</p>
      {found.fault ? <Failure fault={found.fault} again={found.again} /> : !found.value ? <Loading what="the keys" /> : found.value.served.length === 0
        ? <Empty>{permissions.has("keys.read") ? <>There is no client or write key yet: <a href={`/account/organisations/${encodeURIComponent(organisation)}/keys`}>make one</a>.</> : "Nothing is set for any key, and your role does not list the keys of the project."}</Empty>
        : <ul className="rows">{found.value.served.map((one) => (
          <li key={one.id}>
            <span className="row-text">
              <span>{one.name} {one.records_exposures && <span className="badge good">tells exposures</span>} {one.is_remote && <span className="badge">evaluated here</span>} {one.encryption_key && <span className="badge">encrypted</span>}</span>
              <span className="soft small">{one.about} · {one.environment}{one.encryption_key && <> · decrypted with <code>{one.encryption_key}</code></>}</span>
            </span>
            {permissions.has("flags.write") && <button type="button" className="plain" aria-label={`Change ${one.name}`} onClick={() => setChanging(one)}>Change</button>}
          </li>
        ))}</ul>}
      {found.value && (
        <section className="stack" aria-label="Environments">
          <h3>Environments <span className="soft small">Where an app runs. Flags and experiments tell them apart, and so do results.</span></h3>
          <div className="line"><span>{found.value.environments.join(", ")}</span>{permissions.has("flags.write") && <button type="button" className="plain" onClick={() => setMaking(true)}>New environment</button>}</div>
        </section>
      )}
    </Dialog>
  );
}

function NewEnvironment({ close, done }: { close: () => void; done: () => void }) {
  const project = useProject().id;
  const [key, setKey] = useState("");
  const [description, setDescription] = useState("");
  const [fault, setFault] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const save = (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setFault(undefined);
    made(project, "environments", key, { description }).then(() => (done(), close()), (problem) => (setFault(problem), setBusy(false)));
  };
  return (
    <Dialog title="New environment" close={close}>
      <form className="stack" onSubmit={save}>
        <TextField label="Key of the environment" value={key} set={setKey} placeholder="staging" hint="SDK keys, flags and experiments name it, and it never changes." />
        <TextField label="What it is for" value={description} set={setDescription} />
        {fault ? <Failure fault={fault} /> : null}
        <div className="line"><button type="submit" className="primary" disabled={isBusy || !key}>Make the environment</button><button type="button" className="plain" onClick={close}>Cancel</button></div>
      </form>
    </Dialog>
  );
}

function Change({ served, environments, close, done }: { served: Served; environments: string[]; close: () => void; done: () => void }) {
  const project = useProject().id;
  const [environment, setEnvironment] = useState(served.environment);
  const [isEncrypted, setEncrypted] = useState(served.encryption_key !== null);
  const [isRemote, setRemote] = useState(served.is_remote);
  const [tellsExposures, setTellsExposures] = useState(served.records_exposures);
  const [rotates, setRotates] = useState(false);
  const [reason, setReason] = useState("");
  const [fault, setFault] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const save = (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setFault(undefined);
    const body = { environment, is_encrypted: isEncrypted, is_remote: isRemote, records_exposures: tellsExposures, rotates_key: rotates, ...(reason && { reason }) };
    good(api.PUT("/v1/projects/{project}/sdk-connections/{key_id}", { params: { path: { project, key_id: served.id } }, body })).then(() => (done(), close()), (problem) => (setFault(problem), setBusy(false)));
  };
  return (
    <Dialog title={`How ${served.name} is served`} close={close}>
      <form className="stack" onSubmit={save}>
        <ChoiceField label="Environment" value={environment} options={[...new Set([...environments, environment])].map((name) => [name, name] as const)} set={setEnvironment} />
        <label className="check"><input type="checkbox" checked={tellsExposures} onChange={(event) => setTellsExposures(event.target.checked)} />Tell exposures for SDKs that tell none</label>
        <p className="soft small">For OpenFeature: whoever is asked about, one flag at a time, and takes part in an experiment, has seen their variation. SDKs of GrowthBook and PostHog tell it themselves.</p>
        <label className="check"><input type="checkbox" checked={isRemote} onChange={(event) => setRemote(event.target.checked)} />Evaluate here, and hand out no rules</label>
        <label className="check"><input type="checkbox" checked={isEncrypted} onChange={(event) => setEncrypted(event.target.checked)} />Encrypt what is handed out</label>
        {served.encryption_key !== null && isEncrypted && <label className="check"><input type="checkbox" checked={rotates} onChange={(event) => setRotates(event.target.checked)} />With another key from now on: apps need it to read what is handed out</label>}
        <p className="soft small">Whoever has the app has the key to it: it hides the rules, and does not protect them.</p>
        <TextField label="Reason" value={reason} set={setReason} hint="Kept in the audit." />
        {fault ? <Failure fault={fault} /> : null}
        <div className="line"><button type="submit" className="primary" disabled={isBusy}>Save</button><button type="button" className="plain" onClick={close}>Cancel</button></div>
      </form>
    </Dialog>
  );
}
