// One activity: how often day by day, what it carries, the newest ones.

import { useMemo, useRef, useState } from "react";
import { useAnswer } from "../api/answer";
import { askRows } from "../api/rows";
import { Chart } from "../chart/chart";
import type { Drawing } from "../chart/options";
import { savePicture } from "../chart/picture";
import { Link } from "../frame/link";
import { placeOf, useProject } from "../frame/project";
import { moment, number } from "../parts/format";
import { Empty, Failure, Loading, PageHead } from "../parts/states";
import { Planned } from "./planned";
import { PropertiesOf } from "./properties";

const DAILY = "SELECT date_trunc('day', timestamp) AS day, count(*) AS times, count(DISTINCT person_id) AS people FROM activity WHERE event = $activity AND timestamp >= $since GROUP BY 1 ORDER BY 1";
const WHOLE = "SELECT count(*), count(DISTINCT person_id), min(timestamp), max(timestamp) FROM activity WHERE event = $activity";
const NEWEST = "SELECT timestamp, distinct_id, person_id, properties FROM activity WHERE event = $activity ORDER BY timestamp DESC LIMIT 10";
const DAYS = 60;
const DAY = 86_400_000;

export function Activity({ activity }: { activity: string }) {
  const project = useProject().id;
  const region = useRef<HTMLElement>(null);
  const [since] = useState(() => Math.floor(Date.now() / DAY - DAYS + 1) * DAY);
  const whole = useAnswer(`${project} ${activity}`, (signal) => askRows(project, WHOLE, { activity }, signal));
  const daily = useAnswer(`${project} ${activity} daily`, (signal) => askRows(project, DAILY, { activity, since: new Date(since).toISOString() }, signal));
  const newest = useAnswer(`${project} ${activity} newest`, (signal) => askRows(project, NEWEST, { activity }, signal));
  const drawing = useMemo((): Drawing => {
    const days = Array.from({ length: DAYS }, (_, index) => since + index * DAY);
    const at = new Map((daily.value?.rows ?? []).map(([day, times, people]) => [new Date(String(day)).getTime(), [Number(times), Number(people)]]));
    const line = (name: string, place: 0 | 1) => ({ name, values: days.map((day) => at.get(day)?.[place] ?? 0) });
    return { kind: "lines", names: days.map((day) => new Date(day).toLocaleDateString("en-GB", { day: "numeric", month: "short", timeZone: "UTC" })), lines: [line("times", 0), line("people", 1)] };
  }, [daily.value, since]);
  const [times, people, first, last] = whole.value?.rows[0] ?? [];
  const question = { kind: "trend", steps: [{ activity }], days: 30 };
  return (
    <>
      <PageHead title={activity} about={<Link href={placeOf(project, "data")}>All activities</Link>}><Link className="plain" href={placeOf(project, "insights", { q: JSON.stringify(question) })}>Ask about it</Link></PageHead>
      {whole.fault ? <Failure fault={whole.fault} again={whole.again} /> : !whole.value ? <Loading what="the activity" /> : !Number(times) ? <Empty>Nothing of this name was ever sent.</Empty> : (
        <section className="card" aria-label="In numbers"><dl className="figures">
          <div className="figure"><dt>Times</dt><dd>{number(Number(times))}</dd></div><div className="figure"><dt>People</dt><dd>{number(Number(people))}</dd></div>
          <div className="figure"><dt>First seen</dt><dd><small>{moment(String(first))}</small></dd></div><div className="figure"><dt>Last seen</dt><dd><small>{moment(String(last))}</small></dd></div>
        </dl></section>
      )}
      <Planned activity={activity} />
      <section className="card" ref={region} aria-label="Day by day">
        <div className="card-head"><h2>Last {DAYS} days, in UTC</h2><button type="button" className="quiet" onClick={() => region.current && void savePicture(region.current, activity)}>PNG</button></div>
        {daily.fault ? <Failure fault={daily.fault} again={daily.again} /> : !daily.value ? <Loading what="days" /> : <Chart label={`${activity} day by day`} drawing={drawing} />}
      </section>
      <section className="card" aria-label="Properties"><div className="card-head"><h2>Properties</h2><span className="soft small">Of its newest 50,000.</span></div><PropertiesOf activity={activity} /></section>
      <section className="card" aria-label="The newest"><h2>The newest</h2>
        {newest.fault ? <Failure fault={newest.fault} again={newest.again} /> : !newest.value ? <Loading what="activities" /> : (
          <ul className="rows">{newest.value.rows.map(([at, id, person, properties], index) => <li key={index}><span className="row-text"><Link href={placeOf(project, `people/${encodeURIComponent(String(person))}`)}>{String(id)}</Link><code className="small">{String(properties ?? "")}</code></span><span className="soft small">{moment(String(at))}</span></li>)}</ul>
        )}
      </section>
    </>
  );
}
