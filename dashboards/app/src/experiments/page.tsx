// Experiments: all of a project with their state, and the results of one. They are made over the API.

import { useAnswer } from "../api/answer";
import { api, good } from "../api/client";
import type { components } from "../../../client/src/schema";
import { Link } from "../frame/link";
import { placeOf, useProject } from "../frame/project";
import { number, percent, signedPercent } from "../parts/format";
import { Empty, Failure, Loading, PageHead } from "../parts/states";

type Results = components["schemas"]["ExperimentResults"];

export default function Experiments({ rest: [key] }: { rest: string[] }) {
  return key ? <Experiment experiment={key} /> : <List />;
}

function List() {
  const project = useProject().id;
  const found = useAnswer(project, (signal) => good(api.GET("/v1/projects/{project}/experiments", { params: { path: { project }, query: { limit: 200 } }, signal })));
  return (
    <>
      <PageHead title="Experiments" about="What is tried out, and on whom." />
      <section className="card" aria-label="All experiments">
        {found.fault ? <Failure fault={found.fault} again={found.again} /> : !found.value ? <Loading what="experiments" /> : found.value.items.length === 0
          ? <Empty>There is none yet. Experiments are made over the API: <a href="/reference">POST /v1/projects/{"{project}"}/experiments</a>.</Empty>
          : <ul className="rows">{found.value.items.map(({ key, definition, state }) => (
            <li key={key}><span className="row-text"><Link href={placeOf(project, `experiments/${encodeURIComponent(key)}`)}>{key}</Link><span className="soft small">{definition.hypothesis}</span></span><span className={`badge${state.status === "running" ? " good" : ""}`}>{state.status.replace("_", " ")}</span></li>
          ))}</ul>}
      </section>
    </>
  );
}

function Experiment({ experiment }: { experiment: string }) {
  const project = useProject().id;
  const path = { project, key: experiment };
  const item = useAnswer(`${project} ${experiment}`, (signal) => good(api.GET("/v1/projects/{project}/experiments/{key}", { params: { path }, signal })));
  const hasRun = (item.value?.state.phases.length ?? 0) > 0;
  const results = useAnswer(hasRun ? `${project} ${experiment} r` : undefined, (signal) => good(api.GET("/v1/projects/{project}/experiments/{key}/results", { params: { path }, signal })));
  return (
    <>
      <PageHead title={experiment} about={item.value?.definition.hypothesis}><Link className="quiet" href={placeOf(project, "experiments")}>All experiments</Link></PageHead>
      {item.fault ? <Failure fault={item.fault} again={item.again} /> : null}
      {item.value && !hasRun && <Empty>It has not begun: there are no results yet.</Empty>}
      {results.fault ? <Failure fault={results.fault} again={results.again} /> : results.isAsking ? <Loading what="results" /> : null}
      {results.value && <Shown results={results.value} />}
    </>
  );
}

function Shown({ results }: { results: Results }) {
  const { sample_ratio, variations, metrics } = results;
  return (
    <>
      <section className="card" aria-label="People">
        <h2>People</h2>
        <dl className="figures">{variations.map(({ key, people, weight }) => <div className="figure" key={key}><dt>{key} <small>planned {percent(weight, 0)}</small></dt><dd>{number(people)}</dd></div>)}</dl>
        <p className={sample_ratio.is_off ? "failure" : "soft"}>{sample_ratio.reading}</p>
      </section>
      {metrics.map((metric) => (
        <section className="card" key={metric.key} aria-label={metric.key}>
          <div className="card-head"><h2>{metric.key}</h2><span className="badge">{metric.role}</span></div>
          {metric.comparisons.map((one) => (
            <div className="stack" key={one.variation}>
              <p className="conclusion">{one.can_be_said}</p>
              <p className="soft">{one.cannot_be_said}</p>
              <div className="wide-table" tabIndex={0} role="region" aria-label={`${metric.key} in numbers`}>
                <table>
                  <thead><tr>{["variation", "effect", "interval", "chance to win", "p", "method"].map((name) => <th key={name} scope="col">{name}</th>)}</tr></thead>
                  <tbody><tr><td>{one.variation}</td><td>{signedPercent(one.effect)}</td><td>{signedPercent(one.interval?.low)} to {signedPercent(one.interval?.high)}</td><td>{percent(one.chance_to_win)}</td><td>{number(one.p_value)}</td><td>{one.method}</td></tr></tbody>
                </table>
              </div>
            </div>
          ))}
        </section>
      ))}
    </>
  );
}
