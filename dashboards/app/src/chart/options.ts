// What a chart is told: lines, bars and flows; and the colours of the page it stands in.

export interface Line {
  name: string;
  values: (number | null)[];
  /** The span before: drawn fainter and dashed, in the colour of the line it belongs to. */
  isPrevious?: boolean;
  /** How sure each value is: an area around the line. Null is no bound. */
  band?: ({ low: number | null; high: number | null } | null)[];
}
export interface Edge {
  from: string;
  to: string;
  count: number;
}
/** Something that happened between or at the names of a chart. */
export interface Mark {
  index: number;
  text: string;
}
export type Unit = "number" | "percent";
export type Drawing =
  | { kind: "lines" | "bars"; names: string[]; lines: Line[]; isStacked?: boolean; unit?: Unit; marks?: Mark[]; /** The place that is not over yet: what leads there is dotted. */ open?: number; /** The axis ends at this distance from zero; what lies beyond is told, and drawn up to there. */ reach?: number }
  | { kind: "flows"; edges: Edge[] };
export type Lines = Exclude<Drawing, { kind: "flows" }>;

/** What a click at a place of a chart does; undefined where nothing is behind it. */
export type Pick = (index: number, line: number) => (() => void) | undefined;

/** Flows carry the place of an activity before `·`, so that it may stand in several columns. */
export const activityOf = (name: string) => name.replace(/^\d+ · /, "");
/** What stands at a place. */
export function placeName(drawing: Drawing | undefined, index: number): string {
  if (drawing?.kind !== "flows") return drawing?.names[index] ?? "";
  const edge = drawing.edges[index];
  return edge ? `${activityOf(edge.from)} → ${activityOf(edge.to)}` : "";
}

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

/** The colour of each line: those of the span before have that of the line they belong to. */
export function hueOf(lines: Line[], index: number, hues: string[]): string {
  const current = lines.filter(({ isPrevious }) => !isPrevious).length || 1;
  return hues[(lines[index]?.isPrevious ? index - current : index) % hues.length] ?? "currentColor";
}

export const FONT = "Inter, system-ui, sans-serif";
/** About how wide a text is at 11 px; charts measure no letters. */
export const widthOf = (text: string) => text.length * 6.1;
