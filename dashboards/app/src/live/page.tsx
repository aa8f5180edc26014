// Live: activity as it arrives, the newest first.

import { useEffect, useState } from "react";
import { useAnswer } from "../api/answer";
import { askRows } from "../api/rows";
import { Link } from "../frame/link";
import { placeOf, useProject } from "../frame/project";
import { ago, number, span } from "../parts/format";
import { Empty, PageHead } from "../parts/states";

interface Arrived {
  event?: string;
  distinct_id?: string;
  person_id?: string;
  timestamp?: string;
  city?: string;
  country?: string;
}
const SHOWN_MAX = 60;
const STATES = { joining: "Connecting …", live: "Live", away: "The stream broke off; connecting again …" } as const;

const NOW = `SELECT count(DISTINCT person_id), count(*), (SELECT max(received_at) FROM activity WHERE timestamp >= $hour) FROM activity WHERE timestamp >= $minutes`;
const LOOK_MS = 5000;

/** Who is here, how much arrives, and how old the newest is; asked anew every few seconds. */
function Pulse({ seen }: { seen: number[] }) {
  const { id: project, permissions } = useProject();
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const clock = setInterval(() => setTurn((turn) => turn + 1), LOOK_MS);
    return () => clearInterval(clock);
  }, []);
  const before = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString();
  const found = useAnswer(permissions.has("sql.run") ? `${project} ${turn}` : undefined, (signal) => askRows(project, NOW, { hour: before(60), minutes: before(5) }, signal));
  const health = useAnswer(`health ${turn}`, (signal) => fetch("/readyz", { signal, cache: "no-store" }).then(({ ok }) => ok));
  const [people, activities, newest] = found.value?.rows[0] ?? [];
  const lag = newest ? Date.now() - new Date(String(newest)).getTime() : undefined;
  return (
    <section className="card" aria-label="Now">
      <dl className="figures">
        <div className="figure"><dt>People in the last 5 minutes</dt><dd>{people === undefined ? "–" : number(Number(people))}</dd></div>
        <div className="figure"><dt>Activities in the last 5 minutes</dt><dd>{activities === undefined ? "–" : number(Number(activities))}</dd></div>
        <div className="figure"><dt>A second, in the last 10 s</dt><dd>{number(seen.filter((at) => at > Date.now() - 10_000).length / 10)}</dd></div>
        <div className="figure"><dt>The newest came</dt><dd><small>{lag === undefined ? "more than an hour ago" : `${span(Math.max(0, lag))} ago`}</small></dd></div>
        <div className="figure"><dt>The program</dt><dd><span className={`badge${health.value === false ? " bad" : health.value ? " good" : ""}`}>{health.fault ? "does not answer" : health.value === undefined ? "…" : health.value ? "is ready" : "is not ready"}</span></dd></div>
      </dl>
    </section>
  );
}

export default function Live() {
  const project = useProject().id;
  const [moments, setMoments] = useState<number[]>([]);
  const [state, setState] = useState<keyof typeof STATES>("joining");
  const [seen, setSeen] = useState<{ key: number; item: Arrived }[]>([]);
  const [count, setCount] = useState(0);
  const [isHeld, setHeld] = useState(false);
  useEffect(() => {
    if (isHeld) return;
    let key = Date.now();
    const source = new EventSource(`/v1/projects/${encodeURIComponent(project)}/live`);
    source.addEventListener("listening", () => setState("live"));
    source.addEventListener("error", () => setState("away"));
    source.addEventListener("activity", (event) => {
      const { count, activities } = JSON.parse(event.data) as { count: number; activities: Arrived[] };
      setCount((before) => before + count);
      setMoments((before) => [...before.slice(-5000), ...Array.from({ length: Math.min(count, 5000) }, () => Date.now())]);
      setSeen((before) => [...activities.map((item) => ({ key: key++, item })).reverse(), ...before].slice(0, SHOWN_MAX));
    });
    return () => source.close();
  }, [project, isHeld]);
  return (
    <>
      <PageHead title="Live" about={<span role="status">{isHeld ? "Held" : STATES[state]} · {count} arrived since you opened this page</span>}>
        <button type="button" className="plain" aria-pressed={isHeld} onClick={() => setHeld(!isHeld)}>{isHeld ? "Go on" : "Hold"}</button>
      </PageHead>
      <Pulse seen={moments} />
      <section className="card" aria-label="Arrivals">
        {seen.length === 0 && <Empty>Nothing has arrived since. Send something with a write key, or let <code>footfall demo --rate 20</code> do it.</Empty>}
        <ol className="stream">
          {seen.map(({ key, item }) => (
            <li key={key}><i className="dot" aria-hidden="true" /><div><b>{item.event ?? "(no name)"}</b> {item.person_id ? <Link href={placeOf(project, `people/${encodeURIComponent(item.person_id)}`)}>{item.distinct_id}</Link> : <span className="soft">{item.distinct_id}</span>} <span className="soft">{[item.city, item.country].filter(Boolean).join(" · ")}</span></div>{item.timestamp && <time dateTime={item.timestamp}>{ago(item.timestamp)}</time>}</li>
          ))}
        </ol>
      </section>
    </>
  );
}
