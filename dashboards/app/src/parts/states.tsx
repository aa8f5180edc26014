// What is shown while there is nothing to show: loading, refused, empty. Each says what can be done.

import { useEffect, type ReactNode } from "react";
import { Refused } from "../api/client";

export function Loading({ what }: { what: string }) {
  return <p className="loading" role="status"><i aria-hidden="true" />Loading {what} …</p>;
}

/** What the tab of the browser and its history call the page. */
function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · Footfall`;
  }, [title]);
}

export function Nothing({ title, children }: { title: string; children?: ReactNode }) {
  useTitle(title);
  return (
    <section className="card nothing">
      <h1 tabIndex={-1}>{title}</h1>
      <p className="soft">{children}</p>
    </section>
  );
}

/** A list or answer without items. */
export function Empty({ children }: { children: ReactNode }) {
  return <p className="empty soft">{children}</p>;
}

/** Why something was refused, what about it can be mended, and a way to try again. */
export function Failure({ fault, again }: { fault: unknown; again?: () => void }) {
  const { title, detail, errors, requestId } = toldOf(fault);
  return (
    <div className="failure" role="alert">
      <b>{title}</b>
      {detail && detail !== title && <p>{detail}</p>}
      {errors.length > 0 && <ul>{errors.map((error) => <li key={error}>{error}</li>)}</ul>}
      {requestId && <p className="small">Request {requestId}</p>}
      {again && <button type="button" className="plain" onClick={again}>Try again</button>}
    </div>
  );
}

function toldOf(fault: unknown): { title: string; detail?: string; errors: string[]; requestId?: string } {
  if (!(fault instanceof Refused)) return { title: "This cannot be shown", detail: fault instanceof Error ? fault.message : String(fault), errors: [] };
  const { problem, status, message } = fault;
  const errors = (problem.errors ?? []).map(({ pointer, detail }) => (pointer ? `${pointer}: ${detail}` : detail));
  // One fault alone is told by the detail as well.
  const [only, ...others] = problem.errors ?? [];
  const isTwice = only && others.length === 0 && message.includes(only.detail) && message.includes(only.pointer ?? "");
  return { title: problem.title ?? (status ? `The server answered ${status}` : "The server does not answer"), detail: message, errors: isTwice ? [] : errors, requestId: status >= 500 ? problem.request_id : undefined };
}

/** What a page is about, and what can be done on it. */
export function PageHead({ title, about, children }: { title: string; about?: ReactNode; children?: ReactNode }) {
  useTitle(title);
  return (
    <header className="page-head">
      <div>
        <h1 tabIndex={-1}>{title}</h1>
        {about && <p className="soft">{about}</p>}
      </div>
      {children && <div className="page-actions">{children}</div>}
    </header>
  );
}
