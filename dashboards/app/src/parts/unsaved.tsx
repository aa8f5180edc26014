// Says that something was left unsaved here, and brings it back.

import type { Unsaved } from "./draft";
import { ago } from "./format";

export function UnsavedNotice<T>({ of: { found, isOlder, bringBack, throwAway }, what = "changes" }: { of: Unsaved<T>; what?: string }) {
  if (!found) return null;
  return (
    <section className="notice line" aria-label="Left unsaved">
      <span role="status">You left {what} unsaved here {ago(new Date(found.at).toISOString())}.{isOlder && " What is saved was changed since then: compare before you save."}</span>
      <button type="button" className="plain" onClick={bringBack}>Bring {what === "changes" ? "them" : "it"} back</button>
      <button type="button" className="quiet" onClick={throwAway}>Throw {what === "changes" ? "them" : "it"} away</button>
    </section>
  );
}
