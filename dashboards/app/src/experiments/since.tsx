// Whether an effect wears off or grows: the goals on each day since a person's exposure.

import { useMemo, useRef } from "react";
import type { components } from "../../../client/src/schema";
import { useAnswer } from "../api/answer";
import { api, good } from "../api/client";
import { Chart } from "../chart/chart";
import type { Lines } from "../chart/options";
import { savePicture } from "../chart/picture";
import { useText } from "../frame/address";
import { useProject } from "../frame/project";
import { Select } from "../parts/choice";
import { csv, fileName, save } from "../parts/files";
import { chance, number, percent, signedPercent } from "../parts/format";
import { Empty, Failure, Loading } from "../parts/states";
import { withValues } from "../sql/quoted";
import { isCut, lineOf, reachOf } from "./daily";
import type { Results } from "./told";

type Novelty = components["schemas"]["ExperimentNovelty"];
type Goal = Novelty["goals"][number];
const nameOf = ({ metric, variation }: Goal) => `${metric}, ${variation}`;

/** It is a question of its own, and asked when somebody wants it. */
export function SinceExposure({ results: { experiment, phase, environment } }: { results: Results }) {
  const project = useProject().id;
  const [asked, setAsked] = useText("since");
  const [wanted, setWanted] = useText("goal");
  const isAsked = asked !== "";
  const found = useAnswer(isAsked ? `${project} ${experiment} ${phase} ${environment} since` : undefined, (signal) => good(api.GET("/v1/projects/{project}/experiments/{key}/results/novelty", { params: { path: { project, key: experiment }, query: { phase, environment } }, signal })));
  const goals = found.value?.goals ?? [];
  const shown = goals.find((one) => nameOf(one) === wanted) ?? goals[0];
  return (
    <section className="card stack" aria-label="Since exposure">
      <div className="card-head">
        <h2>Since exposure</h2>
        <span className="line">
          {goals.length > 1 && shown && <Select label="Goal" value={nameOf(shown)} options={goals.map((one) => [nameOf(one), nameOf(one)] as const)} choose={setWanted} />}
          {!isAsked && <button type="button" className="quiet" onClick={() => setAsked("yes")}>Does it wear off?</button>}
        </span>
      </div>
      <p className="soft small">What is new is often used because it is new. Here the effect is told by the days that people had it: of each day those alone for whom all of it is over.</p>
      {found.fault ? <Failure fault={found.fault} again={found.again} /> : isAsked && found.isAsking ? <Loading what="the effect by days since exposure" /> : found.value && !shown ? <Empty>No goal can be told by days: quantiles and retention do not add up over them.</Empty> : found.value && shown && <Days goal={shown} goals={goals} sql={`${withValues(found.value.sql, found.value.params as Record<string, unknown>)}\n`} />}
    </section>
  );
}

const HEAD = ["day since exposure", "people", "effect", "low", "high"];

function Days({ goal, goals, sql }: { goal: Goal; goals: Goal[]; sql: string }) {
  const region = useRef<HTMLElement>(null);
  const drawing = useMemo(() => drawn(goal), [goal]);
  const rows = goal.days.map(({ day, people, effect, interval }) => [day + 1, people, effect, interval?.low ?? null, interval?.high ?? null]);
  const name = `since exposure ${nameOf(goal)}`;
  return (
    <section ref={region} className="stack" aria-label="By days since exposure">
      <div className="result-head">
        <h3>{nameOf(goal)}</h3>
        <span className="line">
          <button type="button" className="quiet" aria-label="Since exposure as CSV" onClick={() => save(fileName(name, "csv"), csv(HEAD, rows))}>CSV</button>
          <button type="button" className="quiet" aria-label="Since exposure as PNG" onClick={() => region.current && void savePicture(region.current, name)}>PNG</button>
          <button type="button" className="quiet" aria-label="Since exposure as SQL" onClick={() => save(fileName(name, "sql"), sql, "application/sql")}>SQL</button>
        </span>
      </div>
      {goals.map((one) => <p key={nameOf(one)} className={one === goal ? undefined : "soft small"}><b>{nameOf(one)}:</b> {one.reading} <span className="soft small">(p {chance(one.p_value_holm, "= ")}{goals.length > 1 ? ", corrected for all of them" : ""})</span></p>)}
      {drawing.names.length > 1 && <Chart label={`The effect on ${goal.metric} by days since exposure, with its interval; the table has the same numbers`} drawing={drawing} />}
      {isCut(drawing) && <p className="soft small">The chart ends at {percent(drawing.reach)} either way, and some days reach further: the table tells how far.</p>}
      <details>
        <summary className="small">In numbers</summary>
        <div className="wide-table" tabIndex={0} role="region" aria-label="Days since exposure in numbers">
          <table>
            <thead><tr>{HEAD.map((name) => <th key={name} scope="col" className="number">{name}</th>)}</tr></thead>
            <tbody>{rows.map(([day, people, ...effects]) => <tr key={day}><td className="number">{day}</td><td className="number">{number(people)}</td>{effects.map((value, at) => <td key={at} className="number">{signedPercent(value)}</td>)}</tr>)}</tbody>
          </table>
        </div>
      </details>
    </section>
  );
}

/** Days without people, or with too few of them, are left out at the end and stay gaps within. */
function drawn({ variation, days }: Goal): Lines {
  const last = days.findLastIndex(({ effect }) => effect !== null);
  const known = days.slice(0, last + 1);
  const width = ({ interval }: (typeof known)[number]) => Math.max(Math.abs(interval?.low ?? Infinity), Math.abs(interval?.high ?? Infinity));
  const narrowest = known.filter((one) => Number.isFinite(width(one))).sort((a, b) => width(a) - width(b))[0];
  return { kind: "lines", names: known.map(({ day }) => `day ${day + 1}`), lines: [lineOf(variation, known)], unit: "percent", ...(narrowest && { reach: reachOf([narrowest.interval]) }) };
}
