// Places: where people are, in cells that get smaller as one comes nearer, and who is in a cell.

import { useMemo, useRef, useState } from "react";
import { useAnswer } from "../api/answer";
import type { Progress } from "../api/stream";
import { savePicture } from "../chart/picture";
import { go, inAddress, useAddress } from "../frame/address";
import { Link } from "../frame/link";
import { placeOf, useProject } from "../frame/project";
import { behindOf, named, PeopleBehind, type Behind } from "../insights/behind";
import { OfActivities } from "../insights/drawn";
import { activities, useProposals } from "../insights/names";
import { Bar } from "../insights/progress";
import { Segments } from "../parts/choice";
import { Combo } from "../parts/combo";
import { csv, fileName, save } from "../parts/files";
import { counted, number } from "../parts/format";
import { Grid } from "../parts/grid";
import { Empty, Failure, Loading, PageHead } from "../parts/states";
import { DAYS, questionOf, sqlOf } from "./asked";
import { resolutionAt, resolutionOf, type HexCell } from "./cells";
import { found as ask, type Found } from "./found";
import { WorldMap } from "./map";
import { useView } from "./use_view";

const LISTED_MAX = 100;
const NONE: HexCell[] = [];

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
  const [progress, tell] = useState<Progress>();
  const asked = { days: Number(days), activity, resolution: resolutionAt(view.zoom) };
  const cellsAt = (resolution: number) => (signal: AbortSignal) => ask(project, { ...asked, resolution }, signal, tell);
  const keyAt = (resolution: number) => `${project} ${days} ${activity} ${resolution}`;
  const found = useAnswer(keyAt(asked.resolution), cellsAt(asked.resolution));
  const cells = found.value?.cells ?? NONE;
  // The chosen cell stays as one comes nearer or goes: it is of the resolution that it was chosen at.
  const own = resolutionOf(wanted);
  const chosenAt = useAnswer(own === undefined ? undefined : keyAt(own), cellsAt(own ?? 0));
  const chosen = useMemo(() => chosenAt.value?.cells.find(({ cell }) => cell === wanted), [chosenAt.value, wanted]);
  const head = ["cell", "people", "activities", "latitude", "longitude"];
  const row = ({ cell, people, times, center }: HexCell) => [cell, people, times, Number(center[1].toFixed(4)), Number(center[0].toFixed(4))];
  const [behind, setBehind] = useState<Behind>();
  /** People and activities of a cell lead to these; roles that see a part of the activity have points alone. */
  const countOf = (cell: HexCell, column: number) => {
    const [of, text] = [{ cell: { cell: cell.cell } }, number(Number(row(cell)[column]))];
    const own = found.value?.question && behindOf("places", found.value.question, column === 2 ? new OfActivities(of) : of, `In ${cell.cell}`);
    return own ? <button type="button" className="behind" title="Who is this?" aria-label={`${text}, ${head[column]}: ${cell.cell}: who is this?`} onClick={() => setBehind(own)}>{text}</button> : text;
  };
  const show = (cell: HexCell) => {
    setChosen(cell);
    setView({ center: cell.center, zoom: Math.max(view.zoom, 4) });
  };
  return (
    <>
      <PageHead title="Places" about="Where people were, in H3 cells that get smaller as you zoom in." />
      <section className="card builder" aria-label="Question">
        <div className="line"><Combo label="Activity" isQuiet={false} value={activity} placeholder="any activity" proposals={names} choose={(activity) => set({ activity })} /><Segments label="Time" value={days} options={DAYS} choose={(days) => set({ days })} /><Link className="quiet" href={placeOf(project, "insights", { q: JSON.stringify(questionOf(asked)) })}>Visits and time spent</Link></div>
      </section>
      <section className="card stack" ref={region} aria-label="Map" aria-busy={found.isAsking}>
        {found.isSlow && <Bar progress={progress} />}
        {found.fault ? <Failure fault={found.fault} again={found.again} /> : !found.value ? <Loading what="places" /> : cells.length === 0 ? <Empty>No activity in this time has a position. Send <code>context.location</code> with latitude and longitude.</Empty> : (
          <>
            <div className="result-head">
              <h2>{counted(found.value.people, "person", "people")} in {counted(found.value.all, "cell")}</h2>
              <span className="line">
                <button type="button" className="quiet" onClick={() => save(fileName("places", "csv"), csv(head, cells.map(row)))}>CSV</button>
                <button type="button" className="quiet" onClick={() => region.current && void savePicture(region.current, "places")}>PNG</button>
                <button type="button" className="quiet" onClick={() => save(fileName("places", "sql"), sqlOf(asked), "application/sql")}>SQL</button>
              </span>
            </div>
            {found.value.all > cells.length && <p className="soft">The {number(cells.length)} cells with the most activity are shown. Choose a shorter time or one activity to see all of them.</p>}
            {!found.value.question && <p className="soft">Your role sees part of the activity: positions are rounded to about a kilometre, and cells are no smaller than that.</p>}
            <WorldMap cells={cells} view={view} setView={setView} chosen={chosen?.cell} choose={setChosen} />
            {chosen && chosenAt.value && <InCell cell={chosen} found={chosenAt.value} />}
            <Grid label="Cells as a table" columns={head.map((name, index) => ({ name, isNumber: index > 0 }))} count={cells.length} cell={(at, column) => { const cell = cells[at]; return cell && (column === 0 ? <button type="button" className="link" onClick={() => show(cell)}>{cell.cell}</button> : column < 3 ? countOf(cell, column) : row(cell)[column]); }} height={300} />
            {behind && <PeopleBehind behind={behind} close={() => setBehind(undefined)} />}
          </>
        )}
      </section>
    </>
  );
}

function InCell({ cell, found }: { cell: HexCell; found: Found }) {
  const project = useProject().id;
  const [isShown, setShown] = useState(false);
  const shown = (cell.people_ids ?? []).slice(0, LISTED_MAX);
  const known = useAnswer(shown.length ? `${project} ${cell.cell} ${shown.length}` : undefined, (signal) => named(project, shown, signal));
  const behind = found.question && behindOf("places", found.question, { cell: { cell: cell.cell } }, `In ${cell.cell}`);
  return (
    <section className="notice" aria-label="People of the cell" role="status">
      <h3>{counted(cell.people, "person", "people")}, {counted(cell.times, "activity", "activities")} in {cell.cell}</h3>
      {behind && <p><button type="button" className="plain" onClick={() => setShown(true)}>Show people</button></p>}
      {shown.length > 0 && <p className="line small">{shown.map((id) => <Link key={id} href={placeOf(project, `people/${encodeURIComponent(id)}`)}>{known.value?.get(id)?.name ?? id}</Link>)}{cell.people > LISTED_MAX && <span className="soft">and {number(cell.people - LISTED_MAX)} more</span>}</p>}
      {isShown && behind && <PeopleBehind behind={behind} close={() => setShown(false)} />}
    </section>
  );
}
