// Flags: what they give to whom, the switch that takes them off, and those that nobody needs any more.

import { useState } from "react";
import { useAnswer } from "../api/answer";
import { api, good } from "../api/client";
import { everything, listed, patched, removed, shown, type Item, type Rule } from "../api/definitions";
import { go, useAddress, useText } from "../frame/address";
import { Link } from "../frame/link";
import { placeOf, useProject } from "../frame/project";
import { ActDialog } from "../parts/act";
import { Segments } from "../parts/choice";
import { ago, setPercent } from "../parts/format";
import { GoingButton } from "../parts/going";
import { History } from "../parts/history";
import type { Choice } from "../parts/planned";
import { ScheduledChanges } from "../parts/scheduled";
import { Empty, Failure, Loading, PageHead } from "../parts/states";
import { Attributes } from "./attributes";
import { inWords } from "./condition";
import { Connections } from "./connections";
import { Debugger } from "./debugger";
import { Editor, useParts } from "./editor";
import { Groups } from "./groups";
import { inWords as neededInWords, neededBy, type Other } from "./needs";
import { switchedAt, switchedIn, type Turn } from "./switching";
import { shownValue } from "./value";

/** No key of a flag begins so. */
const NEW = "~new";

export default function Flags({ rest: [key] }: { rest: string[] }) {
  const project = useProject().id;
  if (key === NEW) return <><PageHead title="New flag" about={<Link href={placeOf(project, "flags")}>All flags</Link>} /><Editor saved={(key) => go(placeOf(project, `flags/${encodeURIComponent(key)}`))} /></>;
  return key ? <Flag flag={key} /> : <List />;
}

interface Stale {
  key: string;
  reason: string;
  unchanged_days: number;
}

function List() {
  const { id: project, permissions } = useProject();
  const [part, setPart] = useText("find");
  const [hasGroups, setGroups] = useState(false);
  const [hasAttributes, setAttributes] = useState(false);
  const [hasKeys, setKeys] = useState(false);
  const found = useAnswer(project, (signal) => listed(project, "features", signal));
  const stale = useAnswer(`${project} stale`, (signal) => everything<Stale>((query) => good(api.GET("/v1/projects/{project}/stale-features", { params: { path: { project }, query }, signal }))).catch((): Stale[] => []));
  const environments = useAnswer(`${project} environments`, (signal) => listed(project, "environments", signal).then((all) => all.map(({ key }) => key), () => []));
  const shown = (found.value ?? []).filter(({ key, definition }) => `${key} ${definition.description} ${definition.owner} ${definition.tags.join(" ")}`.toLowerCase().includes(part.toLowerCase()));
  return (
    <>
      <PageHead title="Flags" about="A default, rules in order, and a switch. A switch holds within a second.">
        <label className="field-inline"><span className="soft small">Find</span><input type="search" value={part} onChange={(event) => setPart(event.target.value)} /></label>
        <button type="button" className="quiet" onClick={() => setAttributes(true)}>Attributes</button>
        <button type="button" className="quiet" onClick={() => setGroups(true)}>Saved groups</button>
        <button type="button" className="quiet" onClick={() => setKeys(true)}>SDK keys</button>
        {permissions.has("flags.write") && <Link className="primary" href={placeOf(project, `flags/${NEW}`)}>New flag</Link>}
      </PageHead>
      <section className="card" aria-label="All flags">
        {found.fault ? <Failure fault={found.fault} again={found.again} /> : !found.value ? <Loading what="flags" /> : found.value.length === 0
          ? <Empty>There is none yet. A flag is a value that your app asks for, and that you change here without a release.</Empty> : shown.length === 0 ? <Empty>No flag is called so.</Empty>
          : <ul className="rows">{shown.map((item) => <Row key={item.key} item={item} stale={stale.value?.find(({ key }) => key === item.key)} environments={environments.value ?? []} changed={found.again} />)}</ul>}
      </section>
      {hasAttributes && <Attributes close={() => setAttributes(false)} />}
      {hasGroups && <Groups close={() => setGroups(false)} />}
      {hasKeys && <Connections close={() => setKeys(false)} />}
    </>
  );
}

const STALE: Record<string, string> = { archived: "archived", one_value: "gives everybody the same", no_rules: "has no rules", experiments_ended: "its experiments have ended" };

function Row({ item: { key, definition, updated_at }, stale, environments, changed }: { item: Item<"features">; stale?: Stale; environments: string[]; changed: () => void }) {
  const project = useProject().id;
  return (
    <li>
      <span className="row-text">
        <Link href={placeOf(project, `flags/${encodeURIComponent(key)}`)}>{key}</Link>
        <span className="soft small">{definition.description || `${definition.value_type}, ${shownValue(definition.default_value)} by default`} · {definition.rules.length === 1 ? "one rule" : `${definition.rules.length} rules`} · changed {ago(updated_at)}</span>
      </span>
      <span className="line">
        {stale && <span className="badge warn" title={`Unchanged for ${stale.unchanged_days} days`}>stale: {STALE[stale.reason] ?? stale.reason.replaceAll("_", " ")}</span>}
        {definition.is_archived && <span className="badge">archived</span>}
        <Switch flag={key} offIn={definition.off_in} environments={environments} changed={changed} />
      </span>
    </li>
  );
}

/** On or off, in all environments or in one. */
function Switch({ flag, offIn, changed, environments, environment }: { flag: string; offIn: string[]; changed: () => void; environments: string[]; environment?: string }) {
  const { id: project, permissions } = useProject();
  const [asked, setAsked] = useState<Turn>();
  const { isOn, said, turns } = environment ? switchedAt(offIn, environment) : switchedIn(offIn, environments);
  const turn = (reason: string) => good(api.PUT("/v1/projects/{project}/features/{key}/switch", { params: { path: { project, key: flag } }, body: { is_on: asked === "on", ...(environment && { environments: [environment] }), ...(reason && { reason }) } as never }));
  const where = environment ? ` in ${environment}` : "";
  return (
    <>
      <span className={`badge${isOn ? " good" : " warn"}`}>{said}</span>
      {permissions.has("flags.write") && turns.map((way, at) => <GoingButton key={at} className="plain" onClick={() => setAsked(way)} aria-label={`Switch ${way}: ${flag}${where}`}>Switch {way}</GoingButton>)}
      {asked && <ActDialog title={`Switch ${flag} ${asked}${where}?`} about={asked === "off" ? "Everybody gets the value that it has while it is off, within a second." : "Its rules hold again, within a second."} does={`Switch ${asked}`} isDanger={asked === "off"} act={turn} done={changed} close={() => setAsked(undefined)} />}
    </>
  );
}

const PARTS = [["rules", "What it gives"], ["why", "Why this value?"], ["edit", "Change"], ["history", "History"]] as const;
type Part = (typeof PARTS)[number][0];

function Flag({ flag }: { flag: string }) {
  const { id: project, permissions } = useProject();
  const { path, query } = useAddress();
  const [isGoing, setGoing] = useState(false);
  const [isArchiving, setArchiving] = useState(false);
  const found = useAnswer(`${project} ${flag}`, (signal) => shown(project, "features", flag, signal));
  const parts = useParts(project);
  const part = PARTS.find(([key]) => key === query.get("part"))?.[0] ?? "rules";
  const show = (part: Part) => go(`${path}?${new URLSearchParams({ part })}`, { replaces: true });
  const mayChange = permissions.has("flags.write");
  const environments = parts.value?.environments ?? ["production"];
  const { item, tag } = found.value ?? {};
  return (
    <>
      <PageHead title={flag} about={item?.definition.description || <Link href={placeOf(project, "flags")}>All flags</Link>}>
        {item?.definition.description && <Link className="quiet" href={placeOf(project, "flags")}>All flags</Link>}
        {item?.definition.is_archived && <span className="badge warn">archived</span>}
        {item && mayChange && <button type="button" className="quiet" onClick={() => setArchiving(true)}>{item.definition.is_archived ? "Bring it back" : "Archive"}</button>}
        {item && mayChange && <button type="button" className="quiet" onClick={() => setGoing(true)}>Remove</button>}
      </PageHead>
      {found.fault ? <Failure fault={found.fault} again={found.again} /> : !item ? <Loading what="the flag" /> : (
        <>
          <Segments label="Part" value={part} options={mayChange ? PARTS : PARTS.filter(([key]) => key !== "edit")} choose={show} />
          {part === "rules" && parts.fault ? <Failure fault={parts.fault} again={parts.again} /> : null}
          {part === "rules" && <Rules item={item} environments={environments} isKnown={parts.value !== undefined} flags={parts.value?.flags ?? []} changed={found.again} />}
          {part === "why" && <section className="card" aria-label="Why this value?"><Debugger flag={flag} environments={environments} attributes={(parts.value?.attributes ?? []).map(({ key }) => key)} first={query.get("id") ?? ""} /></section>}
          {part === "edit" && <Editor key={tag} item={item} tag={tag} saved={() => (found.again(), show("rules"))} />}
          {part === "history" && <section className="card" aria-label="History"><History kind="features" item={flag} tag={tag} mayChange={mayChange} changed={found.again} /></section>}
        </>
      )}
      {isArchiving && item && tag && <Archiving item={item} tag={tag} flags={parts.value?.flags ?? []} done={found.again} close={() => setArchiving(false)} />}
      {isGoing && <ActDialog title={`Remove ${flag}?`} about="Code that asks for it gets its own default. The history stays." does="Remove the flag" isDanger act={(reason) => removed(project, "features", flag, tag ?? "*", reason || undefined)} done={() => go(placeOf(project, "flags"))} close={() => setGoing(false)} />}
    </>
  );
}

/** Out of use and back again; it keeps its definition and history. */
function Archiving({ item: { key, definition }, tag, flags, done, close }: { item: Item<"features">; tag: string; flags: Item<"features">[]; done: () => void; close: () => void }) {
  const project = useProject().id;
  const isBack = definition.is_archived;
  const needing = isBack ? [] : neededBy(key, flags);
  const act = (reason: string) => patched(project, "features", key, tag, { is_archived: !isBack }, reason || undefined);
  if (isBack) return <ActDialog title={`Bring ${key} back?`} about="It is given out again, by its rules as they stand, within a second." does="Bring it back" act={act} done={done} close={close} />;
  return (
    <ActDialog title={`Archive ${key}?`} about="Nobody is given it any more: code that asks for it gets its own default. Its definition and history stay, and it can be brought back." does="Archive it" isDanger isReady={needing.length === 0} act={act} done={done} close={close}>
      {needing.length > 0 && <p className="wrong" role="status">{needing.join(", ")} {needing.length === 1 ? "needs" : "need"} it: change {needing.length === 1 ? "that flag" : "those flags"} first.</p>}
    </ActDialog>
  );
}

/** On or off, in all environments. */
const plannedOf = (environments: string[]): Choice[] => [["is switched on everywhere", { patch: { off_in: [] } }], ["is switched off everywhere", { patch: { off_in: environments } }]];

/** `isKnown`: these are all environments, and not production alone while the others are asked for. */
function Rules({ item: { key, definition }, environments, isKnown, flags, changed }: { item: Item<"features">; environments: string[]; isKnown: boolean; flags: Other[]; changed: () => void }) {
  const offValue = definition.off_value ?? (definition.value_type === "boolean" ? false : definition.default_value);
  return (
    <>
      <section className="card" aria-label="Where it is on"><div className="line">{environments.map((environment) => <Switch key={environment} flag={key} offIn={definition.off_in} environments={environments} environment={environment} changed={changed} />)}</div></section>
      <section className="card" aria-label="Rules">
        <h2>In this order</h2>
        <ol className="rows">
          {definition.prerequisites.length > 0 && <li><span className="row-text"><b>Where not {definition.prerequisites.map((one) => neededInWords(one, flags)).join(" and ")}</b></span><b>{shownValue(offValue)}</b></li>}
          {definition.rules.map((rule, index) => <RuleTold key={rule.id} rule={rule} index={index} flags={flags} />)}
          <li><span className="row-text"><b>Everybody else</b></span><b>{shownValue(definition.default_value)}</b></li>
          <li><span className="row-text"><b>While it is off</b></span><b>{shownValue(offValue)}</b></li>
        </ol>
      </section>
      <ScheduledChanges kind="feature" item={key} choices={isKnown ? plannedOf(environments) : []} changed={changed} />
    </>
  );
}

function RuleTold({ rule, index, flags }: { rule: Rule; index: number; flags: Other[] }) {
  const project = useProject().id;
  const { serve } = rule;
  return (
    <li>
      <span className="row-text">
        <span><b>{index + 1}. {inWords(rule.condition)}</b> {rule.is_off && <span className="badge warn">off</span>} {rule.environments && <span className="badge">{rule.environments.join(", ")}</span>}</span>
        {rule.prerequisites.length > 0 && <span className="small">only where {rule.prerequisites.map((one) => neededInWords(one, flags)).join(" and ")}</span>}
        <span className="soft small">{rule.description || rule.id}</span>
      </span>
      <span>
        {"force" in serve && <b>{shownValue(serve.force.value)}</b>}
        {"rollout" in serve && <><b>{shownValue(serve.rollout.value)}</b> to {setPercent(serve.rollout.coverage)}</>}
        {"experiment" in serve && <Link href={placeOf(project, `experiments/${encodeURIComponent(serve.experiment.experiment)}`)}>{serve.experiment.values.map(({ variation, value }) => `${variation}: ${shownValue(value)}`).join(" · ")}</Link>}
      </span>
    </li>
  );
}
