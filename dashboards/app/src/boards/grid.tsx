// The grid of tiles. While it is edited, tiles are moved and sized by pointer, or by the arrow keys on their handles.

import { useRef, useState, type KeyboardEvent, type PointerEvent, type ReactNode } from "react";
import { arranged, COLUMNS, ordered, type Place, type Tile } from "./model";

export const ROW = 62;
const GAP = 12;

interface Edited {
  move: (tiles: Tile[]) => void;
  open: (tile: Tile) => void;
  remove: (tile: Tile) => void;
}

export function Tiles({ tiles, edited, content }: { tiles: Tile[]; edited?: Edited; content: (tile: Tile) => ReactNode }) {
  const grid = useRef<HTMLDivElement>(null);
  const [dragged, setDragged] = useState<{ id: string; tiles: Tile[] }>();
  const [said, say] = useState("");
  const shown = dragged?.tiles ?? tiles;
  const announce = (id: string, list: Tile[]) => {
    const at = list.find((tile) => tile.id === id);
    if (at) say(`${at.title || at.id}: column ${at.x + 1}, row ${at.y + 1}, ${at.width} wide, ${at.height} high`);
  };

  /** Follows the pointer in steps of the grid; the page is told when it is let go. */
  const drag = (event: PointerEvent<HTMLElement>, tile: Tile, toPlace: (columns: number, rows: number) => Partial<Place>) => {
    if (event.button !== 0 || !grid.current || !edited) return;
    event.preventDefault();
    const handle = event.currentTarget;
    handle.setPointerCapture(event.pointerId);
    const from = { x: event.clientX, y: event.clientY + scrollY };
    const step = (grid.current.clientWidth + GAP) / COLUMNS;
    let last = tiles;
    let wanted = "";
    const follow = (moved: globalThis.PointerEvent) => {
      const place = toPlace(Math.round((moved.clientX - from.x) / step), Math.round((moved.clientY + scrollY - from.y) / (ROW + GAP)));
      if (JSON.stringify(place) === wanted) return;
      wanted = JSON.stringify(place);
      last = arranged(tiles, tile.id, place);
      setDragged({ id: tile.id, tiles: last });
    };
    const end = ({ type }: globalThis.PointerEvent) => {
      handle.removeEventListener("pointermove", follow);
      handle.removeEventListener("pointerup", end);
      handle.removeEventListener("pointercancel", end);
      setDragged(undefined);
      // What the browser breaks off was not let go anywhere.
      if (type !== "pointerup") return;
      edited.move(last);
      announce(tile.id, last);
    };
    handle.addEventListener("pointermove", follow);
    handle.addEventListener("pointerup", end);
    handle.addEventListener("pointercancel", end);
  };

  const press = (event: KeyboardEvent, tile: Tile, sizes: boolean) => {
    const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!by || !edited) return;
    event.preventDefault();
    const [x = 0, y = 0] = by;
    // Downwards over what lies below, for gaps close by themselves.
    const below = tiles.filter((other) => other.id !== tile.id && other.y >= tile.y + tile.height).map((other) => other.height);
    const place = sizes ? { width: tile.width + x, height: tile.height + y } : { x: tile.x + x, y: tile.y + (y > 0 ? Math.min(...below, tile.height) || 1 : y) };
    const next = arranged(tiles, tile.id, place);
    edited.move(next);
    announce(tile.id, next);
  };

  return (
    <>
      <div className={`board${edited ? " edited" : ""}`} ref={grid}>
        {ordered(shown).map((tile) => (
          <section
            key={tile.id} className={`card tile${dragged?.id === tile.id ? " dragged" : ""}`} aria-label={tile.title || tile.id}
            style={{ gridColumn: `${tile.x + 1} / span ${tile.width}`, gridRow: `${tile.y + 1} / span ${tile.height}` }}
          >
            {edited && (
              <div className="tile-tools">
                <button type="button" className="handle" aria-label={`Move ${tile.title || tile.id}`} aria-describedby="tile-keys" onKeyDown={(event) => press(event, tile, false)} onPointerDown={(event) => drag(event, tile, (x, y) => ({ x: tile.x + x, y: tile.y + y }))}>⠿</button>
                <button type="button" className="quiet" onClick={() => edited.open(tile)} aria-label={`Change ${tile.title || tile.id}`}>Change</button>
                <button type="button" className="remove" aria-label={`Remove ${tile.title || tile.id}`} onClick={() => edited.remove(tile)}>×</button>
              </div>
            )}
            <div className="tile-body">{content(tile)}</div>
            {edited && <button type="button" className="sizer" aria-label={`Size of ${tile.title || tile.id}`} aria-describedby="tile-keys" onKeyDown={(event) => press(event, tile, true)} onPointerDown={(event) => drag(event, tile, (x, y) => ({ width: tile.width + x, height: tile.height + y }))} />}
          </section>
        ))}
      </div>
      {edited && <p id="tile-keys" className="hidden">The arrow keys move or size it.</p>}
      <p className="hidden" role="status">{said}</p>
    </>
  );
}
