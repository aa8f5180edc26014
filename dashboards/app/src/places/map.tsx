// A map that needs nobody else: countries of Natural Earth, cells on them, moved by pointer, wheel and keys.

import { geoNaturalEarth1, geoPath, type GeoPermissibleObjects, type GeoProjection } from "d3-geo";
import { useEffect, useMemo, useRef, type KeyboardEvent, type PointerEvent } from "react";
import { feature } from "topojson-client";
import type { GeometryCollection, Topology } from "topojson-specification";
import world from "world-atlas/countries-110m.json";
import { usePlace } from "../chart/chart";
import { counted, number } from "../parts/format";
import { resolutionAt, type HexCell } from "./cells";
import { WHOLE, clamp, wheeled, wrapped, zoomed, type View } from "./view";

const topology = world as unknown as Topology<{ countries: GeometryCollection }>;
const COUNTRIES = feature(topology, topology.objects.countries) as unknown as GeoPermissibleObjects;

const NOTED = 1.35;
/** A press that moves no further is no drag. */
const STILL_PX = 4;
/** Of browsers that count the wheel in lines. */
const LINE_PX = 33;

interface Props {
  cells: HexCell[];
  view: View;
  setView: (view: View) => void;
  chosen?: string;
  choose: (cell: HexCell) => void;
}

export function WorldMap({ cells, view, setView, chosen, choose }: Props) {
  const [host, place] = usePlace<HTMLDivElement>();
  const { width = 0, height = 0, colours } = place ?? {};
  const projection = useMemo((): GeoProjection => geoNaturalEarth1().scale((Math.min(width, height * 1.9) / 5.6) * view.zoom).rotate([-view.center[0], 0]).center([0, view.center[1]]).translate([width / 2, height / 2]), [width, height, view]);
  const path = useMemo(() => geoPath(projection).digits(1), [projection]);
  const land = useMemo(() => path(COUNTRIES) ?? "", [path]);
  const drag = useRef<{ x: number; y: number; view: View }>(undefined);
  // The click that ends a drag chooses nothing.
  const wasDragged = useRef(false);
  const latest = useRef({ view, setView });
  latest.current = { view, setView };
  // React listens to the wheel without a way to keep the page where it is.
  useEffect(() => {
    const element = host.current;
    const turn = (event: WheelEvent) => {
      const { view, setView } = latest.current;
      const next = wheeled(view, event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_LINE ? LINE_PX : 1));
      if (!next) return;
      event.preventDefault();
      latest.current = { view: next, setView };
      setView(next);
    };
    element?.addEventListener("wheel", turn, { passive: false });
    return () => element?.removeEventListener("wheel", turn);
  }, []);
  const most = Math.max(1, ...cells.map(({ people }) => people));
  const move = (event: PointerEvent) => {
    const from = drag.current;
    if (!from) return;
    const [dx, dy] = [event.clientX - from.x, event.clientY - from.y];
    if (Math.abs(dx) + Math.abs(dy) > STILL_PX) wasDragged.current = true;
    if (!wasDragged.current) return;
    const degrees = 57.3 / ((Math.min(width, height * 1.9) / 5.6) * from.view.zoom);
    setView({ ...from.view, center: [wrapped(from.view.center[0] - dx * degrees), clamp(from.view.center[1] + dy * degrees, -80, 80)] });
  };
  const press = (event: KeyboardEvent) => {
    const step = 30 / view.zoom;
    const { center } = view;
    const next: Record<string, View> = {
      ArrowLeft: { ...view, center: [wrapped(center[0] - step), center[1]] }, ArrowRight: { ...view, center: [wrapped(center[0] + step), center[1]] },
      ArrowUp: { ...view, center: [center[0], clamp(center[1] + step, -80, 80)] }, ArrowDown: { ...view, center: [center[0], clamp(center[1] - step, -80, 80)] },
      "+": zoomed(view, 1.6), "-": zoomed(view, 1 / 1.6), "0": WHOLE,
    };
    const found = next[event.key];
    if (!found) return;
    event.preventDefault();
    setView(found);
  };
  return (
    <div className="map" ref={host} tabIndex={0} role="application" aria-label="Map: arrows move it, plus and minus zoom, 0 shows the whole world. The table has the same numbers." onKeyDown={press}>
      {colours && (
        <svg
          className="chart-svg" width={width} height={height} viewBox={`0 0 ${width} ${height}`}
          onPointerDown={(event) => { wasDragged.current = false; drag.current = { x: event.clientX, y: event.clientY, view }; }}
          onPointerMove={move} onPointerUp={() => { drag.current = undefined; }} onPointerLeave={() => { drag.current = undefined; }}
        >
          <path d={land} fill={colours.line} stroke={colours.card} strokeWidth={0.7} />
          <g>
            {cells.map((cell) => {
              const [x = -99, y = -99] = projection(cell.center) ?? [];
              if (x < -60 || y < -60 || x > width + 60 || y > height + 60) return null;
              const shape = { type: "Polygon" as const, coordinates: [[...cell.ring, cell.ring[0] ?? [0, 0]]] };
              const drawn = path(shape);
              if (!drawn) return null;
              const weight = Math.sqrt(cell.people / most);
              const isTiny = path.area(shape) < 12;
              const given = { fill: colours.hues[0], fillOpacity: 0.28 + 0.62 * weight, stroke: cell.cell === chosen ? colours.ink : colours.hues[0], strokeWidth: cell.cell === chosen ? 2.5 : 0.8, onClick: () => wasDragged.current || choose(cell) };
              const title = <title>{`${counted(cell.people, "person", "people")}, ${counted(cell.times, "activity", "activities")}`}</title>;
              return isTiny ? <circle key={cell.cell} cx={x} cy={y} r={2.5 + 5 * weight} {...given}>{title}</circle> : <path key={cell.cell} d={drawn} {...given}>{title}</path>;
            })}
          </g>
          {cells.slice(0, 12).map((cell) => { const [x, y] = projection(cell.center) ?? []; return x !== undefined && y !== undefined && cell.people > most / NOTED / 6 && <text key={cell.cell} x={x} y={y + 4} textAnchor="middle" fontSize={11} fontWeight={600} fill={colours.ink} stroke={colours.card} strokeWidth={3} paintOrder="stroke" pointerEvents="none">{number(cell.people)}</text>; })}
        </svg>
      )}
      <div className="map-tools">
        <button type="button" className="plain" aria-label="Zoom in" onClick={() => setView(zoomed(view, 1.8))}>+</button>
        <button type="button" className="plain" aria-label="Zoom out" onClick={() => setView(zoomed(view, 1 / 1.8))}>−</button>
        <button type="button" className="plain" aria-label="The whole world" onClick={() => setView(WHOLE)}>⌂</button>
        <span className="badge" title="The resolution of the H3 cells: the higher, the smaller they are">H3 resolution {resolutionAt(view.zoom)}</span>
      </div>
    </div>
  );
}
