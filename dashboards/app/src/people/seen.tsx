// Which flags and experiments one person has met, and why.

import { useAnswer } from "../api/answer";
import { askRows } from "../api/rows";
import { Link } from "../frame/link";
import { placeOf, useProject } from "../frame/project";
import { moment, times as often } from "../parts/format";
import { Empty, Failure, Loading } from "../parts/states";

const SEEN = `SELECT 'flag' AS kind, properties->>'$feature_flag' AS name, properties->>'$feature_flag_response' AS given, count(*) AS times, min(timestamp) AS first_at FROM activity
WHERE person_id = $person AND event = '$feature_flag_called' GROUP BY 2, 3
UNION ALL SELECT 'experiment', coalesce(properties->>'experimentId', properties->>'experiment_id'), coalesce(properties->>'variationId', properties->>'variation_id'), count(*), min(timestamp) FROM activity
WHERE person_id = $person AND event IN ('Experiment Viewed', '$experiment_viewed') GROUP BY 2, 3 ORDER BY times DESC LIMIT 100`;

export function Seen({ person, id }: { person: string; id: string }) {
  const { id: project, permissions } = useProject();
  const found = useAnswer(`${project} ${person} seen`, (signal) => askRows(project, SEEN, { person }, signal));
  const mayAsk = permissions.has("flags.read");
  return (
    <section className="card" aria-label="Flags and experiments">
      <h2>Flags and experiments</h2>
      {found.fault ? <Failure fault={found.fault} again={found.again} /> : !found.value ? <Loading what="flags" /> : found.value.rows.length === 0 ? <Empty>This person met no flag and no experiment yet.</Empty> : (
        <ul className="rows">{found.value.rows.map(([kind, name, given, times, first], index) => (
          <li key={index}>
            <span className="row-text"><span><b>{String(name)}</b>: {String(given)}</span><span className="soft small">{String(kind)} · {often(Number(times))}, first {moment(String(first))}</span></span>
            {kind === "flag" && mayAsk ? <Link className="quiet" href={placeOf(project, `flags/${encodeURIComponent(String(name))}`, { part: "why", id })} aria-label={`Why ${String(name)} gives this`}>Why?</Link> : kind === "experiment" && <Link className="quiet" href={placeOf(project, `experiments/${encodeURIComponent(String(name))}`)} aria-label={`Results of ${String(name)}`}>Results</Link>}
          </li>
        ))}</ul>
      )}
    </section>
  );
}
