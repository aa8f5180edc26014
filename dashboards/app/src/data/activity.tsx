// One activity: how often day by day, what it carries, the newest ones.

import { useMemo, useRef, useState } from "react";
import { useAnswer } from "../api/answer";
import { askRows } from "../api/rows";
import { Chart } from "../chart/chart";
import type { Drawing } from "../chart/options";
import { savePicture } from "../chart/picture";
import { Link } from "../frame/link";
import { placeOf, useProject } from "../frame/project";
import { csv, fileName, save } from "../parts/files";
import { moment, number } from "../parts/format";
import { Empty, Failure, Loading, PageHead } from "../parts/states";
import { behindActivity } from "./behind";
import { Planned } from "./planned";
import { PropertiesOf } from "./properties";
import { withValues } from "../sql/quoted";

const DAILY = "SELECT date_trunc('day', timestamp) AS day, count(*) AS times, count(DISTINCT person_id) AS people FROM activity WHERE event = $activity AND timestamp >= $since GROUP BY 1 ORDER BY 1";
const WHOLE = "SELECT count(*), count(DISTINCT person_id), min(timestamp), max(timestamp) FROM activity WHERE event = $activity";
const NEWEST = "SELECT timestamp, distinct_id, person_id, properties FROM activity WHERE event = $activity ORDER BY timestamp DESC LIMIT 10";
const DAYS = 60;
const DAY = 86_400_000;

export function Activity({ activity }: { activity: string }) {
  const project = useProject().id;
  const region = useRef<HTMLElement>(null);
  const [since] = useState(() => Math.floor(Date.now() / DAY - DAYS + 1) * DAY);
  const bound = { activity, since: new Date(since).toISOString() };
  const whole = useAnswer(`${project} ${activity}`, (signal) => askRows(project, WHOLE, { activity }, signal));
  const daily = useAnswer(`${project} ${activity} daily`, (signal) => askRows(project, DAILY, bound, signal));
  const newest = useAnswer(`${project} ${activity} newest`, (signal) => askRows(project, NEWEST, { activity }, signal));
  const days = useMemo(() => {
    const at = new Map((daily.value?.rows ?? []).map(([day, times, people]) => [new Date(String(day)).getTime(), [Number(times), Number(people)]]));
    return Array.from({ length: DAYS }, (_, index): [string, number, number] => {
      const [times = 0, people = 0] = at.get(since + index * DAY) ?? [];
      return [new Date(since + index * DAY).toISOString().slice(0, 10), times, people];
    });
  }, [daily.value, since]);
  const drawing = useMemo((): Drawing => ({
    kind: "lines", names: days.map(([day]) => new Date(day).toLocaleDateString("en-GB", { day: "numeric", month: "short", timeZone: "UTC" })),
    lines: [{ name: "times", values: days.map(([, times]) => times) }, { name: "people", values: days.map(([, , people]) => people) }],
  }), [days]);
  const [times, people, first, last] = whole.value?.rows[0] ?? [];
  const inSql = (what: "times" | "people") => placeOf(project, "sql", { sql: behindActivity(activity, what) });
  const question = { kind: "trend", steps: [{ activity }], days: 30 };
  return (
    <>
      <PageHead title={activity} about={<Link href={placeOf(project, "data")}>All activities</Link>}><Link className="plain" href={placeOf(project, "insights", { q: JSON.stringify(question) })}>Open in Insights</Link></PageHead>
      {whole.fault ? <Failure fault={whole.fault} again={whole.again} /> : !whole.value ? <Loading what="the activity" /> : !Number(times) ? <Empty>Nothing with this name has been sent.</Empty> : (
        <section className="card" aria-label="In numbers"><dl className="figures">
          <div className="figure"><dt>Times</dt><dd><Link className="behind" title="Which are these?" href={inSql("times")}>{number(Number(times))}</Link></dd></div><div className="figure"><dt>People</dt><dd><Link className="behind" title="Who is this?" href={inSql("people")}>{number(Number(people))}</Link></dd></div>
          <div className="figure"><dt>First seen</dt><dd><small>{moment(String(first))}</small></dd></div><div className="figure"><dt>Last seen</dt><dd><small>{moment(String(last))}</small></dd></div>
        </dl></section>
      )}
      <Planned activity={activity} />
      <section className="card" ref={region} aria-label="Day by day">
        <div className="card-head"><h2>Last {DAYS} days, in UTC</h2>
          <span className="line">
            <button type="button" className="quiet" aria-label="Day by day as CSV" onClick={() => save(fileName(`${activity} day by day`, "csv"), csv(["day", "times", "people"], days))}>CSV</button>
            <button type="button" className="quiet" aria-label="Day by day as PNG" onClick={() => region.current && void savePicture(region.current, activity)}>PNG</button>
            <button type="button" className="quiet" aria-label="Day by day as SQL" onClick={() => save(fileName(`${activity} day by day`, "sql"), `${withValues(DAILY, bound)}\n`, "application/sql")}>SQL</button>
          </span>
        </div>
        {daily.fault ? <Failure fault={daily.fault} again={daily.again} /> : !daily.value ? <Loading what="days" /> : <Chart label={`${activity} day by day`} drawing={drawing} />}
      </section>
      <section className="card" aria-label="Properties"><h2>Properties</h2><PropertiesOf activity={activity} /></section>
      <section className="card" aria-label="Latest"><h2>Latest</h2>
        {newest.fault ? <Failure fault={newest.fault} again={newest.again} /> : !newest.value ? <Loading what="activities" /> : (
          <ul className="rows">{newest.value.rows.map(([at, id, person, properties], index) => <li key={index}><span className="row-text"><Link href={placeOf(project, `people/${encodeURIComponent(String(person))}`)}>{String(id)}</Link><code className="small">{String(properties ?? "")}</code></span><span className="soft small">{moment(String(at))}</span></li>)}</ul>
        )}
      </section>
    </>
  );
}
