// What is known of an answer while it is worked out: the chart of a part of the people, dimmed, with the share in words.

import { useMemo } from "react";
import type { Part } from "../api/stream";
import { ZONE } from "../boards/zone";
import { Chart } from "../chart/chart";
import { percent } from "../parts/format";
import { drawn } from "./drawn";
import { Numbers } from "./numbers";
import { KINDS, type Kind } from "./question";

interface Props {
  part: Part;
  kind: Kind;
  definition: Record<string, unknown>;
}

/** What is said of a part. */
export const saidOf = ({ share }: Part) => `So far of ${percent(share, 0)} of the people; the rest is on its way`;

/** The same where there is little room. */
export function PartMark({ part }: { part: Part }) {
  const said = saidOf(part);
  return <span className="badge" role="status" title={said}><span aria-hidden="true">{percent(part.share, 0)} so far</span><span className="hidden">{said}</span></span>;
}

export function PartOfAnswer({ part, kind, definition }: Props) {
  const shown = useMemo(() => drawn(kind, definition, part.answer, ZONE), [part, kind, definition]);
  const title = KINDS.find(([key]) => key === kind)?.[1] ?? "";
  return (
    <div className="stack">
      <div className="result-head">
        <h2>{title}</h2>
        <span className="soft small" role="status">{saidOf(part)}</span>
      </div>
      {shown.drawing ? <Chart label={`${title}, ${saidOf(part)}`} drawing={shown.drawing} isStale /> : !shown.people && <div className="stale"><Numbers label={`${title} as a table, ${saidOf(part)}`} shown={shown} /></div>}
    </div>
  );
}
