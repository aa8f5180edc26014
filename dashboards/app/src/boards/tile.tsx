// One tile: its title, and its answer as one number, a drawing or a table; who is behind its numbers, and what can be taken along.

import { memo, useEffect, useMemo, useRef, useState } from "react";
import type { Tell, TellPart } from "../api/events";
import { useTold, type Told } from "../api/told";
import { Chart } from "../chart/chart";
import { savePicture } from "../chart/picture";
import { placeName } from "../chart/options";
import { behindOf, pickOf, type Behind } from "../insights/behind_of";
import type { Cell, Figure } from "../insights/drawn";
import { marksOf } from "../insights/happened";
import { Numbers } from "../insights/numbers";
import { PartMark } from "../insights/part";
import { PersonNumbers } from "../insights/persons";
import { Bar } from "../insights/progress";
import { csv, fileName, save } from "../parts/files";
import { number } from "../parts/format";
import { Empty, Failure, Loading } from "../parts/states";
import type { Where } from "../sql/links";
import { rowsBehind } from "../sql/rows_behind";
import type { Annotation, Item } from "./calls";
import type { Tile as TileOf, TileAnswer } from "./model";
import { shownOf, type Shown } from "./shown";

export interface Asker {
  /** Changes when it should be asked again. */
  key: string;
  zone: string;
  /** Of members also how far it is, and what parts of the people say. */
  ask: (tile: string, signal: AbortSignal, tell: Tell, tellPart: TellPart<TileAnswer>) => Promise<TileAnswer>;
  /** Of members who look; nobody else has ways into a project. */
  project?: Where;
  /** What happened when, for charts over time. */
  happened?: Item<Annotation>[];
  /** Shows the people of a number; nobody does to viewers of what was given away, and to whoever may not ask for them. */
  show?: (behind: Behind | undefined) => void;
  /** Leads to the rows behind a row of SQL; says why where they cannot be listed. */
  rows?: (tile: TileOf, shown: Shown, row: Row) => Promise<string | undefined>;
  /** The statement that gives the tile's numbers. */
  sql?: (tile: TileOf, shown: Shown) => Promise<string | undefined>;
}

type Row = (string | number | null)[];

const wordsOf = (tile: TileOf) => tile.text ?? (tile.ask && "text" in tile.ask ? tile.ask.text : undefined);

export const Tile = memo(function Tile({ tile, asker, turn }: { tile: TileOf; asker: Asker; turn: number }) {
  const question = useMemo(() => JSON.stringify([tile.ask, tile.show, tile.days]), [tile]);
  const key = wordsOf(tile) === undefined ? `${asker.key} ${tile.id} ${question}` : undefined;
  const answer = useTold<TileAnswer, TileAnswer>(key, (signal, tell, tellPart) => asker.ask(tile.id, signal, tell, tellPart));
  const { again } = answer;
  useEffect(() => {
    if (turn > 0) again();
  }, [turn, again]);
  return <Answered tile={tile} asker={asker} answer={answer} />;
});

/** What is there: a part of the answer, dimmed and marked, until all of it is. Whoever asks the same again keeps what is there until then. */
export function Answered({ tile, asker, answer }: { tile: TileOf; asker: Asker; answer: Told<TileAnswer, TileAnswer> }) {
  const words = wordsOf(tile);
  const { value, part, isSlow, isCancelled } = answer;
  const drawn = part?.answer ?? value;
  const shown = useMemo(() => drawn && shownOf(drawn, asker.zone), [drawn, asker.zone]);
  const title = tile.title || tile.id;
  const isStale = part !== undefined || (answer.isOfBefore && (isSlow || Boolean(isCancelled)));
  return (
    <>
      <header className="tile-head">
        <h2 title={tile.description || undefined}>{words !== undefined && !tile.title ? <span className="hidden">Note</span> : title}</h2>
        {part && <PartMark part={part} />}
        {drawn && !drawn.is_filtered && <span className="badge warn" title="The filters of this dashboard do not apply to this kind of question">not filtered</span>}
        {isSlow && <button type="button" className="quiet tile-take" aria-label={`Stop asking: ${title}`} onClick={answer.cancel}>Stop</button>}
      </header>
      {isSlow && <div className="tile-progress"><Bar progress={answer.progress} label={`${title} is on its way`} /></div>}
      {isCancelled && <p className="line small" role="status">Stopped. <button type="button" className="plain" onClick={answer.again}>Ask again</button></p>}
      {words !== undefined ? <p className="tile-words">{words}</p>
        : answer.fault && !part ? <Failure fault={answer.fault} again={answer.again} />
          : shown ? <Content tile={tile} shown={shown} title={title} asker={asker} wantsNumber={drawn?.show === "number"} isStale={isStale} isPart={part !== undefined} />
            : !isCancelled && <Loading what="the answer" />}
    </>
  );
}

interface Content {
  tile: TileOf;
  shown: Shown;
  title: string;
  asker: Asker;
  wantsNumber: boolean;
  isStale: boolean;
  /** Its numbers lead nowhere and are not taken along: they are not yet what they will be. */
  isPart: boolean;
}

function Content({ tile, shown, title, asker, wantsNumber, isStale, isPart }: Content) {
  const region = useRef<HTMLDivElement>(null);
  const [isTable, setTable] = useState(false);
  const { asked, drawing: plain, starts } = shown;
  const drawing = useMemo(() => (plain && plain.kind !== "flows" && starts && asker.happened?.length ? { ...plain, marks: marksOf(asker.happened, starts) } : plain), [plain, starts, asker.happened]);
  const { show, rows: toRows, project } = isPart ? {} as Partial<Asker> : asker;
  const behind = asked && show ? (cell: Parameters<typeof behindOf>[2], what: string) => show(behindOf(asked.kind, asked.definition, cell, what)) : undefined;
  const figures = wantsNumber ? shown.figures : undefined;
  const [why, setWhy] = useState<string>();
  const hasRows = (row: Row) => !asked && (!tile.ask || !("sql" in tile.ask) || rowsBehind(tile.ask.sql, row) !== undefined);
  const rowsOf = toRows && !asked ? (index: number) => {
    const row = shown.rows[index];
    return row && hasRows(row) ? () => void toRows(tile, shown, row).then(setWhy, () => setWhy("its statement could not be read")) : undefined;
  } : undefined;
  if (!figures && shown.rows.length === 0) return isPart ? <Loading what="the rest" /> : <Empty>Nothing yet.</Empty>;
  const pick = behind && pickOf(shown, (cell, index) => behind(cell, `${title}: ${placeName(drawing, index)}`));
  const table = { label: `${title} as a table`, shown, show: behind, height: 1200 };
  const take = async () => {
    const sql = await asker.sql?.(tile, shown);
    if (sql) save(fileName(title, "sql"), sql, "application/sql");
  };
  return (
    <div className="tile-content" ref={region} aria-busy={isPart}>
      {wantsNumber && !figures && <p className="soft small">This kind of answer is not a single number.</p>}
      {figures ? <Figures figures={figures} title={title} isStale={isStale} behind={behind} rows={rowsOf?.(0)} />
        : drawing && !isTable ? <Chart label={`${title}: as a table it has the same numbers`} drawing={drawing} isStale={isStale} pick={pick} />
          : <div className={`tile-table${isStale ? " stale" : ""}`}>{shown.people && project ? <PersonNumbers {...table} ids={shown.people} /> : <Numbers {...table} project={asked ? undefined : project} rowsOf={rowsOf} />}</div>}
      {why && <p className="soft small" role="status">The rows behind it cannot be listed: {why}.</p>}
      <div className="tile-foot">
        {drawing && <button type="button" className="quiet tile-turn" aria-pressed={isTable} aria-label={`${title} as a table`} onClick={() => setTable(!isTable)}>Table</button>}
        {!isPart && <button type="button" className="quiet tile-take" aria-label={`${title} as CSV`} onClick={() => save(fileName(title, "csv"), csv(shown.head, shown.rows))}>CSV</button>}
        {!isPart && drawing && !isTable && <button type="button" className="quiet tile-take" aria-label={`${title} as PNG`} onClick={() => region.current && void savePicture(region.current, title)}>PNG</button>}
        {!isPart && asker.sql && <button type="button" className="quiet tile-take" aria-label={`${title} as SQL`} onClick={() => void take()}>SQL</button>}
      </div>
    </div>
  );
}

/** One large number, or several with their names. */
function Figures({ figures, title, isStale, behind, rows }: { figures: Figure[]; title: string; isStale: boolean; behind?: (cell: Cell, what: string) => void; rows?: () => void }) {
  const [only] = figures;
  const told = ({ name, value, cell }: Figure, what: string) => {
    const text = typeof value === "string" ? value : number(value);
    if (rows && typeof value === "number") return <button type="button" className="behind" title="Which rows are these?" aria-label={`${text}, ${what}: which rows are these?`} onClick={rows}>{text}</button>;
    if (!behind || !cell || !value) return text;
    return <button type="button" className="behind" title="Who is this?" aria-label={`${text}, ${what}: who is this?`} onClick={() => behind(cell, figures.length > 1 ? `${title}: ${name}` : title)}>{text}</button>;
  };
  const stale = isStale ? " stale" : "";
  if (figures.length <= 1) return <p className={`tile-figure${stale}`}>{only ? told(only, title) : "–"}</p>;
  return <dl className={`tile-figures${stale}`}>{figures.map((figure) => <div key={figure.name}><dt>{figure.name}</dt><dd>{told(figure, `${figure.name}, ${title}`)}</dd></div>)}</dl>;
}
