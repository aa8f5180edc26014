// Flows between names, as a Sankey diagram.

import { sankey, sankeyLinkHorizontal } from "d3-sankey";
import { useState, type KeyboardEvent } from "react";
import { number } from "../parts/format";
import { FONT, activityOf as shown, placeName, widthOf, type Colours, type Edge, type Pick } from "./options";
import { shortened } from "./places";

interface Node {
  name: string;
}

/** From one flow to another; the table beside the chart has whole paths, and no flows. */
const STEPS: Record<string, number> = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

export function FlowsChart({ edges, width, height, colours, pick }: { edges: Edge[]; width: number; height: number; colours: Colours; pick?: Pick }) {
  const [reached, reach] = useState(0);
  const press = (event: KeyboardEvent<SVGPathElement>, lead: () => void) => {
    const step = STEPS[event.key];
    if (!step && event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    if (!step) return lead();
    const all = [...(event.currentTarget.parentElement?.querySelectorAll<SVGPathElement>(".leads") ?? [])];
    all[all.indexOf(event.currentTarget) + step]?.focus();
  };
  const names = [...new Set(edges.flatMap(({ from, to }) => [from, to]))];
  const kinds = [...new Set(names.map(shown))];
  const hueOf = (name: string) => colours.hues[kinds.indexOf(shown(name)) % colours.hues.length] ?? colours.soft;
  const room = Math.min(150, Math.max(40, ...names.map((name) => widthOf(shortened(shown(name))) + 16)));
  const graph = sankey<Node, { index: number }>().nodeWidth(12).nodePadding(14).extent([[4, 8], [Math.max(60, width - room), Math.max(40, height - 10)]])({
    nodes: names.map((name) => ({ name })),
    links: edges.map(({ from, to, count }, index) => ({ source: names.indexOf(from), target: names.indexOf(to), value: count, index })),
  });
  return (
    <svg width={width} height={height} viewBox={`0 0 ${width} ${height}`}>
      <g fill="none">
        {graph.links.map((link, index) => {
          const what = `${placeName({ kind: "flows", edges }, index)}: ${number(link.value)}`;
          const lead = pick?.(index, 0);
          const way = lead && { role: "button", tabIndex: index === Math.min(reached, edges.length - 1) ? 0 : -1, "aria-label": `${what}: who is this?`, className: "leads", onClick: lead, onFocus: () => reach(index), onKeyDown: (event: KeyboardEvent<SVGPathElement>) => press(event, lead) };
          return <path key={index} d={sankeyLinkHorizontal()(link as never) ?? ""} stroke={hueOf((link.source as Node).name)} strokeOpacity={0.28} strokeWidth={Math.max(1, link.width ?? 1)} {...way}><title>{what}</title></path>;
        })}
      </g>
      {graph.nodes.map(({ name, x0 = 0, x1 = 0, y0 = 0, y1 = 0, value }) => (
        <g key={name}>
          <rect x={x0} y={y0} width={x1 - x0} height={Math.max(1, y1 - y0)} fill={hueOf(name)} rx={2}><title>{`${shown(name)}: ${number(value)}`}</title></rect>
          <text x={x1 + 5} y={(y0 + y1) / 2 + 4} fill={colours.ink} fontFamily={FONT} fontSize={11}>{shortened(shown(name))}</text>
        </g>
      ))}
    </svg>
  );
}
