// A typed value of a flag: a switch, a text, a number, or JSON.

import { useId, useState } from "react";
import type { Feature } from "../api/definitions";
import { Select } from "../parts/choice";
import { Field } from "../parts/field";

export type ValueType = Feature["value_type"];
export const TYPES = [["boolean", "on or off"], ["string", "text"], ["number", "number"], ["json", "JSON"]] as const;
export const emptyOf = (type: ValueType): unknown => ({ boolean: false, string: "", number: 0, json: {} })[type];
export const shownValue = (value: unknown) => (typeof value === "string" ? `“${value}”` : JSON.stringify(value));

export function ValueField({ label, type, value, set }: { label: string; type: ValueType; value: unknown; set: (value: unknown) => void }) {
  const id = useId();
  const [text, setText] = useState(() => JSON.stringify(value, null, 2));
  const [fault, setFault] = useState<string>();
  if (type === "boolean") return <Select label={label} value={String(value === true)} options={[["true", "on"], ["false", "off"]]} choose={(chosen) => set(chosen === "true")} />;
  if (type === "json") {
    const write = (text: string) => {
      setText(text);
      try {
        set(JSON.parse(text));
        setFault(undefined);
      } catch (error) {
        setFault(error instanceof Error ? error.message : String(error));
      }
    };
    return <Field label={label} fault={fault}>{(given) => <textarea {...given} ref={(field) => field?.setCustomValidity(fault ? `This is no JSON: ${fault}` : "")} rows={3} value={text} onChange={(event) => write(event.target.value)} />}</Field>;
  }
  // On the way to a number there is what is none yet, or another: «-», «1.0». The text is its own; without a number nothing is sent.
  const write = (text: string) => {
    setText(text);
    if (text !== "") set(Number(text));
  };
  return (
    <span className="field-inline">
      <label htmlFor={id}>{label}</label>
      {type === "string" ? <input id={id} type="text" value={String(value ?? "")} onChange={(event) => set(event.target.value)} /> : <input id={id} type="number" step="any" required value={text} onChange={(event) => write(event.target.value)} />}
    </span>
  );
}
