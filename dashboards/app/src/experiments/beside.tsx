// Whether other experiments of the same time change the effect of this one.

import { useAnswer } from "../api/answer";
import { api, good } from "../api/client";
import { useText } from "../frame/address";
import { Link } from "../frame/link";
import { placeOf, useProject } from "../frame/project";
import { csv, fileName, save } from "../parts/files";
import { chance, number, signed, signedPercent } from "../parts/format";
import { Failure, Loading } from "../parts/states";
import type { Results } from "./told";

const HEAD = ["other experiment", "effect on", "together with", "people of both", "beyond both effects", "as a share", "p (Holm)"];

/** It is a question of its own, and asked when somebody wants it. */
export function OtherExperiments({ results: { experiment, phase, environment } }: { results: Results }) {
  const project = useProject().id;
  const [asked, setAsked] = useText("beside");
  const isAsked = asked !== "";
  const found = useAnswer(isAsked ? `${project} ${experiment} ${phase} ${environment} beside` : undefined, (signal) => good(api.GET("/v1/projects/{project}/experiments/{key}/results/interactions", { params: { path: { project, key: experiment }, query: { phase, environment } }, signal })));
  const others = found.value?.others ?? [];
  const rows = others.flatMap(({ experiment: other, metrics }) => metrics.map((one) => [other, `${one.metric}, ${one.variation}`, one.other_variation, one.people[3] ?? null, one.interaction ?? null, one.relative ?? null, one.p_value_holm ?? null] as const));
  return (
    <section className="card stack" aria-label="Other experiments">
      <div className="card-head">
        <h2>Other experiments</h2>
        <span className="line">
          {rows.length > 0 && <button type="button" className="quiet" aria-label="Other experiments as CSV" onClick={() => save(fileName(`${experiment} beside others`, "csv"), csv(HEAD, rows.map((row) => [...row])))}>CSV</button>}
          {!isAsked && <button type="button" className="quiet" onClick={() => setAsked("yes")}>Do they change it?</button>}
        </span>
      </div>
      <p className="soft small">People are in several experiments at once. What two of them do together beyond the sum of both is looked at here, among those who were exposed to both.</p>
      {found.fault ? <Failure fault={found.fault} again={found.again} /> : isAsked && found.isAsking ? <Loading what="the experiments of the same time" /> : found.value && (
        <>
          <p role="status">{found.value.reading}</p>
          {others.map((one) => <p key={one.experiment} className="small"><Link href={placeOf(project, `experiments/${encodeURIComponent(one.experiment)}`)}>{one.experiment}</Link>: {one.reading}</p>)}
          {rows.length > 0 && (
            <div className="wide-table" tabIndex={0} role="region" aria-label="Other experiments in numbers">
              <table>
                <thead><tr>{HEAD.map((name, at) => <th key={name} scope="col" className={at > 2 ? "number" : undefined}>{name}</th>)}</tr></thead>
                <tbody>{rows.map(([other, effect, variation, people, interaction, relative, p]) => (
                  <tr key={`${other} ${effect} ${variation}`}><td>{other}</td><td>{effect}</td><td>{variation}</td><td className="number">{number(people)}</td><td className="number">{signed(interaction)}</td><td className="number">{signedPercent(relative)}</td><td className="number">{chance(p)}</td></tr>
                ))}</tbody>
              </table>
            </div>
          )}
        </>
      )}
    </section>
  );
}
