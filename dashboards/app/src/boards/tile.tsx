// One tile: its title, and its answer as one number, a drawing or a table.

import { memo, useEffect, useMemo, useState } from "react";
import { useAnswer } from "../api/answer";
import { Chart } from "../chart/chart";
import { csv, fileName, save } from "../parts/files";
import { number } from "../parts/format";
import { Grid } from "../parts/grid";
import { Empty, Failure, Loading } from "../parts/states";
import type { Tile as TileOf, TileAnswer } from "./model";
import { shownOf, type Shown } from "./shown";

export interface Asker {
  /** Changes when it should be asked again. */
  key: string;
  zone: string;
  ask: (tile: string, signal: AbortSignal) => Promise<TileAnswer>;
}

const wordsOf = (tile: TileOf) => tile.text ?? (tile.ask && "text" in tile.ask ? tile.ask.text : undefined);

export const Tile = memo(function Tile({ tile, asker, turn }: { tile: TileOf; asker: Asker; turn: number }) {
  const words = wordsOf(tile);
  const question = useMemo(() => JSON.stringify([tile.ask, tile.show, tile.days]), [tile]);
  const answer = useAnswer(words === undefined ? `${asker.key} ${tile.id} ${question}` : undefined, (signal) => asker.ask(tile.id, signal));
  const { again } = answer;
  useEffect(() => {
    if (turn > 0) again();
  }, [turn, again]);
  const shown = useMemo(() => answer.value && shownOf(answer.value, asker.zone), [answer.value, asker.zone]);
  const title = tile.title || tile.id;
  return (
    <>
      <header className="tile-head">
        <h2 title={tile.description || undefined}>{words !== undefined && !tile.title ? <span className="hidden">Note</span> : title}</h2>
        {answer.value && !answer.value.is_filtered && <span className="badge warn" title="The filters of this dashboard do not apply to this kind of question">not filtered</span>}
        {shown && <button type="button" className="quiet tile-take" aria-label={`${title} as CSV`} onClick={() => save(fileName(title, "csv"), csv(shown.head, shown.rows))}>CSV</button>}
      </header>
      {words !== undefined ? <p className="tile-words">{words}</p>
        : answer.fault ? <Failure fault={answer.fault} again={answer.again} />
          : shown ? <Content shown={shown} title={title} isNumber={answer.value?.show === "number"} isStale={answer.isAsking && answer.isSlow} />
            : <Loading what="the answer" />}
    </>
  );
});

const cellOf = (value: string | number | null | undefined) => (typeof value === "string" ? value : value === null || value === undefined ? "" : number(value));

function Content({ shown, title, isNumber, isStale }: { shown: Shown; title: string; isNumber: boolean; isStale: boolean }) {
  const [isTable, setTable] = useState(false);
  if (isNumber) return <p className={`tile-figure${isStale ? " stale" : ""}`}>{number(shown.figure ?? null)}</p>;
  if (shown.rows.length === 0) return <Empty>Nothing yet.</Empty>;
  const table = <Grid label={`${title} as a table`} columns={shown.head.map((name, index) => ({ name, isNumber: index > 0 }))} count={shown.rows.length} cell={(row, column) => cellOf(shown.rows[row]?.[column])} height={1200} />;
  if (!shown.drawing) return <div className="tile-table">{table}</div>;
  return (
    <div className="tile-content">
      {isTable ? <div className="tile-table">{table}</div> : <Chart label={`${title}: as a table it has the same numbers`} drawing={shown.drawing} isStale={isStale} />}
      <button type="button" className="quiet tile-turn" aria-pressed={isTable} aria-label={`${title} as a table`} onClick={() => setTable(!isTable)}>Table</button>
    </div>
  );
}
