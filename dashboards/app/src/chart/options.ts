// What the chart library is told: lines, bars and flows, in the colours of the page.

export interface Line {
  name: string;
  values: (number | null)[];
  /** The span before: drawn fainter and dashed, in the colour of the line it belongs to. */
  isPrevious?: boolean;
}
export interface Edge {
  from: string;
  to: string;
  count: number;
}
export type Drawing =
  | { kind: "lines" | "bars"; names: string[]; lines: Line[]; isStacked?: boolean }
  | { kind: "flows"; edges: Edge[] };

export interface Colours {
  ink: string;
  soft: string;
  line: string;
  card: string;
  hues: string[];
}

export function coloursOf(element: Element): Colours {
  const style = getComputedStyle(element);
  const of = (name: string) => style.getPropertyValue(`--${name}`).trim();
  return { ink: of("ink"), soft: of("soft"), line: of("line"), card: of("card"), hues: Array.from({ length: 8 }, (_, index) => of(`hue-${index}`)) };
}

export function optionOf(drawing: Drawing, label: string, colours: Colours): Record<string, unknown> {
  const text = { color: colours.soft, fontFamily: "system-ui, sans-serif", fontSize: 11.5 };
  // Rich text is drawn: the page lets no script write HTML.
  const tooltip = { renderMode: "richText", confine: true, backgroundColor: colours.card, borderColor: colours.line, textStyle: { ...text, color: colours.ink } };
  const common = { animation: false, color: colours.hues, textStyle: text, aria: { enabled: true, label: { description: label } } };
  if (drawing.kind === "flows") return { ...common, tooltip, series: [flows(drawing.edges, text)] };
  const current = drawing.lines.filter(({ isPrevious }) => !isPrevious).length;
  return {
    ...common,
    tooltip: { ...tooltip, trigger: "axis" },
    legend: { show: drawing.lines.length > 1, type: "scroll", bottom: 0, icon: "roundRect", itemWidth: 10, itemHeight: 10, textStyle: text, pageTextStyle: text },
    grid: { left: 8, right: 16, top: 14, bottom: drawing.lines.length > 1 ? 32 : 6, containLabel: true },
    xAxis: { type: "category", data: drawing.names, boundaryGap: drawing.kind === "bars", axisLabel: text, axisTick: { show: false }, axisLine: { lineStyle: { color: colours.line } } },
    yAxis: { type: "value", axisLabel: text, splitLine: { lineStyle: { color: colours.line } } },
    series: drawing.lines.map((line, index) => ({
      name: line.name,
      type: drawing.kind === "bars" ? "bar" : "line",
      stack: drawing.isStacked ? "all" : undefined,
      data: line.values,
      symbol: "circle",
      symbolSize: 5,
      showSymbol: line.values.length < 40,
      lineStyle: line.isPrevious ? { type: "dashed", width: 1.5, opacity: 0.7 } : { width: 2 },
      itemStyle: { color: colours.hues[(line.isPrevious ? index - current : index) % colours.hues.length], opacity: line.isPrevious ? 0.6 : 1 },
    })),
  };
}

const flows = (edges: Edge[], text: object) => ({
  type: "sankey",
  left: 8,
  right: 130,
  data: [...new Set(edges.flatMap(({ from, to }) => [from, to]))].map((name) => ({ name })),
  links: edges.map(({ from, to, count }) => ({ source: from, target: to, value: count })),
  label: { ...text, formatter: ({ name }: { name: string }) => name.replace(/^\d+ · /, "") },
  lineStyle: { color: "source", opacity: 0.3 },
});
