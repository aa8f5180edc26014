// Flows between names, as a Sankey diagram.

import { sankey, sankeyLinkHorizontal } from "d3-sankey";
import { number } from "../parts/format";
import { FONT, widthOf, type Colours, type Edge } from "./options";
import { shortened } from "./places";

interface Node {
  name: string;
}

/** Names carry their place before `·`, so that one activity may stand in several columns. */
const shown = (name: string) => name.replace(/^\d+ · /, "");

export function FlowsChart({ edges, width, height, colours, pick }: { edges: Edge[]; width: number; height: number; colours: Colours; pick?: (index: number, line: number) => void }) {
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
        {graph.links.map((link, index) => (
          <path key={index} d={sankeyLinkHorizontal()(link as never) ?? ""} stroke={hueOf((link.source as Node).name)} strokeOpacity={0.28} strokeWidth={Math.max(1, link.width ?? 1)} onClick={() => pick?.(index, 0)}>
            <title>{`${shown((link.source as Node).name)} → ${shown((link.target as Node).name)}: ${number(link.value)}`}</title>
          </path>
        ))}
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
