// "Why did this person get B?": the value of a flag for somebody, and what each rule said.

import { useState } from "react";
import { useAnswer } from "../api/answer";
import { api, good } from "../api/client";
import { useProject } from "../frame/project";
import { Select } from "../parts/choice";
import { Field, TextField } from "../parts/field";
import { Failure, Loading } from "../parts/states";
import { shownValue } from "./value";

const OUTCOMES = { decided: "decided", passed_over: "passed over", not_reached: "not reached" } as const;

export function Debugger({ flag, environments, attributes, first = "" }: { flag: string; environments: string[]; attributes: string[]; first?: string }) {
  const project = useProject().id;
  const [environment, setEnvironment] = useState("production");
  const [id, setId] = useState(first);
  const [text, setText] = useState("{}");
  const [asked, setAsked] = useState<{ environment: string; id: string; attributes: Record<string, unknown>; turn: number } | undefined>(first ? { environment: "production", id: first, attributes: {}, turn: 0 } : undefined);
  const [fault, setFault] = useState<string>();
  const { turn, ...body } = asked ?? { turn: 0, environment: "", id: "", attributes: {} };
  const told = useAnswer(asked && `${project} ${flag} ${turn} ${JSON.stringify(body)}`, (signal) =>
    good(api.POST("/v1/projects/{project}/features/{key}/evaluation", { params: { path: { project, key: flag } }, body, signal })));
  const ask = () => {
    try {
      const attributes: unknown = JSON.parse(text || "{}");
      if (typeof attributes !== "object" || attributes === null || Array.isArray(attributes)) throw new Error("Has to be an object.");
      setFault(undefined);
      setAsked({ environment, id, attributes: attributes as Record<string, unknown>, turn: turn + 1 });
    } catch (error) {
      setFault(error instanceof Error ? error.message : String(error));
    }
  };
  return (
    <div className="stack">
      <form className="stack" onSubmit={(event) => (event.preventDefault(), ask())}>
        <div className="pair">
          <TextField label="Id of the person" value={id} set={setId} hint="The id by which your app asks." />
          <Field label="Attributes" fault={fault} hint={attributes.length ? `Known are ${attributes.join(", ")}.` : "As your app says them, as JSON."}>{(given) => <textarea {...given} rows={2} value={text} onChange={(event) => setText(event.target.value)} />}</Field>
        </div>
        <div className="line">
          {environments.length > 1 && <Select label="Environment" value={environment} options={environments.map((name) => [name, name] as const)} choose={setEnvironment} />}
          <button type="submit" className="primary">Evaluate</button>
        </div>
      </form>
      {told.fault ? <Failure fault={told.fault} again={told.again} /> : told.isAsking ? <Loading what="the evaluation" /> : told.value && (
        <section className="stack" aria-label="Evaluation">
          <p className="conclusion" role="status"><b>{shownValue(told.value.value)}</b>{told.value.variation && <> · variation <b>{told.value.variation}</b></>} — {told.value.because}</p>
          <ol className="trace">
            {told.value.steps.map(({ what, outcome, why }, index) => (
              <li key={index} className={outcome}><span className={`badge${outcome === "decided" ? " good" : ""}`}>{OUTCOMES[outcome]}</span><b>{what}</b><span>{why}</span></li>
            ))}
          </ol>
        </section>
      )}
    </div>
  );
}
