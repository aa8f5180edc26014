// The metrics of a project: what each measures, which experiments have it, its history; made, changed and removed.

import { useMemo, useState } from "react";
import { useAnswer } from "../api/answer";
import { listed, removed, replaced, shown, type Experiment, type Item } from "../api/definitions";
import { go, useAddress } from "../frame/address";
import { Link } from "../frame/link";
import { placeOf, useProject } from "../frame/project";
import { activities, useProposals } from "../insights/names";
import { ActDialog } from "../parts/act";
import { Segments } from "../parts/choice";
import { useDraft } from "../parts/draft";
import { TextField } from "../parts/field";
import { ago, moment, number } from "../parts/format";
import { History } from "../parts/history";
import { Empty, Failure, Loading, PageHead } from "../parts/states";
import { UnsavedNotice } from "../parts/unsaved";
import { Measured, NewMetric } from "./metric";
import { capInWords, draftOf, inWords, metricOf, windowInWords } from "./metric_draft";

/** No key of an experiment begins so. */
export const METRICS = "~metrics";
const addressOf = (project: string, key?: string) => placeOf(project, `experiments/${METRICS}${key ? `/${encodeURIComponent(key)}` : ""}`);

export function Metrics({ metric }: { metric?: string }) {
  return metric ? <One metric={metric} /> : <List />;
}

const has = ({ goals, secondary, guardrails }: Experiment, key: string) => goals.includes(key) || secondary.includes(key) || guardrails.some(({ metric }) => metric === key);

function List() {
  const { id: project, permissions } = useProject();
  const { path, query } = useAddress();
  const part = query.get("find") ?? "";
  const [isMaking, setMaking] = useState(false);
  const names = useProposals(() => activities(project), project);
  const found = useAnswer(`${project} all metrics`, (signal) => listed(project, "metrics", signal));
  const experiments = useAnswer(`${project} experiments of metrics`, (signal) => listed(project, "experiments", signal).catch(() => []));
  const shown = (found.value ?? []).filter(({ key, definition }) => `${key} ${inWords(definition)} ${definition.description}`.toLowerCase().includes(part.toLowerCase()));
  const find = (text: string) => go(text ? `${path}?${new URLSearchParams({ find: text })}` : path, { replaces: true });
  return (
    <>
      <PageHead title="Metrics" about={<Link href={placeOf(project, "experiments")}>All experiments</Link>}>
        <label className="field-inline"><span className="soft small">Find</span><input type="search" value={part} onChange={(event) => find(event.target.value)} /></label>
        {permissions.has("experiments.write") && <button type="button" className="primary" onClick={() => setMaking(true)}>New metric</button>}
      </PageHead>
      <section className="card" aria-label="All metrics">
        {found.fault ? <Failure fault={found.fault} again={found.again} /> : !found.value ? <Loading what="metrics" /> : found.value.length === 0
          ? <Empty>There is none yet. A metric says what is measured of each person after they were exposed; experiments name it as a goal, to explain, or as a guardrail.</Empty>
          : shown.length === 0 ? <Empty>No metric is called so.</Empty>
            : <ul className="rows">{shown.map((item) => <Row key={item.key} item={item} experiments={experiments.value ?? []} />)}</ul>}
      </section>
      {isMaking && <NewMetric names={names} done={(key) => go(addressOf(project, key))} close={() => setMaking(false)} />}
    </>
  );
}

function Row({ item: { key, definition, revision, updated_at }, experiments }: { item: Item<"metrics">; experiments: Item<"experiments">[] }) {
  const project = useProject().id;
  const count = experiments.filter((one) => has(one.definition, key)).length;
  return (
    <li>
      <span className="row-text">
        <Link href={addressOf(project, key)}>{key}</Link>
        <span className="soft small">{inWords(definition)}{definition.lower_is_better ? "; lower is better" : ""}</span>
        <span className="soft small">{[definition.description, definition.owner, `revision ${revision}`, `changed ${ago(updated_at)}`].filter(Boolean).join(" · ")}</span>
      </span>
      <span className="soft small">{count === 0 ? "in no experiment" : count === 1 ? "in one experiment" : `in ${number(count)} experiments`}</span>
    </li>
  );
}

const PARTS = [["measures", "What it measures"], ["edit", "Change"], ["history", "History"]] as const;
type Part = (typeof PARTS)[number][0];

function One({ metric }: { metric: string }) {
  const { id: project, permissions } = useProject();
  const { path, query } = useAddress();
  const [isGoing, setGoing] = useState(false);
  const found = useAnswer(`${project} metric ${metric}`, (signal) => shown(project, "metrics", metric, signal));
  const mayChange = permissions.has("experiments.write");
  const parts = PARTS.filter(([key]) => key !== "edit" || mayChange);
  const part = parts.find(([key]) => key === query.get("part"))?.[0] ?? "measures";
  const show = (part: Part) => go(`${path}?${new URLSearchParams({ part })}`, { replaces: true });
  const { item, tag } = found.value ?? {};
  return (
    <>
      <PageHead title={metric} about={item?.definition.description}>
        <Link className="quiet" href={addressOf(project)}>All metrics</Link>
        {item && mayChange && <button type="button" className="quiet" onClick={() => setGoing(true)}>Remove</button>}
      </PageHead>
      {found.fault ? <Failure fault={found.fault} again={found.again} /> : !item || !tag ? <Loading what="the metric" /> : (
        <>
          <Segments label="Part" value={part} options={parts} choose={show} />
          {part === "measures" && <Facts item={item} />}
          {part === "edit" && <Change key={tag} item={item} tag={tag} saved={() => (found.again(), show("measures"))} />}
          {part === "history" && <section className="card" aria-label="History"><History kind="metrics" item={metric} tag={tag} mayChange={mayChange} changed={found.again} /></section>}
        </>
      )}
      {isGoing && <ActDialog title={`Remove ${metric}?`} about="No experiment may name it any more. Results that were worked out with it, and its history, stay." does="Remove the metric" isDanger act={(reason) => removed(project, "metrics", metric, tag ?? "*", reason || undefined)} done={() => go(addressOf(project))} close={() => setGoing(false)} />}
    </>
  );
}

function Facts({ item: { key, definition, revision, updated_at } }: { item: Item<"metrics"> }) {
  const project = useProject().id;
  const experiments = useAnswer(`${project} experiments of ${key}`, (signal) => listed(project, "experiments", signal).catch(() => []));
  const own = (experiments.value ?? []).filter((one) => has(one.definition, key));
  const cap = capInWords(definition.cap);
  return (
    <section className="card" aria-label="What it measures">
      <dl className="facts">
        <dt>Of each person</dt><dd>{inWords(definition)}</dd>
        <dt>When</dt><dd>{windowInWords(definition.window)}</dd>
        {cap && <><dt>Extreme values</dt><dd>{cap}</dd></>}
        <dt>Better is</dt><dd>{definition.lower_is_better ? "lower" : "higher"}</dd>
        {definition.minimum_sample > 0 && <><dt>Told from</dt><dd>{number(definition.minimum_sample)} people of each variation</dd></>}
        {definition.owner && <><dt>Owner</dt><dd>{definition.owner}</dd></>}
        <dt>Experiments</dt><dd className="links">{own.length ? own.map((one) => <Link key={one.key} href={placeOf(project, `experiments/${encodeURIComponent(one.key)}`)}>{one.key} </Link>) : "none names it"}</dd>
        <dt>Revision</dt><dd>{revision}, {moment(updated_at)}</dd>
      </dl>
    </section>
  );
}

/** A new revision: experiments that name it are judged by it from then on. */
function Change({ item, tag, saved }: { item: Item<"metrics">; tag: string; saved: () => void }) {
  const own = useProject();
  const project = own.id;
  const names = useProposals(() => activities(project), project);
  const before = useMemo(() => draftOf(item.definition), [item]);
  const [draft, setDraft] = useState(before);
  // Counts what was brought back: fields with a text of their own begin anew.
  const [turn, setTurn] = useState(0);
  const unsaved = useDraft(own, `metric ${item.key}`, { now: draft, saved: before, base: tag, restore: (left) => (setDraft(left), setTurn(turn + 1)) });
  const [reason, setReason] = useState("");
  const [fault, setFault] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const save = async () => {
    setBusy(true);
    setFault(undefined);
    await replaced(project, "metrics", item.key, tag, { ...item.definition, ...metricOf(draft) }, reason || undefined).then(() => (unsaved.drop(), saved()), (problem) => (setFault(problem), setBusy(false)));
  };
  return (
    <form className="card stack" aria-label="Change" onSubmit={(event) => (event.preventDefault(), void save())}>
      <UnsavedNotice of={unsaved} />
      <p className="soft">Results of experiments that name it are worked out by the new revision, also of the time before; they say which one they used.</p>
      <Measured key={turn} draft={draft} set={setDraft} names={names} />
      <TextField label="Reason for the change" value={reason} set={setReason} hint="Kept in the history." />
      {fault ? <Failure fault={fault} /> : null}
      <div className="line"><button type="submit" className="primary" disabled={isBusy}>Save the metric</button></div>
    </form>
  );
}
