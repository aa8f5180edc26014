// What can be done with an experiment in its state: review, approval, start, stop, decision. Each asks why.

import { useState } from "react";
import { removed, stepped, type Item } from "../api/definitions";
import { go } from "../frame/address";
import { Link } from "../frame/link";
import { placeOf, useProject } from "../frame/project";
import { ActDialog } from "../parts/act";
import { ChoiceField, NumberField } from "../parts/field";

interface Act {
  does: string;
  about: string;
  path: string;
  isDanger?: boolean;
  body?: object;
}
type Status = Item<"experiments">["state"]["status"];

const REVIEW: Act = { does: "Ask for a review", path: "review", about: "Somebody else looks at it and approves it." };
const APPROVE: Act = { does: "Approve", path: "approval", about: "You vouch for it. Whoever asked for the review cannot approve it." };
const REDRAFT: Act = { does: "Back to draft", path: "redraft", about: "It can be changed again, and needs a review again." };
const START: Act = { does: "Start", path: "start", about: "People are assigned from now on. Who takes part cannot be changed within a phase." };
const START_AT_ONCE: Act = { ...START, does: "Start without review", about: `${START.about} Nobody has approved it; the history says so.`, body: { without_review: true } };
const STOP: Act = { does: "Stop", path: "stop", about: "Nobody is assigned any more; everybody gets the flag’s default until there is a decision." };
const SHIP: Act = { does: "Ship", path: "ship", about: "One variation for everybody who is targeted." };
const BACK: Act = { does: "Roll back", path: "roll-back", about: "Control for everybody.", isDanger: true };
const PHASE: Act = { does: "New phase", path: "phases", about: "Another share of people, or other weights. Results begin anew, and those of this phase stay." };

const ACTS: Record<Status, Act[]> = { draft: [REVIEW, START_AT_ONCE], in_review: [APPROVE, START_AT_ONCE, REDRAFT], approved: [START, REDRAFT], running: [STOP, SHIP, BACK, PHASE], stopped: [SHIP, BACK], shipped: [BACK], rolled_back: [SHIP] };

export function Steps({ item, tag, changed }: { item: Item<"experiments">; tag: string; changed: () => void }) {
  const { id: project, permissions } = useProject();
  const [wanted, setWanted] = useState<Act>();
  const [isGoing, setGoing] = useState(false);
  const variations = item.definition.variations;
  const [variation, setVariation] = useState(variations[1]?.key ?? "");
  const [coverage, setCoverage] = useState<number | undefined>(item.definition.coverage * 100);
  const [weights, setWeights] = useState<(number | undefined)[]>(variations.map(({ weight }) => Number((weight * 100).toFixed(4))));
  if (!permissions.has("experiments.write")) return null;
  const { status } = item.state;
  const isReweighed = weights.some((weight, index) => weight !== Number(((variations[index]?.weight ?? 0) * 100).toFixed(4)));
  const body = (reason: string) => ({ ...wanted?.body, ...(wanted === SHIP && { variation }), ...(wanted === PHASE && { coverage: (coverage ?? 100) / 100, ...(isReweighed && { weights: weights.map((weight) => (weight ?? 0) / 100) }) }), ...(reason && { reason }) });
  const canEdit = status === "draft" || status === "in_review" || status === "approved" || status === "running";
  return (
    <>
      {ACTS[status].map((act, index) => <button type="button" key={act.does} className={index === 0 ? "primary" : "plain"} onClick={() => setWanted(act)}>{act.does}</button>)}
      {canEdit && <Link className="quiet" href={placeOf(project, `experiments/${encodeURIComponent(item.key)}/change`)}>Change</Link>}
      {status === "draft" && <button type="button" className="quiet" onClick={() => setGoing(true)}>Remove</button>}
      {wanted && (
        <ActDialog title={`${wanted.does}: ${item.key}`} about={wanted.about} does={wanted.does} isDanger={wanted.isDanger} act={(reason) => stepped(project, item.key, wanted.path, tag, body(reason))} done={changed} close={() => setWanted(undefined)}>
          {wanted === SHIP && <ChoiceField label="What everybody gets" value={variation} options={variations.map(({ key, name }) => [key, name ? `${key} (${name})` : key] as const)} set={setVariation} />}
          {wanted === PHASE && <NumberField label="Share that takes part, in %" value={coverage} set={setCoverage} min={0} max={100} />}
          {wanted === PHASE && variations.map(({ key }, index) => <NumberField key={key} label={`Weight of ${key}, in %`} value={weights[index]} set={(weight) => setWeights(weights.map((old, at) => (at === index ? weight : old)))} min={0} max={100} />)}
        </ActDialog>
      )}
      {isGoing && <ActDialog title={`Remove ${item.key}?`} about="Nothing must refer to it; its history stays." does="Remove it" isDanger act={(reason) => removed(project, "experiments", item.key, tag, reason || undefined)} done={() => go(placeOf(project, "experiments"))} close={() => setGoing(false)} />}
    </>
  );
}
