// Experiments: all of a project with state and health, a new one, and one with its results and its history.

import { useAnswer } from "../api/answer";
import { api, good } from "../api/client";
import { listed, shown, type Item } from "../api/definitions";
import { useText } from "../frame/address";
import { Link } from "../frame/link";
import { placeOf, useProject } from "../frame/project";
import { inWords } from "../flags/condition";
import { Select } from "../parts/choice";
import { ago, moment, number, setPercent } from "../parts/format";
import { History } from "../parts/history";
import type { Choice } from "../parts/planned";
import { ScheduledChanges } from "../parts/scheduled";
import { Empty, Failure, Loading, PageHead } from "../parts/states";
import { comparesApart, environmentOf, environmentsOf } from "./compared";
import { wordsOf } from "./dimensions";
import { HOLDOUTS, Holdouts } from "./holdouts";
import { METRICS, Metrics } from "./metrics_page";
import { redirectsInWords } from "./redirects";
import { ResultsShown } from "./results";
import { Steps } from "./steps";
import { stickyInWords } from "./sticky";
import { conclude } from "./told";
import { Wizard } from "./wizard";

/** No key of an experiment begins so. */
const NEW = "~new";
const HEALTH_MAX = 12;

export default function Experiments({ rest: [key, part] }: { rest: string[] }) {
  if (key === NEW) return <Wizard />;
  if (key === METRICS) return <Metrics metric={part} />;
  if (key === HOLDOUTS) return <Holdouts holdout={part} />;
  if (key && part === "change") return <Change experiment={key} />;
  return key ? <Experiment experiment={key} /> : <List />;
}

const STATUS = { draft: "", in_review: "warn", approved: "warn", running: "good", stopped: "warn", shipped: "good", rolled_back: "bad" } as const;
const Status = ({ status }: { status: keyof typeof STATUS }) => <span className={`badge ${STATUS[status]}`}>{status.replace("_", " ")}</span>;

const useResults = (project: string, item: Item<"experiments"> | undefined, query: { phase?: number; environment?: string } = {}) =>
  useAnswer(item && item.state.phases.length > 0 ? `${project} ${item.key} ${item.revision} ${query.phase ?? ""} ${query.environment ?? ""} r` : undefined, (signal) => good(api.GET("/v1/projects/{project}/experiments/{key}/results", { params: { path: { project, key: item?.key ?? "" }, query }, signal })));

function List() {
  const { id: project, permissions } = useProject();
  const [chosen, setState] = useText("state");
  const found = useAnswer(project, (signal) => listed(project, "experiments", signal));
  const states = [...new Set((found.value ?? []).map((item) => item.state.status))];
  const state = states.find((one) => one === chosen) ?? "all";
  const shown = (found.value ?? []).filter((item) => state === "all" || item.state.status === state).sort((a, b) => Number(b.state.status === "running") - Number(a.state.status === "running") || b.updated_at.localeCompare(a.updated_at));
  return (
    <>
      <PageHead title="Experiments" about="What is tried out, and on whom.">
        {states.length > 1 && <Select label="State" isQuiet value={state} options={[["all", "all states"] as const, ...states.map((one) => [one, one.replace("_", " ")] as const)]} choose={(state) => setState(state === "all" ? "" : state)} />}
        <Link className="plain" href={placeOf(project, `experiments/${METRICS}`)}>Metrics</Link>
        <Link className="plain" href={placeOf(project, `experiments/${HOLDOUTS}`)}>Holdouts</Link>
        {permissions.has("experiments.write") && <Link className="primary" href={placeOf(project, `experiments/${NEW}`)}>New experiment</Link>}
      </PageHead>
      <section className="card" aria-label="All experiments">
        {found.fault ? <Failure fault={found.fault} again={found.again} /> : !found.value ? <Loading what="experiments" /> : shown.length === 0
          ? <Empty>There is none yet. An experiment gives variations of a flag to people by chance, and says which of them does better, and how sure that is.</Empty>
          : <ul className="rows">{shown.map((item, index) => (
            <li key={item.key}>
              <span className="row-text"><Link href={placeOf(project, `experiments/${encodeURIComponent(item.key)}`)}>{item.key}</Link><span className="soft small">{item.definition.hypothesis || "no hypothesis yet"}</span><span className="soft small">{item.definition.owner} · changed {ago(item.updated_at)}</span></span>
              <span className="line">{item.state.status === "running" && index < HEALTH_MAX && <Health item={item} />}<Status status={item.state.status} /></span>
            </li>
          ))}</ul>}
      </section>
    </>
  );
}

const TONES = { good: "badge good", bad: "badge bad", open: "badge" } as const;

function Health({ item }: { item: Item<"experiments"> }) {
  const results = useResults(useProject().id, item);
  if (results.fault) return <span className="badge warn">no results</span>;
  if (!results.value) return <span className="soft small">…</span>;
  const { tone } = conclude(results.value, item.definition);
  const people = results.value.variations.reduce((sum, { people }) => sum + people, 0);
  const said = results.value.sample_ratio.is_off ? "people are off" : tone === "good" ? "a variation is better" : tone === "bad" ? "harm" : "healthy, open";
  return <><span className="soft small">{number(people)} people</span><span className={TONES[tone]}>{said}</span></>;
}

function Change({ experiment }: { experiment: string }) {
  const project = useProject().id;
  const found = useAnswer(`${project} ${experiment} change`, (signal) => shown(project, "experiments", experiment, signal));
  if (found.fault) return <><PageHead title={`Change ${experiment}`} /><Failure fault={found.fault} again={found.again} /></>;
  return found.value ? <Wizard item={found.value.item} tag={found.value.tag} /> : <Loading what="the experiment" />;
}

/** What may happen at a later time, by the state of now. */
const PLANNED: Partial<Record<keyof typeof STATUS, readonly Choice[]>> = { draft: [["starts", { start: {} }]], in_review: [["starts", { start: {} }]], approved: [["starts", { start: {} }]], running: [["stops", { stop: {} }]] };

function Experiment({ experiment }: { experiment: string }) {
  const { id: project, permissions } = useProject();
  const [wanted, setPhase] = useText("phase");
  const found = useAnswer(`${project} ${experiment}`, (signal) => shown(project, "experiments", experiment, signal));
  const { item, tag } = found.value ?? {};
  const phases = item?.state.phases ?? [];
  const phase = phases.findIndex((_, index) => String(index + 1) === wanted);
  const [elsewhere, setElsewhere] = useText("environment");
  const results = useResults(project, item, { ...(phase >= 0 && { phase }), ...(elsewhere && { environment: elsewhere }) });
  const others = useAnswer(`${project} environments`, (signal) => listed(project, "environments", signal).catch(() => []));
  const environments = item && phases.length > 0 ? environmentsOf(item.definition, (others.value ?? []).map(({ key }) => key), elsewhere) : [];
  return (
    <>
      <PageHead title={experiment} about={item?.definition.hypothesis}>
        {item && <Status status={item.state.status} />}
        {item && tag && <Steps item={item} tag={tag} changed={found.again} />}
        <Link className="quiet" href={placeOf(project, "experiments")}>All experiments</Link>
      </PageHead>
      {found.fault ? <Failure fault={found.fault} again={found.again} /> : !item ? <Loading what="the experiment" /> : null}
      {item?.state.decision && (
        <section className="notice" aria-label="Decision"><h2>{item.state.decision.outcome === "ship" ? `${item.state.decision.variation} was shipped` : "It was rolled back to control"}</h2><p>{item.state.decision.reason || "No reason was given."} <span className="soft small">{moment(item.state.decision.decided_at)}</span></p></section>
      )}
      {(phases.length > 1 || environments.length > 0) && (
        <div className="line">
          {phases.length > 1 && <Select label="Phase" value={String(phase < 0 ? phases.length - 1 : phase)} options={phases.map(({ started_at, ended_at }, index) => [String(index), `${index + 1}: ${moment(started_at)} to ${ended_at ? moment(ended_at) : "now"}`] as const)} choose={(chosen) => setPhase(Number(chosen) === phases.length - 1 ? "" : String(Number(chosen) + 1))} />}
          {item && environments.length > 0 && <Select label="Environment" value={elsewhere || environmentOf(item.definition)} options={environments.map((name) => [name, name] as const)} choose={(name) => setElsewhere(name === environmentOf(item.definition) ? "" : name)} />}
        </div>
      )}
      {item && phases.length === 0 && <Empty>It has not begun: there are no results yet.</Empty>}
      {results.fault ? <Failure fault={results.fault} again={results.again} /> : results.isAsking ? <Loading what="results" /> : null}
      {results.value && item && <ResultsShown results={results.value} experiment={item.definition} />}
      {item && <Facts item={item} />}
      {item && <ScheduledChanges kind="experiment" item={experiment} choices={PLANNED[item.state.status] ?? []} changed={found.again} />}
      {item && <section className="card" aria-label="History"><h2>What was done and decided</h2><History kind="experiments" item={experiment} tag={tag} mayChange={permissions.has("experiments.write")} changed={found.again} /></section>}
    </>
  );
}

function Facts({ item: { key, definition, state } }: { item: Item<"experiments"> }) {
  const project = useProject().id;
  const features = useAnswer(`${project} features of ${key}`, (signal) => listed(project, "features", signal).catch(() => []));
  const flags = (features.value ?? []).filter(({ definition }) => definition.rules.some(({ serve }) => "experiment" in serve && serve.experiment.experiment === key));
  const { plan, guardrails, secondary } = definition;
  const metricLink = (metric: string) => <Link key={metric} href={placeOf(project, `experiments/${METRICS}/${encodeURIComponent(metric)}`)}>{metric} </Link>;
  return (
    <section className="card" aria-label="How it is set up">
      <h2>How it is set up</h2>
      <dl className="facts">
        <dt>Owner</dt><dd>{definition.owner}</dd>
        <dt>Flags</dt><dd className="links">{flags.length ? flags.map(({ key }) => <Link key={key} href={placeOf(project, `flags/${encodeURIComponent(key)}`)}>{key} </Link>) : "none runs it yet"}</dd>
        <dt>Variations</dt><dd>{definition.variations.map(({ key, weight, name }) => `${key}${name ? ` (${name})` : ""} ${setPercent(weight)}`).join(" · ")}</dd>
        <dt>Who</dt><dd>{inWords(definition.condition)}, {setPercent(definition.coverage)} of them, divided by {definition.hash_attribute}</dd>
        <dt>Goals</dt><dd className="links">{definition.goals.length ? definition.goals.map(metricLink) : "none yet"}</dd>
        {secondary.length > 0 && <><dt>Secondary</dt><dd className="links">{secondary.map(metricLink)}</dd></>}
        {guardrails.length > 0 && <><dt>Guardrails</dt><dd className="links">{guardrails.map(({ metric, tolerance, rolls_back }) => <span key={metric}>{metricLink(metric)}(worse by at most {setPercent(tolerance)}{rolls_back ? ", rolls back by itself" : ""}) </span>)}</dd></>}
        <dt>Judged</dt><dd>{definition.analysis.method.replace("_", " ")}, α = {definition.analysis.alpha}, {definition.analysis.covariate_days} days before exposure taken into account{comparesApart(definition) ? ", people who were active in them and all others compared apart" : ""}{definition.analysis.stratified_by ? `, people compared with those of the same ${wordsOf(definition.analysis.stratified_by)}` : ""}</dd>
        <dt>Environment</dt><dd>activity in {environmentOf(definition)} counts</dd>
        {definition.holdout && <><dt>Without</dt><dd>people of the holdout <Link href={placeOf(project, `experiments/${HOLDOUTS}/${encodeURIComponent(definition.holdout)}`)}>{definition.holdout}</Link></dd></>}
        {definition.redirects && <><dt>Pages</dt><dd>{redirectsInWords(definition.redirects)}</dd></>}
        {stickyInWords(definition.sticky) && <><dt>Kept</dt><dd>{stickyInWords(definition.sticky)}</dd></>}
        {plan && <><dt>Plan</dt><dd>{number(plan.users_per_day)} people a day for {number(plan.days)} days; an effect of {setPercent(plan.minimum_effect)} is worth seeing</dd></>}
        {state.phases[0] && <><dt>Started</dt><dd>{moment(state.phases[0].started_at)}</dd></>}
        {definition.description && <><dt>About</dt><dd>{definition.description}</dd></>}
      </dl>
    </section>
  );
}
