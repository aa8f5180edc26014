// A dialog of the browser's own: it keeps the focus, and Escape closes it.

import { useId, useLayoutEffect, useRef, type ReactNode, type SyntheticEvent } from "react";
import { createPortal } from "react-dom";

export function Dialog({ title, close, children, isWide }: { title: string; close: () => void; children: ReactNode; isWide?: boolean }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  // While it is still in the page: a dialog that is taken out without being closed does not give the focus back.
  useLayoutEffect(() => {
    const before = document.activeElement;
    const shown = dialog.current;
    shown?.showModal();
    return () => {
      shown?.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  // Of a dialog that this one has opened, or of a choice of files in it, it is none of ours.
  const cancel = (event: SyntheticEvent) => {
    if (event.target !== dialog.current) return;
    event.preventDefault();
    close();
  };
  // Beside the page: a form may open a dialog that has a form of its own, and sends that alone.
  return createPortal(
    <dialog ref={dialog} className={isWide ? "wide" : undefined} aria-labelledby={id} onCancel={cancel} onSubmit={(event) => event.stopPropagation()}>
      <div className="dialog-body">
        <header className="dialog-head">
          <h2 id={id}>{title}</h2>
          <button type="button" className="quiet" onClick={close}>Close</button>
        </header>
        {children}
      </div>
    </dialog>,
    document.body,
  );
}
