// What an SDK remembers of people who had a variation: the version of their buckets, whom it leaves out, and whether it remembers at all.

import type { Experiment } from "../api/definitions";
import { NumberField } from "../parts/field";

type Sticky = NonNullable<Experiment["sticky"]>;
const USUAL: Sticky = { bucket_version: 0, min_bucket_version: 0, is_off: false };

export function StickyFields({ draft, set }: { draft: Experiment; set: (part: Partial<Experiment>) => void }) {
  const sticky = { ...USUAL, ...draft.sticky };
  const change = (part: Partial<Sticky>) => set({ sticky: { ...sticky, ...part } });
  const isKept = !sticky.is_off;
  return (
    <section className="stack" aria-label="Who keeps a variation">
      <h3>Who keeps a variation <span className="soft small">Where an SDK remembers it, when weights, share or conditions change.</span></h3>
      <label className="check"><input type="checkbox" checked={isKept} onChange={(event) => change({ is_off: !event.target.checked })} />People keep what they once had</label>
      {isKept && (
        <div className="pair">
          <NumberField label="Version of the buckets" value={sticky.bucket_version} min={0} max={1_000_000} step={1} set={(value) => change({ bucket_version: value ?? 0 })} hint="Another one forgets what people had, and divides them anew." />
          <NumberField label="Blocked below version" value={sticky.min_bucket_version} min={0} max={1_000_000} step={1} set={(value) => change({ min_bucket_version: value ?? 0 })} hint="People who had a variation in an earlier version take part no more." />
        </div>
      )}
    </section>
  );
}

/** In one line; undefined where it is as usual. */
export function stickyInWords(sticky: Experiment["sticky"]): string | undefined {
  const { bucket_version = 0, min_bucket_version = 0, is_off = false } = sticky ?? {};
  if (is_off) return "nobody keeps a variation when it changes";
  if (!bucket_version && !min_bucket_version) return undefined;
  return `version ${bucket_version}${min_bucket_version ? `, blocked below ${min_bucket_version}` : ""}`;
}
