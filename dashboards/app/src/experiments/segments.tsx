// Among whom the effect is which: by one thing known of people at a time, and by all of them at once, where it differs.

import { useRef } from "react";
import type { components } from "../../../client/src/schema";
import { useAnswer } from "../api/answer";
import { api, good } from "../api/client";
import { Forest, type Effect } from "../chart/forest";
import { savePicture } from "../chart/picture";
import { useText } from "../frame/address";
import { useProject } from "../frame/project";
import { Select } from "../parts/choice";
import { csv, fileName, save } from "../parts/files";
import { chance, number, signedPercent } from "../parts/format";
import { Empty, Failure, Loading } from "../parts/states";
import { DIMENSIONS, wordsOf, type Dimension } from "./dimensions";
import { cellOf, verdictOf, type Results } from "./told";
import { withValues } from "../sql/quoted";

type Told = components["schemas"]["MetricBreakdown"];
const CHOICES: readonly (readonly [Dimension | "", string])[] = [["", "choose …"], ...DIMENSIONS];
const ALPHA = 0.05;

export function PeopleApart({ results }: { results: Results }) {
  const project = useProject().id;
  const [by, setDimension] = useText("by");
  const dimension = CHOICES.find(([key]) => key === by)?.[0] ?? "";
  const [wanted, setWanted] = useText("on");
  const [searching, setSearching] = useText("differs");
  const isSearching = searching !== "";
  const path = { project, key: results.experiment };
  const { phase, environment } = results;
  const of = `${project} ${results.experiment} ${phase} ${environment}`;
  const found = useAnswer(dimension ? `${of} ${dimension}` : undefined, (signal) => good(api.GET("/v1/projects/{project}/experiments/{key}/results/breakdown", { params: { path, query: { dimension: dimension || "country", phase, environment } }, signal })));
  const differing = useAnswer(isSearching ? `${of} differences` : undefined, (signal) => good(api.GET("/v1/projects/{project}/experiments/{key}/results/differences", { params: { path, query: { phase, environment } }, signal })));
  const told = found.value?.dimension === dimension ? found.value.metrics : [];
  const nameOf = ({ metric, variation }: Told) => `${metric}, ${variation}`;
  const shown = told.find((one) => nameOf(one) === wanted) ?? told[0];
  return (
    <section className="card stack" aria-label="Among whom">
      <div className="card-head">
        <h2>Among whom</h2>
        <span className="line">
          <Select label="People by" value={dimension} options={CHOICES} choose={setDimension} />
          {told.length > 1 && shown && <Select label="Effect on" value={nameOf(shown)} options={told.map((one) => [nameOf(one), nameOf(one)] as const)} choose={setWanted} />}
          {!isSearching && <button type="button" className="quiet" onClick={() => setSearching("yes")}>Where does it differ?</button>}
        </span>
      </div>
      <p className="soft small">As people were at their first exposure. Whoever looks at many groups finds some effect in one of them by chance: p-values are corrected for how many were looked at.</p>
      {found.fault ? <Failure fault={found.fault} again={found.again} /> : dimension && found.isAsking ? <Loading what="the groups" /> : shown && <Levels told={shown} results={results} dimension={wordsOf(dimension as Dimension)} sql={`${withValues(found.value?.sql ?? "", (found.value?.params ?? {}) as Record<string, unknown>)}\n`} />}
      {differing.fault ? <Failure fault={differing.fault} again={differing.again} /> : isSearching && differing.isAsking ? <Loading what="every group" /> : differing.value && <Differing found={differing.value} />}
    </section>
  );
}

function Levels({ told, results, dimension, sql }: { told: Told; results: Results; dimension: string; sql: string }) {
  const region = useRef<HTMLElement>(null);
  if (told.levels.length === 0) return <Empty>Nothing is known of it.</Empty>;
  const lowerIsBetter = results.metrics.find(({ key }) => key === told.metric)?.lower_is_better ?? false;
  const effects = told.levels.map((one): Effect => {
    const isSure = (one.p_value_adjusted ?? 1) < ALPHA;
    const [low, high] = [one.interval?.low ?? null, one.interval?.high ?? null];
    return { name: one.level, note: `${number(one.people.reduce((sum, people) => sum + people, 0))} people`, effect: one.effect ?? null, low, high, verdict: isSure ? verdictOf(low, high, lowerIsBetter) : undefined };
  });
  const head = [dimension, "people of control", "people", "mean of control", "mean", "effect", "low", "high", "p (corrected)"];
  const rows = told.levels.map((one) => [one.level, ...one.people, ...one.means.map((mean) => mean ?? null), one.effect ?? null, one.interval?.low ?? null, one.interval?.high ?? null, one.p_value_adjusted ?? null]);
  const name = `${told.metric} by ${dimension}`;
  return (
    <section ref={region} className="stack" aria-label={`Groups by ${dimension}`}>
      <div className="result-head">
        <h3>{told.metric}, {told.variation}</h3>
        <span className="line">
          <button type="button" className="quiet" aria-label="Groups as CSV" onClick={() => save(fileName(name, "csv"), csv(head, rows))}>CSV</button>
          <button type="button" className="quiet" aria-label="Groups as PNG" onClick={() => region.current && void savePicture(region.current, name)}>PNG</button>
          <button type="button" className="quiet" aria-label="Groups as SQL" onClick={() => save(fileName(name, "sql"), sql, "application/sql")}>SQL</button>
        </span>
      </div>
      <p>{told.reading}</p>
      <Forest label={`The effect on ${told.metric} by ${dimension}; the table has the same numbers`} effects={effects} />
      <details>
        <summary className="small">In numbers</summary>
        <div className="wide-table" tabIndex={0} role="region" aria-label="Groups in numbers">
          <table>
            <thead><tr>{head.map((name, at) => <th key={name} scope="col" className={at > 0 ? "number" : undefined}>{name}</th>)}</tr></thead>
            <tbody>{rows.map((row) => <tr key={String(row[0])}>{row.map((value, at) => <td key={at} className={at > 0 ? "number" : undefined}>{cellOf(value, head[at] ?? "")}</td>)}</tr>)}</tbody>
          </table>
        </div>
      </details>
    </section>
  );
}

const DIFFERENCES = ["people by", "effect on", "groups", "greatest", "least", "p (Holm)"];

function Differing({ found: { differences, reading } }: { found: components["schemas"]["ExperimentDifferences"] }) {
  const rows = differences.map((one) => [wordsOf(one.dimension), `${one.metric}, ${one.variation}`, one.levels, ...[one.greatest, one.least].flatMap((level) => [level?.level ?? null, level?.effect ?? null]), one.p_value_holm ?? null]);
  const head = DIFFERENCES.flatMap((name) => (name === "greatest" || name === "least" ? [name, `${name} effect`] : [name]));
  return (
    <section className="stack" aria-label="Where it differs">
      <div className="result-head"><p role="status">{reading}</p>{rows.length > 0 && <button type="button" className="quiet" aria-label="Differences as CSV" onClick={() => save(fileName("differences", "csv"), csv(head, rows))}>CSV</button>}</div>
      {differences.length > 0 && (
        <div className="wide-table" tabIndex={0} role="region" aria-label="Differences in numbers">
          <table>
            <thead><tr>{DIFFERENCES.map((name, at) => <th key={name} scope="col" className={at === 2 || at === 5 ? "number" : undefined}>{name}</th>)}</tr></thead>
            <tbody>{differences.map((one) => (
              <tr key={`${one.dimension} ${one.metric} ${one.variation}`}>
                <td>{wordsOf(one.dimension)}</td><td>{one.metric}, {one.variation}</td><td className="number">{number(one.levels)}</td>
                {[one.greatest, one.least].map((level, at) => <td key={at}>{level ? `${level.level} ${signedPercent(level.effect)}` : "–"}</td>)}
                <td className="number">{chance(one.p_value_holm)}</td>
              </tr>
            ))}</tbody>
          </table>
        </div>
      )}
    </section>
  );
}
