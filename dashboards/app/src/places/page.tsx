// Places: where people are, in cells that get smaller as one comes nearer, and who is in a cell.

import { useMemo, useRef } from "react";
import { useAnswer } from "../api/answer";
import { askRows } from "../api/rows";
import { savePicture } from "../chart/picture";
import { go, inAddress, useAddress } from "../frame/address";
import { Link } from "../frame/link";
import { placeOf, useProject } from "../frame/project";
import { named } from "../insights/behind";
import { activities, useProposals } from "../insights/names";
import { Segments } from "../parts/choice";
import { Combo } from "../parts/combo";
import { csv, fileName, save } from "../parts/files";
import { number } from "../parts/format";
import { Grid } from "../parts/grid";
import { Empty, Failure, Loading, PageHead } from "../parts/states";
import { cellNamed, cellsOf, resolutionAt, type HexCell } from "./cells";
import { WorldMap } from "./map";
import { useView } from "./use_view";

const POINTS_MAX = 100_000;
const SQL = `SELECT round(latitude, 2) AS latitude, round(longitude, 2) AS longitude, person_id, count(*) AS times FROM activity
WHERE latitude IS NOT NULL AND longitude IS NOT NULL AND timestamp >= $since AND ($activity = '' OR event = $activity) GROUP BY 1, 2, 3 ORDER BY times DESC LIMIT ${POINTS_MAX}`;
const DAYS = [["1", "1 day"], ["7", "7 days"], ["30", "30 days"], ["90", "90 days"]] as const;
const SHOWN_MAX = 2000;
const LISTED_MAX = 100;

export default function Places() {
  const project = useProject().id;
  const region = useRef<HTMLElement>(null);
  const { path, query } = useAddress();
  const days = DAYS.find(([count]) => count === query.get("days"))?.[0] ?? "30";
  const activity = query.get("activity") ?? "";
  const set = (part: Record<string, string>) => go(`${path}?${new URLSearchParams({ ...Object.fromEntries(query), ...part })}`, { replaces: true });
  const [view, setView] = useView(query.get("view"));
  const wanted = query.get("cell") ?? "";
  const setChosen = ({ cell }: HexCell) => inAddress({ cell });
  const names = useProposals(() => activities(project), project);
  const since = useMemo(() => new Date(Date.now() - Number(days) * 86_400_000).toISOString(), [days]);
  const found = useAnswer(`${project} ${since} ${activity}`, (signal) => askRows(project, SQL, { since, activity }, signal));
  const points = useMemo(() => (found.value?.rows ?? []).map(([latitude, longitude, person, times]) => ({ latitude: Number(latitude), longitude: Number(longitude), person: String(person), times: Number(times) })), [found.value]);
  const resolution = resolutionAt(view.zoom);
  const cells = useMemo(() => cellsOf(points, resolution), [points, resolution]);
  const chosen = useMemo(() => cellNamed(points, wanted), [points, wanted]);
  const head = ["cell", "people", "activities", "latitude", "longitude"];
  const row = ({ cell, people, times, center }: HexCell) => [cell, people, times, Number(center[1].toFixed(4)), Number(center[0].toFixed(4))];
  const show = (cell: HexCell) => {
    setChosen(cell);
    setView({ center: cell.center, zoom: Math.max(view.zoom, 4) });
  };
  return (
    <>
      <PageHead title="Places" about="Where people were, to about a kilometre, in H3 cells that get smaller as one comes nearer." />
      <section className="card builder" aria-label="Question">
        <div className="line"><Combo label="Activity" isQuiet={false} value={activity} placeholder="any activity" proposals={names} choose={(activity) => set({ activity })} /><Segments label="Time" value={days} options={DAYS} choose={(days) => set({ days })} /><Link className="quiet" href={placeOf(project, "insights", { q: JSON.stringify({ kind: "places", days: Number(days), steps: [{ activity }], resolution: resolutionAt(view.zoom) }) })}>Visits and how long they stayed</Link></div>
      </section>
      <section className="card stack" ref={region} aria-label="Map" aria-busy={found.isAsking}>
        {found.isSlow && <div className="progress" role="progressbar" aria-label="Working on it"><i /></div>}
        {found.fault ? <Failure fault={found.fault} again={found.again} /> : !found.value ? <Loading what="places" /> : points.length === 0 ? <Empty>No activity of this time says where it was. Send <code>context.location</code> with latitude and longitude.</Empty> : (
          <>
            <div className="result-head">
              <h2>{number(new Set(points.map(({ person }) => person)).size)} people in {number(cells.length)} cells</h2>
              <span className="line">
                <button type="button" className="quiet" onClick={() => save(fileName("places", "csv"), csv(head, cells.map(row)))}>CSV</button>
                <button type="button" className="quiet" onClick={() => region.current && void savePicture(region.current, "places")}>PNG</button>
                <button type="button" className="quiet" onClick={() => save(fileName("places", "sql"), `-- ${JSON.stringify({ since, activity })}\n${SQL}\n`, "application/sql")}>SQL</button>
              </span>
            </div>
            {points.length === POINTS_MAX && <p className="soft">Only the {number(POINTS_MAX)} places with most activities are shown.</p>}
            <WorldMap cells={cells.slice(0, SHOWN_MAX)} view={view} setView={setView} chosen={chosen?.cell} choose={setChosen} />
            {chosen && <InCell cell={chosen} />}
            <Grid label="Cells as a table" columns={head.map((name, index) => ({ name, isNumber: index > 0 }))} count={cells.length} cell={(at, column) => { const cell = cells[at]; return cell && (column === 0 ? <button type="button" className="link" onClick={() => show(cell)}>{cell.cell}</button> : column < 3 ? number(Number(row(cell)[column])) : row(cell)[column]); }} height={300} />
          </>
        )}
      </section>
    </>
  );
}

function InCell({ cell }: { cell: HexCell }) {
  const project = useProject().id;
  const shown = cell.people_ids.slice(0, LISTED_MAX);
  const known = useAnswer(`${project} ${cell.cell} ${shown.length}`, (signal) => named(project, shown, signal));
  return (
    <section className="notice" aria-label="People of the cell" role="status">
      <h3>{number(cell.people)} people, {number(cell.times)} activities in {cell.cell}</h3>
      <p className="line small">{shown.map((id) => <Link key={id} href={placeOf(project, `people/${encodeURIComponent(id)}`)}>{known.value?.get(id)?.name ?? id}</Link>)}{cell.people > LISTED_MAX && <span className="soft">and {number(cell.people - LISTED_MAX)} more</span>}</p>
    </section>
  );
}
