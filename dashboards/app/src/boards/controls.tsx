// The time and the variables of a dashboard, above its tiles.

import { useEffect, useId, useState } from "react";
import { Select } from "../parts/choice";
import { typed, type Value, type Variable } from "./model";

export const DAYS = [["1", "today"], ["7", "7 days"], ["14", "14 days"], ["30", "30 days"], ["90", "90 days"], ["365", "a year"]] as const;

export function Variables({ variables, values, set }: { variables: Variable[]; values: Record<string, Value>; set: (name: string, value: Value) => void }) {
  return <>{variables.map((variable) => <Field key={variable.name} variable={variable} value={values[variable.name] !== undefined ? values[variable.name] ?? null : variable.default ?? null} set={(value) => set(variable.name, value)} />)}</>;
}

/** One variable and its value; nothing is all. */
export function Field({ variable, value, set }: { variable: Variable; value: Value; set: (value: Value) => void }) {
  const label = variable.label || variable.name;
  const id = useId();
  const [text, setText] = useState(value === null ? "" : String(value));
  useEffect(() => setText(value === null ? "" : String(value)), [value]);
  const options = variable.type === "boolean" && !variable.options?.length ? [true, false] : variable.options;
  if (options?.length) {
    const choices = [["", "all"] as const, ...options.map((option) => [String(option), String(option)] as const)];
    return <Select label={label} value={value === null ? "" : String(value)} options={choices} choose={(chosen) => set(options.find((option) => String(option) === chosen) ?? null)} />;
  }
  return (
    <span className="field-inline">
      <label htmlFor={id}>{label}</label>
      <input id={id} value={text} placeholder="all" onChange={(event) => setText(event.target.value)} onBlur={() => set(typed(variable, text))} onKeyDown={(event) => event.key === "Enter" && set(typed(variable, text))} />
    </span>
  );
}
