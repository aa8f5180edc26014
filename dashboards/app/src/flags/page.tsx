// Flags: what they give to whom, and the switch that takes them off.

import { useState } from "react";
import { useAnswer } from "../api/answer";
import { api, good } from "../api/client";
import { useProject } from "../frame/project";
import { Dialog } from "../parts/dialog";
import { moment } from "../parts/format";
import { Empty, Failure, Loading, PageHead } from "../parts/states";

export default function Flags() {
  const { id: project, permissions } = useProject();
  const [fault, setFault] = useState<unknown>();
  const [shown, setShown] = useState<string>();
  const found = useAnswer(project, (signal) => good(api.GET("/v1/projects/{project}/features", { params: { path: { project }, query: { limit: 200 } }, signal })));
  const turn = async (key: string, is_on: boolean) => {
    setFault(undefined);
    await good(api.PUT("/v1/projects/{project}/features/{key}/switch", { params: { path: { project, key } }, body: { is_on } })).then(found.again, setFault);
  };
  return (
    <>
      <PageHead title="Flags" about="A default, rules in order, and a switch. A switch holds within a second." />
      {fault ? <Failure fault={fault} /> : null}
      <section className="card" aria-label="All flags">
        {found.fault ? <Failure fault={found.fault} again={found.again} /> : !found.value ? <Loading what="flags" /> : found.value.items.length === 0
          ? <Empty>There is none yet. Flags are made over the API: <a href="/reference">POST /v1/projects/{"{project}"}/features</a>.</Empty>
          : <ul className="rows">{found.value.items.map(({ key, definition }) => {
            const isOn = (definition.off_in ?? []).length === 0;
            return (
              <li key={key}>
                <span className="row-text"><b>{key}</b><span className="soft small">{definition.value_type}, {JSON.stringify(definition.default_value)} by default; {(definition.rules ?? []).length} rules</span></span>
                <span className="line">
                  <span className={`badge${isOn ? " good" : " warn"}`}>{isOn ? "on" : `off in ${(definition.off_in ?? []).join(", ")}`}</span>
                  <button type="button" className="quiet" onClick={() => setShown(key)}>History of {key}</button>
                  {permissions.has("flags.write") && <button type="button" className="plain" onClick={() => void turn(key, !isOn)}>Switch {key} {isOn ? "off" : "on"}</button>}
                </span>
              </li>
            );
          })}</ul>}
      </section>
      {shown && <History flag={shown} close={() => setShown(undefined)} />}
    </>
  );
}

function History({ flag, close }: { flag: string; close: () => void }) {
  const project = useProject().id;
  const found = useAnswer(flag, (signal) => good(api.GET("/v1/projects/{project}/features/{key}/revisions", { params: { path: { project, key: flag } }, signal })));
  return (
    <Dialog title={`History of ${flag}`} close={close} isWide>
      {found.fault ? <Failure fault={found.fault} again={found.again} /> : !found.value ? <Loading what="the history" /> : (
        <ol className="rows">{found.value.items.map(({ revision, act, actor, at, reason }) => <li key={revision}><span className="row-text"><b>{revision}: {act}</b><span className="soft small">{reason || "no reason given"}</span></span><span className="soft small">{actor} · {moment(at)}</span></li>)}</ol>
      )}
    </Dialog>
  );
}
