// The results of a phase: people, effects with their intervals, one metric day by day.

import { useMemo, useRef, useState } from "react";
import type { Experiment } from "../api/definitions";
import { Chart } from "../chart/chart";
import { Forest } from "../chart/forest";
import { savePicture } from "../chart/picture";
import { useText } from "../frame/address";
import { Segments, Select } from "../parts/choice";
import { csv, fileName, save } from "../parts/files";
import { chance, number, percent, signedPercent } from "../parts/format";
import { withValues } from "../sql/quoted";
import { ArmFigure, ArmPeople, type Arm } from "./arm_people";
import { OtherExperiments } from "./beside";
import { ElsewhereNotice, HowCompared } from "./compared_card";
import { curves, daysOf, isCut } from "./daily";
import { Before, Contexts, Windows } from "./designs";
import { PeopleApart } from "./segments";
import { SinceExposure } from "./since";
import { cellOf, conclude, effectsOf, intervalOf, powerInWords, type MetricReport, type Results, type Verdicts, type View } from "./told";

const VIEWS = [["sequential", "Frequentist"], ["bayesian", "Bayesian"]] as const;
const ROLES = [["goal", "Goals"], ["guardrail", "Guardrails"], ["secondary", "Secondary"]] as const;
/** Where control has none of it, what the difference itself is. */
const DIFFERENCE = ["difference", "difference low", "difference high"];
/** Of goals of an experiment with a plan. */
const POWER = ["effect of the plan", "power now", "more people needed"];
const TONES = { good: "notice good", bad: "notice bad", open: "notice" } as const;

/** `verdicts`: those of a holdout, which is no experiment: nobody is told apart, and no time since exposure. */
export function ResultsShown({ results, experiment, verdicts }: { results: Results; experiment: Experiment; verdicts?: Verdicts }) {
  const [chosen, setView] = useText("view");
  const view: View = chosen === "bayesian" ? chosen : "sequential";
  const { tone, title, sentences } = conclude(results, experiment, verdicts);
  const isFixed = experiment.analysis.method === "fixed_horizon";
  return (
    <>
      <ElsewhereNotice results={results} experiment={experiment} />
      <section className={TONES[tone]} aria-label="Conclusion">
        <h2>{title}</h2>
        {sentences.map((sentence) => <p key={sentence}>{sentence}</p>)}
      </section>
      <People results={results} hasPeople={!verdicts && !results.switchback} />
      <section className="card stack" aria-label="Effects">
        <div className="card-head">
          <h2>{verdicts ? "Effects of all that is new, against people who were held out" : "Effects against control"}</h2>
          <Segments label="View" value={view} options={VIEWS} choose={(view) => setView(view === "bayesian" ? view : "")} />
        </div>
        <p className="soft small">{view === "bayesian" ? "Credible intervals: where the effect lies with the confidence set, after what was seen." : isFixed ? "Intervals of a fixed horizon: they hold at one look that was planned." : "Sequential intervals: they hold whenever one looks."}</p>
        {ROLES.map(([role, title]) => <Effects key={role} title={title} metrics={results.metrics.filter((metric) => metric.role === role)} experiment={experiment} view={view} />)}
      </section>
      <HowCompared results={results} experiment={experiment} />
      <Daily results={results} />
      {!verdicts && !results.switchback && <SinceExposure results={results} />}
      {!verdicts && <PeopleApart results={results} />}
      {!verdicts && !results.switchback && <OtherExperiments results={results} />}
      <section className="card" aria-label="Where it comes from">
        <div className="card-head"><h2>Where it comes from</h2><button type="button" className="quiet" onClick={() => save(fileName(results.experiment, "sql"), `${withValues(results.sql, results.params as Record<string, unknown>)}\n`, "application/sql")}>SQL</button></div>
        <p className="soft">One question of the table activity for all metrics; with its parameters it gives these numbers on the SQL page as well.</p>
      </section>
    </>
  );
}

function People({ results, hasPeople }: { results: Results; hasPeople: boolean }) {
  const [arm, setArm] = useState<Arm>();
  const { variations, sample_ratio, people_in_several, environment } = results;
  const all = variations.reduce((sum, { people }) => sum + people, 0);
  return (
    <section className="card stack" aria-label="People">
      <h2>People</h2>
      <dl className="figures">{variations.map(({ key, people, weight }) => <div className="figure" key={key}><dt>{key}</dt><dd><ArmFigure people={people} variation={key} show={hasPeople ? setArm : undefined} /> <small>{all > 0 ? percent(people / all) : "–"} of {percent(weight)} planned</small></dd></div>)}</dl>
      <p className={sample_ratio.is_off ? "failure" : "soft"}>{sample_ratio.is_off && <b>The arms do not have the people that they should have.</b>} {sample_ratio.reading} <span className="small">(p {chance(sample_ratio.p_value_always_valid, "= ")}, valid whenever one looks)</span></p>
      {sample_ratio.suspects.length > 0 && (
        <div className="wide-table" tabIndex={0} role="region" aria-label="Where the people are off">
          <table>
            <thead><tr><th scope="col">of people</th><th scope="col">who are</th>{variations.map(({ key }) => <th scope="col" className="number" key={key}>{key}</th>)}<th scope="col" className="number">p</th></tr></thead>
            <tbody>{sample_ratio.suspects.map(({ dimension, level, deviations, p_value_adjusted }) => <tr key={`${dimension} ${level}`}><td>{dimension}</td><td>{level}</td>{deviations.map((deviation, index) => <td className="number" key={index}>{signedPercent(deviation)}</td>)}<td className="number">{chance(p_value_adjusted)}</td></tr>)}</tbody>
          </table>
        </div>
      )}
      {arm && <ArmPeople results={results} arm={arm} close={() => setArm(undefined)} />}
      <Before results={results} />
      <Windows results={results} />
      <Contexts results={results} />
      <p className="soft small">People count who were exposed in {environment}.</p>
      {people_in_several > 0 && <p className="soft small">{number(people_in_several)} people were seen in more than one variation, and are in none of the numbers.</p>}
    </section>
  );
}

function Effects({ title, metrics, experiment, view }: { title: string; metrics: MetricReport[]; experiment: Experiment; view: View }) {
  const region = useRef<HTMLElement>(null);
  if (metrics.length === 0) return null;
  const head = ["metric", "variation", "mean of control", "mean", "effect", "low", "high", ...(view === "bayesian" ? ["chance to win", "expected loss"] : ["p", "p (Holm)"]), "method", ...DIFFERENCE, ...POWER];
  const rows = metrics.flatMap((metric) => metric.comparisons.map((one): (string | number | null)[] => {
    const mean = (variation?: string) => metric.arms.find((arm) => arm.variation === variation)?.mean ?? null;
    const interval = intervalOf(one, view);
    const sure = view === "bayesian" ? [one.chance_to_win, one.expected_loss] : [one.p_value, one.p_value_holm];
    return [metric.key, one.variation, mean(metric.arms[0]?.variation), mean(one.variation), one.effect ?? null, interval?.low ?? null, interval?.high ?? null, ...sure.map((value) => value ?? null), one.method, one.absolute?.estimate ?? null, one.absolute?.interval?.low ?? null, one.absolute?.interval?.high ?? null, one.power?.effect ?? null, one.power?.now ?? null, one.power?.additional_people ?? null];
  }));
  // The file has every column, the table those of the last ones that say something.
  const shown = head.map((_, index) => index).filter((index) => index < head.length - DIFFERENCE.length - POWER.length || rows.some((row) => row[index] !== null));
  return (
    <section ref={region} className="stack" aria-label={title}>
      <div className="result-head">
        <h3>{title}</h3>
        <span className="line">
          <button type="button" className="quiet" aria-label={`${title} as CSV`} onClick={() => save(fileName(`effects ${title}`, "csv"), csv(head, rows))}>CSV</button>
          <button type="button" className="quiet" aria-label={`${title} as PNG`} onClick={() => region.current && void savePicture(region.current, `effects ${title}`)}>PNG</button>
        </span>
      </div>
      <Forest label={`${title}: effects and their intervals; the table has the same numbers`} effects={effectsOf(metrics, experiment, view)} />
      {metrics.map((metric) => metric.comparisons.map((one) => <p key={`${metric.key} ${one.variation}`} className="small"><b>{metric.key}{metric.comparisons.length > 1 ? `, ${one.variation}` : ""}:</b> {one.can_be_said} <span className="soft">{one.cannot_be_said} {powerInWords(one)}</span></p>))}
      <details>
        <summary className="small">In numbers</summary>
        <div className="wide-table" tabIndex={0} role="region" aria-label={`${title} in numbers`}>
          <table>
            <thead><tr>{shown.map((index) => <th key={index} scope="col" className={index > 1 ? "number" : undefined}>{head[index]}</th>)}</tr></thead>
            <tbody>{rows.map((row, at) => <tr key={at}>{shown.map((index) => <td key={index} className={index > 1 ? "number" : undefined}>{cellOf(row[index] ?? null, head[index] ?? "")}</td>)}</tr>)}</tbody>
          </table>
        </div>
      </details>
    </section>
  );
}

function Daily({ results }: { results: Results }) {
  const region = useRef<HTMLElement>(null);
  const drawable = results.metrics.filter(({ comparisons }) => comparisons.some(({ curve }) => curve.length > 1));
  const [wanted, setWanted] = useText("daily");
  const metric = drawable.find(({ key }) => key === wanted) ?? drawable[0];
  const drawing = useMemo(() => metric && curves(metric.comparisons), [metric]);
  if (!metric || !drawing) return null;
  const days = daysOf(metric.comparisons);
  const head = ["day", ...metric.comparisons.flatMap(({ variation }) => [variation, `${variation} low`, `${variation} high`])];
  const rows = days.map((day) => [day.slice(0, 10), ...metric.comparisons.flatMap(({ curve }) => { const point = curve.find((one) => one.day === day); return [point?.effect ?? null, point?.interval?.low ?? null, point?.interval?.high ?? null]; })]);
  return (
    <section ref={region} className="card stack" aria-label="Day by day">
      <div className="card-head">
        <h2>Day by day</h2>
        <span className="line">
          <Select label="Metric" value={metric.key} options={drawable.map(({ key }) => [key, key] as const)} choose={setWanted} />
          <button type="button" className="quiet" aria-label="Day by day as CSV" onClick={() => save(fileName(`daily ${metric.key}`, "csv"), csv(head, rows))}>CSV</button>
          <button type="button" className="quiet" aria-label="Day by day as PNG" onClick={() => region.current && void savePicture(region.current, `daily ${metric.key}`)}>PNG</button>
        </span>
      </div>
      <p className="soft small">The effect among all who were exposed until the end of each day, with its interval.{isCut(drawing) && <> The chart ends at {percent(drawing.reach)} either way, and some days reach further: pointing at them, and the CSV, tell how far.</>}</p>
      <Chart label={`The effect on ${metric.key} by days of exposure, with its interval`} drawing={drawing} />
    </section>
  );
}
