// Among whom people are compared and who does not count yet, beside the effects; and in which environment.

import { useMemo } from "react";
import { useAnswer } from "../api/answer";
import { listed, type Experiment } from "../api/definitions";
import { useProject } from "../frame/project";
import { csv, fileName, save } from "../parts/files";
import { number, percent } from "../parts/format";
import { comparedOf, environmentOf, HEAD, notYetOf, rowsOf } from "./compared";
import type { Results } from "./told";

/** Nobody is to decide by another environment than the one that the experiment is about. */
export function ElsewhereNotice({ results: { environment }, experiment }: { results: Results; experiment: Experiment }) {
  const own = environmentOf(experiment);
  if (environment === own) return null;
  return (
    <section className="notice warn" aria-label="Environment">
      <h2>These are the results in {environment}</h2>
      <p>They are of people who were exposed there alone. The experiment is decided by those in {own}.</p>
    </section>
  );
}

export function HowCompared({ results, experiment }: { results: Results; experiment: Experiment }) {
  const project = useProject().id;
  const found = useAnswer(`${project} metrics`, (signal) => listed(project, "metrics", signal).catch(() => []));
  const definitions = useMemo(() => new Map((found.value ?? []).map(({ key, definition }) => [key, definition])), [found.value]);
  if (results.metrics.every(({ comparisons }) => comparisons.length === 0)) return null;
  const rows = rowsOf(results);
  const notYet = notYetOf(results);
  const cell = (value: string | number | null, at: number) => (typeof value !== "number" ? value ?? "–" : HEAD[at] === "variance left" ? percent(value) : number(value));
  return (
    <section className="card stack" aria-label="How people are compared">
      <div className="card-head">
        <h2>How people are compared</h2>
        <button type="button" className="quiet" aria-label="How people are compared as CSV" onClick={() => save(fileName(`${results.experiment} groups`, "csv"), csv(HEAD, rows))}>CSV</button>
      </div>
      <p className="soft small">People of one group, by what was known of them before their first exposure, are compared with each other alone, and each group weighs as many people as it has. Where groups differ, that makes intervals narrower.</p>
      {found.value && comparedOf(results, experiment, definitions).map(({ names, text }) => <p key={text} className="small"><b>{names.join("; ")}:</b> {text}</p>)}
      {notYet.length > 0 && <h3>Who does not count yet</h3>}
      {notYet.map(({ names, text }) => <p key={text} className="small"><b>{names.join("; ")}:</b> {text}</p>)}
      <details>
        <summary className="small">In numbers</summary>
        <div className="wide-table" tabIndex={0} role="region" aria-label="Groups that are compared, in numbers">
          <table>
            <thead><tr>{HEAD.map((name, at) => <th key={name} scope="col" className={at > 2 ? "number" : undefined}>{name}</th>)}</tr></thead>
            <tbody>{rows.map((row) => <tr key={row.slice(0, 3).join(" ")}>{row.map((value, at) => <td key={at} className={at > 2 ? "number" : undefined}>{cell(value, at)}</td>)}</tr>)}</tbody>
          </table>
        </div>
      </details>
    </section>
  );
}
