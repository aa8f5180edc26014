// A text with proposals (WAI-ARIA combobox): what is typed counts, the arrows and Enter take a proposal.

import { useEffect, useId, useRef, useState, type KeyboardEvent } from "react";

export interface Proposal {
  value: string;
  note?: string;
}

export interface Proposals extends Array<Proposal> {
  /** Why there are none. */
  refusal?: string;
}

interface Combo {
  label: string;
  value: string;
  placeholder?: string;
  proposals: Proposals;
  choose: (value: string) => void;
  /** Asked for when the field is entered. */
  onOpen?: () => void;
  isQuiet?: boolean;
  /** What was taken goes elsewhere: the field is empty again. */
  isEmptied?: boolean;
}

const SHOWN_MAX = 50;

export function Combo({ label, value, placeholder, proposals, choose, onOpen, isQuiet = true, isEmptied }: Combo) {
  const id = useId();
  const [text, setText] = useState(value);
  const [isOpen, setOpen] = useState(false);
  const [at, setAt] = useState(-1);
  const list = useRef<HTMLUListElement>(null);
  useEffect(() => setText(value), [value]);
  const needle = text === value ? "" : text.toLowerCase();
  const shown = proposals.filter((proposal) => proposal.value.toLowerCase().includes(needle)).slice(0, SHOWN_MAX);
  useEffect(() => {
    // Newer browsers answer with a promise, which is no cleaning up.
    list.current?.children[at]?.scrollIntoView({ block: "nearest" });
  }, [at]);

  const take = (chosen: string) => {
    setText(isEmptied ? "" : chosen);
    setOpen(false);
    setAt(-1);
    if (chosen !== value) choose(chosen);
  };
  const press = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      setOpen(true);
      setAt((at) => (shown.length ? (at + (event.key === "ArrowDown" ? 1 : -1) + shown.length + (at < 0 && event.key === "ArrowUp" ? 1 : 0)) % shown.length : -1));
    } else if (event.key === "Enter") {
      event.preventDefault();
      take(shown[at]?.value ?? text);
    } else if (event.key === "Escape") {
      // Of a field in a dialog the first Escape is the proposals' alone.
      if (isOpen || text !== value) event.preventDefault();
      setOpen(false);
      setText(value);
    }
  };
  return (
    <span className="combo field-inline">
      <label htmlFor={id} className={isQuiet ? "hidden" : undefined}>{label}</label>
      <input
        id={id} role="combobox" aria-expanded={isOpen && shown.length > 0} aria-controls={`${id}-list`} aria-autocomplete="list"
        aria-activedescendant={isOpen && at >= 0 ? `${id}-${at}` : undefined} autoComplete="off" spellCheck={false} value={text} placeholder={placeholder}
        onFocus={(event) => (onOpen?.(), event.target.select())} onClick={() => setOpen(true)} onKeyDown={press} onBlur={() => take(text)}
        onChange={(event) => (setText(event.target.value), setOpen(true), setAt(-1))}
      />
      <ul id={`${id}-list`} role="listbox" aria-label={label} ref={list} hidden={!isOpen || shown.length === 0}>
        {isOpen && shown.map((proposal, index) => (
          <li
            key={proposal.value} id={`${id}-${index}`} role="option" aria-selected={index === at}
            onMouseDown={(event) => (event.preventDefault(), take(proposal.value))}
          >
            <span>{proposal.value}</span>{proposal.note && <small>{proposal.note}</small>}
          </li>
        ))}
      </ul>
      {isOpen && proposals.refusal && <span className="combo-refusal small" role="status">There are no proposals: {proposals.refusal} What you type counts all the same.</span>}
    </span>
  );
}
