// Lines and bars over names: drawn by React from what d3 works out, with a note of the values under the pointer.

import { area, line } from "d3-shape";
import { useId, useState, type PointerEvent } from "react";
import { number } from "../parts/format";
import { FONT, hueOf, widthOf, type Colours, type Lines, type Pick } from "./options";
import { axisOf, labelsOf, lineAt, shortened, stacked, written, type Box, type Stacked } from "./places";

interface Props {
  drawing: Lines;
  width: number;
  height: number;
  colours: Colours;
  pick?: Pick;
}

export function LinesChart({ drawing, width, height, colours, pick }: Props) {
  const { names, lines, kind, unit, marks = [], reach = Infinity } = drawing;
  const inside = useId();
  const [at, setAt] = useState<number>();
  const [leads, setLeads] = useState(false);
  const bars = kind === "bars" ? stacked(drawing) : [];
  const all = kind === "bars" ? bars.flat().flatMap((bar) => (bar ? [bar.from, bar.to] : [])) : lines.flatMap(({ values, band }) => [...values, ...(band ?? []).flatMap((one) => (one ? [one.low, one.high] : []))]);
  const axis = axisOf(all.map((value) => (value === null ? null : Math.max(-reach, Math.min(reach, value)))), height);
  const left = 12 + Math.max(...axis.ticks.map((tick) => widthOf(written(tick, unit))));
  const box: Box = { left, top: 16, width: Math.max(10, width - left - 14), height: Math.max(10, height - 44) };
  const step = box.width / Math.max(1, kind === "bars" ? names.length : names.length - 1);
  const x = (index: number) => box.left + (kind === "bars" ? (index + 0.5) * step : names.length === 1 ? box.width / 2 : index * step);
  const y = (value: number) => box.top + box.height * (1 - (value - axis.low) / (axis.high - axis.low));
  const labels = labelsOf(names, box.width, kind === "lines");
  const text = { fill: colours.soft, fontFamily: FONT, fontSize: 11 };
  const nearest = (event: PointerEvent<SVGSVGElement>) => {
    const across = event.clientX - event.currentTarget.getBoundingClientRect().left - box.left;
    return Math.max(0, Math.min(names.length - 1, kind === "bars" ? Math.floor(across / step) : Math.round(across / step)));
  };
  /** What a click does there; a number that is none, or nothing, has nothing behind it. */
  const leadOf = (event: PointerEvent<SVGSVGElement>) => {
    const from = event.currentTarget.getBoundingClientRect();
    const index = nearest(event);
    const value = axis.low + (1 - (event.clientY - from.top - box.top) / box.height) * (axis.high - axis.low);
    // Where within the bars of one name.
    const wide = thickOf(drawing, step) * lines.length;
    const across = (event.clientX - from.left - x(index)) / wide + 0.5;
    const line = lineAt(drawing, bars, index, value, across);
    return lines[line]?.values[index] ? pick?.(index, line) : undefined;
  };
  const look = (event: PointerEvent<SVGSVGElement>) => (setAt(nearest(event)), setLeads(leadOf(event) !== undefined));
  return (
    <>
      <svg width={width} height={height} viewBox={`0 0 ${width} ${height}`} className={leads ? "leads" : undefined} onPointerMove={look} onPointerLeave={() => setAt(undefined)} onClick={(event) => leadOf(event as never)?.()}>
        {axis.ticks.map((tick) => (
          <g key={tick}>
            <line x1={box.left} x2={box.left + box.width} y1={y(tick)} y2={y(tick)} stroke={colours.line} strokeWidth={tick === 0 ? 1.5 : 1} />
            <text {...text} x={box.left - 7} y={y(tick) + 4} textAnchor="end">{written(tick, unit)}</text>
          </g>
        ))}
        {labels.texts.map((name, index) => index % labels.stride === 0 && <text {...text} key={index} x={x(index)} y={height - 9} textAnchor={kind === "lines" && index === 0 ? "start" : kind === "lines" && index === names.length - 1 ? "end" : "middle"}>{name}</text>)}
        {marks.map(({ index, text: told }) => <g key={`${index} ${told}`}><line x1={x(index)} x2={x(index)} y1={box.top} y2={box.top + box.height} stroke={colours.soft} strokeDasharray="2 3" /><text {...text} x={x(index) + 4} y={box.top + 2}>{shortened(told, 28)}</text></g>)}
        {at !== undefined && <line x1={x(at)} x2={x(at)} y1={box.top} y2={box.top + box.height} stroke={colours.soft} strokeWidth={kind === "bars" ? step : 1} strokeOpacity={kind === "bars" ? 0.1 : 0.5} />}
        {kind === "bars" ? bars.map((own, index) => <Bars key={index} own={own} {...{ drawing, index, colours, step, x, y }} />) : (
          <>
            {reach < Infinity && <clipPath id={inside}><rect x={box.left - 4} y={box.top} width={box.width + 8} height={box.height} /></clipPath>}
            <g clipPath={reach < Infinity ? `url(#${inside})` : undefined}>{lines.map((_, index) => <Curve key={index} {...{ drawing, index, colours, x, y }} />)}</g>
          </>
        )}
      </svg>
      {at !== undefined && <Note drawing={drawing} at={at} colours={colours} left={x(at)} width={width} />}
    </>
  );
}

interface Part {
  drawing: Lines;
  index: number;
  colours: Colours;
  x: (index: number) => number;
  y: (value: number) => number;
}

function Curve({ drawing, index, colours, x, y }: Part) {
  const own = drawing.lines[index];
  if (!own) return null;
  const hue = hueOf(drawing.lines, index, colours.hues);
  const values = own.values.map((value, at) => [at, value] as const);
  const drawn = line<(typeof values)[number]>().defined(([, value]) => value !== null).x(([at]) => x(at)).y(([, value]) => y(value ?? 0));
  // A day that is not over looks like a fall, and is none yet. The span before is over.
  const open = own.isPrevious ? undefined : drawing.open;
  const path = drawn(open === undefined ? values : values.slice(0, open));
  const soFar = open === undefined ? null : drawn(values.slice(Math.max(0, open - 1), open + 1));
  const bounds = (own.band ?? []).map((bound, at) => [at, bound] as const);
  const around = area<(typeof bounds)[number]>().defined(([, bound]) => bound?.low != null && bound.high != null).x(([at]) => x(at)).y0(([, bound]) => y(bound?.low ?? 0)).y1(([, bound]) => y(bound?.high ?? 0))(bounds);
  return (
    <g>
      {around && <path d={around} fill={hue} fillOpacity={0.16} />}
      {path && <path d={path} fill="none" stroke={hue} strokeWidth={own.isPrevious ? 1.5 : 2} strokeDasharray={own.isPrevious ? "5 4" : undefined} strokeOpacity={own.isPrevious ? 0.7 : 1} strokeLinejoin="round" />}
      {soFar && <path d={soFar} fill="none" stroke={hue} strokeWidth={2} strokeDasharray="1 5" strokeLinecap="round" />}
      {values.length < 40 && values.map(([at, value]) => value !== null && <circle key={at} cx={x(at)} cy={y(value)} r={2.5} fill={hue} fillOpacity={own.isPrevious ? 0.6 : 1} />)}
    </g>
  );
}

/** How wide one bar is. */
const thickOf = ({ isStacked, lines }: Lines, step: number) => Math.max(1, Math.min(64, (step * 0.76) / (isStacked ? 1 : lines.length)));

function Bars({ drawing, index, colours, x, y, own, step }: Part & { own: Stacked[]; step: number }) {
  const count = drawing.isStacked ? 1 : drawing.lines.length;
  const thick = thickOf(drawing, step);
  const shift = drawing.isStacked ? -thick / 2 : (index - count / 2) * thick;
  return (
    <g fill={hueOf(drawing.lines, index, colours.hues)}>
      {own.map((bar, at) => bar && bar.to !== bar.from && <rect key={at} x={x(at) + shift} y={Math.min(y(bar.from), y(bar.to))} width={Math.max(1, thick - 1)} height={Math.max(1, Math.abs(y(bar.to) - y(bar.from)))} rx={Math.min(2, thick / 4)} />)}
    </g>
  );
}

const MOST_NOTED = 12;

function Note({ drawing, at, colours, left, width }: { drawing: Lines; at: number; colours: Colours; left: number; width: number }) {
  const { lines, names, unit } = drawing;
  const told = (value: number | null | undefined) => (value === null || value === undefined ? "–" : unit === "percent" ? written(value, unit) : number(value));
  return (
    <div className="chart-note" aria-hidden="true" style={left > width / 2 ? { right: width - left + 12 } : { left: left + 12 }}>
      <b>{names[at]}{drawing.open === at && " so far"}</b>
      {lines.slice(0, MOST_NOTED).map((line, index) => (
        <span key={index}><i style={{ background: hueOf(lines, index, colours.hues) }} />{line.name}<b>{told(line.values[at])}{line.band?.[at] && <small> {told(line.band[at].low)} to {told(line.band[at].high)}</small>}</b></span>
      ))}
    </div>
  );
}
