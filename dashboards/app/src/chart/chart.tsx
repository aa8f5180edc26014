// A chart. The table beside it says the same to whoever does not see it.

import { useEffect, useLayoutEffect, useRef, useState } from "react";
import { FlowsChart } from "./flows";
import { LinesChart } from "./lines";
import { coloursOf, hueOf, type Colours, type Drawing, type Pick } from "./options";

export interface Place {
  width: number;
  height: number;
  colours: Colours;
}

/** Size and colours of an element as they are now: for whatever is drawn to measure. */
export function usePlace<T extends Element>() {
  const host = useRef<T>(null);
  const [place, setPlace] = useState<Place>();
  useLayoutEffect(() => {
    const element = host.current;
    if (!element) return;
    const look = () => setPlace({ width: Math.floor(element.clientWidth), height: Math.floor(element.clientHeight), colours: coloursOf(element) });
    const watch = new ResizeObserver(look);
    watch.observe(element);
    look();
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", look);
    return () => {
      watch.disconnect();
      dark.removeEventListener("change", look);
    };
  }, []);
  return [host, place] as const;
}

interface Props {
  label: string;
  drawing: Drawing;
  isStale?: boolean;
  /** Leads to what is behind a place of the chart. */
  pick?: Pick;
}

export function Chart({ label, drawing, isStale, pick }: Props) {
  const [host, place] = usePlace<HTMLDivElement>();
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  useEffect(() => setHidden(new Set()), [label]);
  const lines = drawing.kind === "flows" ? [] : drawing.lines;
  const shown = drawing.kind === "flows" || hidden.size === 0 ? drawing : { ...drawing, lines: lines.map((line) => (hidden.has(line.name) ? { ...line, values: line.values.map(() => null), band: undefined } : line)) };
  const turn = (name: string) => setHidden((before) => new Set(before.has(name) ? [...before].filter((one) => one !== name) : [...before, name]));
  return (
    <figure className={`chart-figure${isStale ? " stale" : ""}`}>
      <div className="chart" ref={host}>
        <div role={pick && shown.kind === "flows" ? "group" : "img"} aria-label={label}>
          {place && place.width > 0 && (shown.kind === "flows" ? <FlowsChart edges={shown.edges} {...place} pick={pick} /> : <LinesChart drawing={shown} {...place} pick={pick} />)}
        </div>
      </div>
      {lines.length > 1 && (
        <ul className="legend" aria-label="Lines of the chart">
          {lines.map((line, index) => (
            <li key={index}><button type="button" aria-pressed={!hidden.has(line.name)} data-hue={place ? hueOf(lines, index, place.colours.hues) : ""} onClick={() => turn(line.name)}><i style={{ background: place && hueOf(lines, index, place.colours.hues) }} className={line.isPrevious ? "before" : undefined} />{line.name}</button></li>
          ))}
        </ul>
      )}
    </figure>
  );
}
