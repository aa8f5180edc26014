// What can be done with an experiment in its state: review, approval, start, stop, decision. Each asks why.

import { useState } from "react";
import { removed, stepped, type Item } from "../api/definitions";
import { go } from "../frame/address";
import { Link } from "../frame/link";
import { placeOf, useProject } from "../frame/project";
import { ActDialog } from "../parts/act";
import { ChoiceField, NumberField } from "../parts/field";
import { GoingButton } from "../parts/going";
import { ACTS, SHIP, beginsPhase, bodyOf, firstOf, isWhole, mayChange, type Act, type Wanted } from "./acts";

export function Steps({ item, tag, changed }: { item: Item<"experiments">; tag: string; changed: () => void }) {
  const { id: project, permissions } = useProject();
  const [wanted, setWanted] = useState<Act>();
  const [isGoing, setGoing] = useState(false);
  const { definition, state: { status } } = item;
  const [fields, setFields] = useState<Wanted>(() => firstOf(definition));
  if (!permissions.has("experiments.write")) return null;
  const { variations } = definition;
  // What was typed and cancelled, or belongs to the definition before, is nobody's wish any more.
  const open = (act: Act) => (setFields(firstOf(definition)), setWanted(act));
  const set = (part: Partial<Wanted>) => setFields((before) => ({ ...before, ...part }));
  return (
    <>
      {ACTS[status].map((act, index) => <GoingButton key={act.does} className={index === 0 ? "primary" : "plain"} onClick={() => open(act)}>{act.does}</GoingButton>)}
      {mayChange(status) && <Link className="quiet" href={placeOf(project, `experiments/${encodeURIComponent(item.key)}/change`)}>Change</Link>}
      {status === "draft" && <button type="button" className="quiet" onClick={() => setGoing(true)}>Remove</button>}
      {wanted && (
        <ActDialog title={`${wanted.does}: ${item.key}`} about={wanted.about} does={wanted.does} isDanger={wanted.isDanger} isReady={isWhole(wanted, fields)} act={(reason) => stepped(project, item.key, wanted.path, tag, bodyOf(wanted, definition, fields, reason))} done={changed} close={() => setWanted(undefined)}>
          {wanted === SHIP && <ChoiceField label="What everybody gets" value={fields.variation} options={variations.map(({ key, name }) => [key, name ? `${key} (${name})` : key] as const)} set={(variation) => set({ variation })} />}
          {beginsPhase(wanted) && <NumberField label="Share that takes part, in %" value={fields.coverage} set={(coverage) => set({ coverage })} min={0} max={100} fault={fields.coverage === undefined ? "Say a share." : undefined} />}
          {beginsPhase(wanted) && variations.map(({ key }, index) => <NumberField key={key} label={`Weight of ${key}, in %`} value={fields.weights[index]} set={(weight) => set({ weights: fields.weights.map((old, at) => (at === index ? weight : old)) })} min={0} max={100} fault={fields.weights[index] === undefined ? "Say a weight." : undefined} />)}
        </ActDialog>
      )}
      {isGoing && <ActDialog title={`Remove ${item.key}?`} about="Nothing must refer to it; its history stays." does="Remove it" isDanger act={(reason) => removed(project, "experiments", item.key, tag, reason || undefined)} done={() => go(placeOf(project, "experiments"))} close={() => setGoing(false)} />}
    </>
  );
}
