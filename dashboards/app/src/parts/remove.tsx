// «×». What is kept on the server is asked for before; what took work and is not saved yet can be taken back after.

import { useEffect, useRef, useState, type ReactNode } from "react";
import { ActDialog } from "./act";
import { toHeadingOf } from "./focus";
import { GoingButton } from "./going";

/** Removes something that is kept, if whoever pressed it says so. */
export function RemoveKept({ name, about, act, done }: { name: string; about: ReactNode; act: () => Promise<unknown>; done: () => void }) {
  const [isAsked, setAsked] = useState(false);
  return (
    <>
      <GoingButton className="remove" aria-label={`Remove ${name}`} onClick={() => setAsked(true)}>×</GoingButton>
      {isAsked && <ActDialog title={`Remove «${name}»?`} about={about} does="Remove it" isDanger hasNoReason act={act} done={done} close={() => setAsked(false)} />}
    </>
  );
}

/** What was taken out of something that is not saved yet, and the way back. */
export function useUndo(): { offer: (name: string, undo: () => void) => void; notice: ReactNode; forget: () => void } {
  const [offered, setOffered] = useState<{ name: string; undo: () => void; turn: number }>();
  const button = useRef<HTMLButtonElement>(null);
  // The «×» that was pressed has gone with what it removed.
  useEffect(() => {
    if (offered) button.current?.focus();
  }, [offered?.turn]);
  const take = () => {
    if (button.current) toHeadingOf(button.current);
    offered?.undo();
    setOffered(undefined);
  };
  return {
    offer: (name, undo) => setOffered((before) => ({ name, undo, turn: (before?.turn ?? 0) + 1 })),
    forget: () => setOffered(undefined),
    notice: offered && (
      <section className="notice line" aria-label="Removed">
        <span role="status">{offered.name} is removed.</span>
        <button ref={button} type="button" className="plain" onClick={take}>Undo</button>
      </section>
    ),
  };
}
