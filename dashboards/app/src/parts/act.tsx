// Something is about to be done: what it means, why it is done, and the button that does it.

import { useState, type ReactNode } from "react";
import { Dialog } from "./dialog";
import { TextField } from "./field";
import { Failure } from "./states";

interface Act {
  title: string;
  about: ReactNode;
  /** What the button says. */
  does: string;
  isDanger?: boolean;
  isReady?: boolean;
  act: (reason: string) => Promise<unknown>;
  done: () => void;
  close: () => void;
  children?: ReactNode;
  hasNoReason?: boolean;
}

export function ActDialog({ title, about, does, isDanger, isReady = true, act, done, close, children, hasNoReason }: Act) {
  const [reason, setReason] = useState("");
  const [fault, setFault] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const go = async () => {
    if (isBusy || !isReady) return;
    setBusy(true);
    setFault(undefined);
    try {
      await act(reason.trim());
      done();
      close();
    } catch (problem) {
      setFault(problem);
      setBusy(false);
    }
  };
  return (
    <Dialog title={title} close={close}>
      <form className="stack" onSubmit={(event) => (event.preventDefault(), void go())}>
        <p>{about}</p>
        {children}
        {!hasNoReason && <TextField label="Reason" hint="Kept in the history." rows={2} value={reason} set={setReason} />}
        {fault ? <Failure fault={fault} /> : null}
        <div className="line">
          <button type="submit" className={isDanger ? "primary primary-danger" : "primary"} disabled={!isReady} aria-busy={isBusy}>{does}</button>
          <button type="button" className="plain" onClick={close}>Cancel</button>
        </div>
      </form>
    </Dialog>
  );
}
