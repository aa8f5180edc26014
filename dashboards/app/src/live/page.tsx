// Live: activity as it arrives, the newest first.

import { useEffect, useState } from "react";
import type { components } from "../../../client/src/schema";
import { useAnswer } from "../api/answer";
import { api, good } from "../api/client";
import { askRows } from "../api/rows";
import { Link } from "../frame/link";
import { placeOf, useProject } from "../frame/project";
import { ago, counted, number, span } from "../parts/format";
import { Empty, Failure, PageHead } from "../parts/states";
import { rateOf, withWave, type Wave } from "./rate";

interface Arrived {
  event?: string;
  distinct_id?: string;
  person_id?: string;
  timestamp?: string;
  city?: string;
  country?: string;
}
const SHOWN_MAX = 60;
const STATES = { joining: "Connecting …", live: "Live", away: "Connection lost; reconnecting …" } as const;

const NOW = "SELECT count(DISTINCT person_id), count(*) FROM activity WHERE timestamp >= $minutes";
/** What is behind the numbers, asked on the page of SQL. */
const PEOPLE_BEHIND = "SELECT person_id, count(*) AS times, max(timestamp) AS last FROM activity WHERE timestamp >= now() - INTERVAL '5 minutes' GROUP BY person_id ORDER BY last DESC";
const TIMES_BEHIND = "SELECT timestamp, event, person_id, distinct_id, properties FROM activity WHERE timestamp >= now() - INTERVAL '5 minutes' ORDER BY timestamp DESC LIMIT 10000";
const LOOK_MS = 5000;
const AGAIN_MS = 3000;
/** The parts of the program, as /readyz names them. */
const PARTS: Record<string, string> = { log: "Log", store: "Tables", jobs: "Background job", bus: "Message bus", mails: "E-mail" };

type Status = components["schemas"]["ProgramStatus"];

/** Counts up every few seconds while somebody looks. */
function useClock(): number {
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const clock = setInterval(() => document.visibilityState === "visible" && setTurn((turn) => turn + 1), LOOK_MS);
    return () => clearInterval(clock);
  }, []);
  return turn;
}

/** Who is here, how much arrives, how far answers are behind, and how each part does; asked anew at each turn. */
function Pulse({ waves, turn }: { waves: Wave[]; turn: number }) {
  const { id: project, permissions } = useProject();
  const minutes = () => new Date(Date.now() - 5 * 60_000).toISOString();
  const found = useAnswer(permissions.has("sql.run") ? `${project} ${turn}` : undefined, (signal) => askRows(project, NOW, { minutes: minutes() }, signal));
  const status = useAnswer(`status ${turn}`, (signal) => good(api.GET("/v1/status", { signal })));
  const inSql = (sql: string) => placeOf(project, "sql", { sql });
  const [people, activities] = found.value?.rows[0] ?? [];
  return (
    <section className="card stack" aria-label="Now">
      <dl className="figures">
        <div className="figure"><dt>People in the last 5 minutes</dt><dd>{people === undefined ? "–" : <Link className="behind" title="Who is this?" href={inSql(PEOPLE_BEHIND)}>{number(Number(people))}</Link>}</dd></div>
        <div className="figure"><dt>Activities in the last 5 minutes</dt><dd>{activities === undefined ? "–" : <Link className="behind" title="Which are these?" href={inSql(TIMES_BEHIND)}>{number(Number(activities))}</Link>}</dd></div>
        <div className="figure"><dt>Per second, over the last 10 s</dt><dd>{number(rateOf(waves, Date.now()))}</dd></div>
        <div className="figure"><dt>Answers lag by</dt><dd><Behind lag={status.value?.lag} /></dd></div>
      </dl>
      {found.fault ? <Failure fault={found.fault} again={found.again} /> : null}
      {status.fault ? <Failure fault={status.fault} again={status.again} /> : status.value && <Parts status={status.value} />}
    </section>
  );
}

/** What was taken in and is in no answer yet. */
function Behind({ lag }: { lag: Status["lag"] | undefined }) {
  if (!lag) return <>–</>;
  return <>{number(lag.records_behind)} <small>{lag.records_behind === 1 ? "activity" : "activities"}, {span(lag.seconds_behind * 1000)}</small></>;
}

function Parts({ status: { ready, checks } }: { status: Status }) {
  return (
    <ul className="rows parts" aria-label="Parts of the program">
      <li><span className="row-text"><b>The program</b></span><span className={`badge ${ready ? "good" : "bad"}`}>{ready ? "is ready" : "is not ready"}</span></li>
      {checks.map(({ name, ok, detail }) => (
        <li key={name}>
          <span className="row-text"><span>{PARTS[name] ?? name}</span>{detail && <span className="soft small">{detail}</span>}</span>
          <span className={`badge ${ok ? (detail ? "warn" : "good") : "bad"}`}>{ok ? "works" : "does not work"}</span>
        </li>
      ))}
    </ul>
  );
}

export default function Live() {
  const project = useProject().id;
  const turn = useClock();
  const [waves, setWaves] = useState<Wave[]>([]);
  const [state, setState] = useState<keyof typeof STATES>("joining");
  const [seen, setSeen] = useState<{ key: number; item: Arrived }[]>([]);
  const [count, setCount] = useState(0);
  const [isHeld, setHeld] = useState(false);
  useEffect(() => {
    if (isHeld) return;
    let key = Date.now();
    let source: EventSource | undefined;
    let again: ReturnType<typeof setTimeout> | undefined;
    setState("joining");
    const connect = () => {
      source = new EventSource(`/v1/projects/${encodeURIComponent(project)}/live`);
      source.addEventListener("listening", () => setState("live"));
      source.addEventListener("error", () => {
        setState("away");
        // A browser connects again after a broken line, and never after a refusal (a full house, a proxy, a session that is over).
        if (source?.readyState === EventSource.CLOSED) again = setTimeout(() => void api.GET("/v1/account").catch(() => undefined).then(() => isGone || connect()), AGAIN_MS);
      });
      source.addEventListener("activity", (event) => {
        const { count, activities } = JSON.parse(event.data) as { count: number; activities: Arrived[] };
        setCount((before) => before + count);
        setWaves((before) => withWave(before, count, Date.now()));
        setSeen((before) => [...activities.map((item) => ({ key: key++, item })).reverse(), ...before].slice(0, SHOWN_MAX));
      });
    };
    let isGone = false;
    connect();
    return () => {
      isGone = true;
      clearTimeout(again);
      source?.close();
    };
  }, [project, isHeld]);
  return (
    <>
      <PageHead title="Live" about={<><span role="status">{isHeld ? "Paused" : STATES[state]}</span> · {counted(count, "activity", "activities")} since you opened this page</>}>
        <button type="button" className="plain" onClick={() => setHeld(!isHeld)}>{isHeld ? "Resume" : "Pause"}</button>
      </PageHead>
      <Pulse waves={waves} turn={turn} />
      <section className="card" aria-label="Arrivals">
        {seen.length === 0 && <Empty>Nothing has arrived yet. Send something with a write key, or let <code>footfall demo --rate 20</code> do it.</Empty>}
        <ol className="stream">
          {seen.map(({ key, item }) => (
            <li key={key}><i className="dot" aria-hidden="true" /><div><b>{item.event ?? "(no name)"}</b> {item.person_id ? <Link href={placeOf(project, `people/${encodeURIComponent(item.person_id)}`)}>{item.distinct_id}</Link> : <span className="soft">{item.distinct_id}</span>} <span className="soft">{[item.city, item.country].filter(Boolean).join(" · ")}</span></div>{item.timestamp && <time dateTime={item.timestamp}>{ago(item.timestamp)}</time>}</li>
          ))}
        </ol>
      </section>
    </>
  );
}
