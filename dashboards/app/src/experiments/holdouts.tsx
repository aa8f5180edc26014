// Holdouts: people who get nothing of what is new, and what everything together has done beside them; made, changed and removed.

import { useState } from "react";
import { useAnswer } from "../api/answer";
import { api, good } from "../api/client";
import { listed, made, removed, replaced, shown, type Item } from "../api/definitions";
import { go, useAddress } from "../frame/address";
import { Link } from "../frame/link";
import { placeOf, useProject } from "../frame/project";
import { ActDialog } from "../parts/act";
import { Segments } from "../parts/choice";
import { Combo } from "../parts/combo";
import { Dialog } from "../parts/dialog";
import { useDraft } from "../parts/draft";
import { ChoiceField, NumberField, TextField } from "../parts/field";
import { ago, moment, number, setPercent } from "../parts/format";
import { GoingButton } from "../parts/going";
import { History } from "../parts/history";
import { Empty, Failure, Loading, PageHead } from "../parts/states";
import { UnsavedNotice } from "../parts/unsaved";
import { NO_HOLDOUT, VERDICTS, asExperiment, named, usersOf, type Holdout } from "./held_out";
import { METRICS } from "./metrics_page";
import { ResultsShown } from "./results";

/** No key of an experiment begins so. */
export const HOLDOUTS = "~holdouts";
const addressOf = (project: string, key?: string) => placeOf(project, `experiments/${HOLDOUTS}${key ? `/${encodeURIComponent(key)}` : ""}`);

export function Holdouts({ holdout }: { holdout?: string }) {
  return holdout ? <One holdout={holdout} /> : <List />;
}

function List() {
  const { id: project, permissions } = useProject();
  const [isMaking, setMaking] = useState(false);
  const found = useAnswer(`${project} holdouts`, (signal) => listed(project, "holdouts", signal));
  return (
    <>
      <PageHead title="Holdouts" about={<Link href={placeOf(project, "experiments")}>All experiments</Link>}>
        {permissions.has("experiments.write") && <button type="button" className="primary" onClick={() => setMaking(true)}>New holdout</button>}
      </PageHead>
      <section className="card" aria-label="All holdouts">
        {found.fault ? <Failure fault={found.fault} again={found.again} /> : !found.value ? <Loading what="holdouts" /> : found.value.length === 0
          ? <Empty>There is none yet. A holdout keeps a small share of people from everything that names it; beside as many others they show what all of it together has done.</Empty>
          : <ul className="rows">{found.value.map(({ key, definition, updated_at }) => (
            <li key={key}>
              <span className="row-text"><Link href={addressOf(project, key)}>{key}</Link><span className="soft small">{[definition.description, `changed ${ago(updated_at)}`].filter(Boolean).join(" · ")}</span></span>
              <span className="soft small">{setPercent(definition.share)} of people · {definition.metrics.length === 1 ? "one metric" : `${number(definition.metrics.length)} metrics`}</span>
            </li>
          ))}</ul>}
      </section>
      {isMaking && <NewHoldout done={(key) => go(addressOf(project, key))} close={() => setMaking(false)} />}
    </>
  );
}

function NewHoldout({ done, close }: { done: (key: string) => void; close: () => void }) {
  const project = useProject().id;
  const [key, setKey] = useState("");
  const [draft, setDraft] = useState(NO_HOLDOUT);
  const [fault, setFault] = useState<unknown>();
  const save = async () => {
    setFault(undefined);
    await made(project, "holdouts", key, draft).then(() => (done(key), close()), setFault);
  };
  return (
    <Dialog title="New holdout" close={close} isWide>
      <form className="stack" onSubmit={(event) => (event.preventDefault(), void save())}>
        <TextField label="Key of the holdout" value={key} set={setKey} placeholder="autumn" hint="Flags and experiments name it. It never changes." />
        <HoldoutFields draft={draft} set={setDraft} />
        {fault ? <Failure fault={fault} /> : null}
        <div className="line"><button type="submit" className="primary" disabled={!key}>Make the holdout</button><button type="button" className="plain" onClick={close}>Cancel</button></div>
      </form>
    </Dialog>
  );
}

function HoldoutFields({ draft, set: change }: { draft: Holdout; set: (draft: Holdout) => void }) {
  const project = useProject().id;
  const metrics = useAnswer(`${project} metrics`, (signal) => listed(project, "metrics", signal));
  const attributes = useAnswer(`${project} attributes`, (signal) => listed(project, "attributes", signal).catch(() => []));
  const set = (part: Partial<Holdout>) => change({ ...draft, ...part });
  const ids = [...new Set(["id", "distinct_id", ...(attributes.value ?? []).filter(({ definition }) => definition.identifies).map(({ key }) => key), draft.hash_attribute])];
  const free = (metrics.value ?? []).filter(({ key }) => !draft.metrics.includes(key));
  return (
    <>
      <div className="pair">
        <NumberField label="Share of people held out, in %" value={Number((draft.share * 100).toFixed(4))} set={(value) => set({ share: (value ?? 0) / 100 })} min={0} max={50} hint="As many others are compared with them." />
        <ChoiceField label="Divided by" value={draft.hash_attribute} options={ids.map((name) => [name, name] as const)} set={(hash_attribute) => set({ hash_attribute })} hint="The same value is always held out, or never." />
      </div>
      <section className="stack" aria-label="Compared by">
        <h3>Compared by <span className="soft small">Without a metric there are no results.</span></h3>
        {draft.metrics.length > 0 && <ul className="chips">{draft.metrics.map((key) => <li key={key}><b>{key}</b><GoingButton className="remove" aria-label={`Remove ${key}`} onClick={() => set({ metrics: draft.metrics.filter((one) => one !== key) })}>×</GoingButton></li>)}</ul>}
        {metrics.fault ? <Failure fault={metrics.fault} again={metrics.again} /> : (
          <Combo key={draft.metrics.length} label="Add a metric" value="" placeholder="add a metric" proposals={free.map(({ key, definition }) => ({ value: key, note: Object.keys(definition.measure)[0] }))} choose={(key) => free.some((one) => one.key === key) && set({ metrics: [...draft.metrics, key] })} />
        )}
      </section>
      <TextField label="What it is for" value={draft.description} set={(description) => set({ description })} rows={2} />
    </>
  );
}

const PARTS = [["results", "Results"], ["edit", "Change"], ["history", "History"]] as const;
type Part = (typeof PARTS)[number][0];

function One({ holdout }: { holdout: string }) {
  const { id: project, permissions } = useProject();
  const { path, query } = useAddress();
  const [isGoing, setGoing] = useState(false);
  const found = useAnswer(`${project} holdout ${holdout}`, (signal) => shown(project, "holdouts", holdout, signal));
  const mayChange = permissions.has("experiments.write");
  const parts = PARTS.filter(([key]) => key !== "edit" || mayChange);
  const part = parts.find(([key]) => key === query.get("part"))?.[0] ?? "results";
  const show = (part: Part) => go(part === "results" ? path : `${path}?${new URLSearchParams({ part })}`, { replaces: true });
  const { item, tag } = found.value ?? {};
  return (
    <>
      <PageHead title={holdout} about={item?.definition.description}>
        <Link className="quiet" href={addressOf(project)}>All holdouts</Link>
        {item && mayChange && <button type="button" className="quiet" onClick={() => setGoing(true)}>Remove</button>}
      </PageHead>
      {found.fault ? <Failure fault={found.fault} again={found.again} /> : !item || !tag ? <Loading what="the holdout" /> : (
        <>
          <Segments label="Part" value={part} options={parts} choose={show} />
          {part === "results" && <Shown item={item} />}
          {part === "edit" && <Change key={tag} item={item} tag={tag} saved={() => (found.again(), show("results"))} />}
          {part === "history" && <section className="card" aria-label="History"><History kind="holdouts" item={holdout} tag={tag} mayChange={mayChange} changed={found.again} /></section>}
        </>
      )}
      {isGoing && <ActDialog title={`Remove ${holdout}?`} about="Flags and experiments must not name it any more. Its people get what is new from then on; its history stays." does="Remove the holdout" isDanger act={(reason) => removed(project, "holdouts", holdout, tag ?? "*", reason || undefined)} done={() => go(addressOf(project))} close={() => setGoing(false)} />}
    </>
  );
}

function Shown({ item: { key, revision, definition, created_at } }: { item: Item<"holdouts"> }) {
  const project = useProject().id;
  const hasMetrics = definition.metrics.length > 0;
  const results = useAnswer(hasMetrics ? `${project} ${key} ${revision} of a holdout` : undefined, (signal) => good(api.GET("/v1/projects/{project}/holdouts/{key}/results", { params: { path: { project, key } }, signal })));
  const namedBy = useAnswer(`${project} ${key} named`, async (signal) => {
    const [experiments, features] = await Promise.all([listed(project, "experiments", signal), listed(project, "features", signal).catch(() => [])]);
    return usersOf(key, experiments, features);
  });
  const { experiments = [], flags = [] } = namedBy.value ?? {};
  return (
    <>
      {!hasMetrics && <Empty>It names no metrics: with one its people are compared with as many others.</Empty>}
      {results.fault ? <Failure fault={results.fault} again={results.again} /> : results.isAsking ? <Loading what="results" /> : null}
      {results.value && <ResultsShown results={named(results.value)} experiment={asExperiment(definition)} verdicts={VERDICTS} />}
      <section className="card" aria-label="How it is set up">
        <h2>How it is set up</h2>
        <dl className="facts">
          <dt>Held out</dt><dd>{setPercent(definition.share)} of people, divided by {definition.hash_attribute}, and as many to compare them with</dd>
          <dt>Since</dt><dd>{moment(created_at)}</dd>
          <dt>Compared by</dt><dd className="links">{hasMetrics ? definition.metrics.map((metric) => <Link key={metric} href={placeOf(project, `experiments/${METRICS}/${encodeURIComponent(metric)}`)}>{metric} </Link>) : "nothing yet"}</dd>
          <dt>Experiments</dt><dd className="links">{experiments.length ? experiments.map((one) => <Link key={one} href={placeOf(project, `experiments/${encodeURIComponent(one)}`)}>{one} </Link>) : "none leaves its people out"}</dd>
          <dt>Flags</dt><dd className="links">{flags.length ? flags.map((one) => <Link key={one} href={placeOf(project, `flags/${encodeURIComponent(one)}`)}>{one} </Link>) : "none leaves its people out"}</dd>
        </dl>
      </section>
    </>
  );
}

function Change({ item, tag, saved }: { item: Item<"holdouts">; tag: string; saved: () => void }) {
  const own = useProject();
  const project = own.id;
  const [draft, setDraft] = useState(item.definition);
  const unsaved = useDraft(own, `holdout ${item.key}`, { now: draft, saved: item.definition, base: tag, restore: setDraft });
  const [reason, setReason] = useState("");
  const [fault, setFault] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const save = async () => {
    setBusy(true);
    setFault(undefined);
    await replaced(project, "holdouts", item.key, tag, draft, reason || undefined).then(() => (unsaved.drop(), saved()), (problem) => (setFault(problem), setBusy(false)));
  };
  return (
    <form className="card stack" aria-label="Change" onSubmit={(event) => (event.preventDefault(), void save())}>
      <UnsavedNotice of={unsaved} />
      <HoldoutFields draft={draft} set={setDraft} />
      <TextField label="Reason for the change" value={reason} set={setReason} hint="Kept in the history." />
      {fault ? <Failure fault={fault} /> : null}
      <div className="line"><button type="submit" className="primary" disabled={isBusy}>Save the holdout</button></div>
    </form>
  );
}
