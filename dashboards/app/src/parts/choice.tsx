// One of a few, all in sight: a row of radio buttons.

import { useId } from "react";

interface Choice<T extends string> {
  label: string;
  value: T;
  options: readonly (readonly [T, string])[];
  choose: (value: T) => void;
  isQuiet?: boolean;
}

export function Segments<T extends string>({ label, value, options, choose }: Choice<T>) {
  const name = useId();
  return (
    <fieldset className="segments">
      <legend className="hidden">{label}</legend>
      {options.map(([key, text]) => (
        <label key={key}>
          <input type="radio" name={name} checked={key === value} onChange={() => choose(key)} />
          <span>{text}</span>
        </label>
      ))}
    </fieldset>
  );
}

/** One of several, behind a button of the browser's own. `isQuiet`: the label is for screen readers alone. */
export function Select<T extends string>({ label, value, options, choose, isQuiet }: Choice<T>) {
  const id = useId();
  return (
    <span className="field-inline">
      <label htmlFor={id} className={isQuiet ? "hidden" : undefined}>{label}</label>
      <select id={id} value={value} onChange={(event) => choose(event.target.value as T)}>
        {options.map(([key, text]) => <option key={key} value={key}>{text}</option>)}
      </select>
    </span>
  );
}
