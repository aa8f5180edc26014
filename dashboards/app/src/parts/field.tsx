// A field with its label above it, a hint, and what is wrong with it.

import { useId, type ReactNode } from "react";

interface Field {
  label: string;
  hint?: ReactNode;
  fault?: string;
  children: (given: { id: string; "aria-describedby"?: string; "aria-invalid"?: true }) => ReactNode;
}

export function Field({ label, hint, fault, children }: Field) {
  const id = useId();
  const told = hint || fault ? `${id}-about` : undefined;
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children({ id, "aria-describedby": told, "aria-invalid": fault ? true : undefined })}
      {told && <span id={told} className="hint">{fault ? <b className="wrong">{fault}</b> : hint}</span>}
    </div>
  );
}

interface Text {
  label: string;
  value: string;
  set: (value: string) => void;
  hint?: ReactNode;
  fault?: string;
  placeholder?: string;
  rows?: number;
  isDisabled?: boolean;
}

export function TextField({ label, value, set, hint, fault, placeholder, rows, isDisabled }: Text) {
  return (
    <Field label={label} hint={hint} fault={fault}>
      {(given) => rows ? <textarea {...given} rows={rows} value={value} placeholder={placeholder} disabled={isDisabled} onChange={(event) => set(event.target.value)} />
        : <input {...given} value={value} placeholder={placeholder} disabled={isDisabled} autoComplete="off" spellCheck={false} onChange={(event) => set(event.target.value)} />}
    </Field>
  );
}

interface Figure {
  label: string;
  value: number | undefined;
  set: (value: number | undefined) => void;
  hint?: ReactNode;
  fault?: string;
  min?: number;
  max?: number;
  step?: number | "any";
  /** Nothing else is taken in place of an empty field. */
  isRequired?: boolean;
}

export function NumberField({ label, value, set, hint, fault, min, max, step = "any", isRequired }: Figure) {
  return (
    <Field label={label} hint={hint} fault={fault}>
      {(given) => <input {...given} type="number" inputMode="decimal" min={min} max={max} step={step} required={isRequired} value={value ?? ""} onChange={(event) => set(event.target.value === "" ? undefined : Number(event.target.value))} />}
    </Field>
  );
}

interface Choice {
  label: string;
  value: string;
  options: readonly (readonly [string, string])[];
  set: (value: string) => void;
  hint?: ReactNode;
  fault?: string;
  isDisabled?: boolean;
}

export function ChoiceField({ label, value, options, set, hint, fault, isDisabled }: Choice) {
  return (
    <Field label={label} hint={hint} fault={fault}>
      {(given) => <select {...given} value={value} disabled={isDisabled} onChange={(event) => set(event.target.value)}>{options.map(([key, text]) => <option key={key} value={key}>{text}</option>)}</select>}
    </Field>
  );
}
