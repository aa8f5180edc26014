// Effects with their intervals, one row each, around zero: what an experiment has shown.

import { ticks } from "d3-array";
import { signedPercent } from "../parts/format";
import { usePlace } from "./chart";
import { FONT, widthOf } from "./options";
import { shortened } from "./places";

export interface Effect {
  name: string;
  note: string;
  effect: number | null;
  low: number | null;
  high: number | null;
  /** Sure to be better or worse; undefined while both are possible. */
  verdict?: "better" | "worse";
  /** What is borne at most; a guardrail's. */
  bound?: number;
  /** What is known where no share is. */
  instead?: string;
}

const ROW = 44;
const spanOf = ({ low, high }: Pick<Effect, "low" | "high">) => `${low === null ? "−∞" : signedPercent(low)} to ${high === null ? "∞" : signedPercent(high)}`;

export function Forest({ label, effects }: { label: string; effects: Effect[] }) {
  const [host, place] = usePlace<HTMLDivElement>();
  const height = effects.length * ROW + 30;
  return <div className="chart forest" ref={host} style={{ height }}><div role="img" aria-label={label}>{place && place.width > 0 && <Drawn effects={effects} width={place.width} height={height} {...place.colours} />}</div></div>;
}

function Drawn({ effects, width, height, ink, soft, line, hues }: { effects: Effect[]; width: number; height: number; ink: string; soft: string; line: string; hues: string[] }) {
  const all = effects.flatMap(({ effect, low, high, bound }) => [effect, low, high, bound ?? null]).filter((value): value is number => value !== null);
  const reach = Math.max(0.01, ...all.map(Math.abs)) * 1.08;
  const left = width < 560 ? 96 : 190;
  // Somewhat larger letters than elsewhere, some of them bold.
  const right = width < 560 ? 10 : Math.max(200, ...effects.map((one) => 22 + 1.15 * widthOf(`${signedPercent(one.effect ?? 0)} ${spanOf(one)}`)));
  const x = (value: number) => left + ((Math.max(-reach, Math.min(reach, value)) + reach) / (2 * reach)) * (width - left - right);
  const text = { fontFamily: FONT, fontSize: 11.5 };
  const colourOf = (verdict?: Effect["verdict"]) => (verdict === "better" ? hues[0] : verdict === "worse" ? hues[1] : soft);
  return (
    <svg width={width} height={height} viewBox={`0 0 ${width} ${height}`}>
      {ticks(-reach, reach, Math.max(2, Math.floor(width / 150))).map((tick) => (
        <g key={tick}>
          <line x1={x(tick)} x2={x(tick)} y1={6} y2={height - 22} stroke={tick === 0 ? soft : line} strokeWidth={tick === 0 ? 1.5 : 1} />
          <text {...text} fill={soft} x={x(tick)} y={height - 6} textAnchor="middle">{tick === 0 ? "0" : `${tick > 0 ? "+" : "−"}${Number(Math.abs(tick * 100).toFixed(2))} %`}</text>
        </g>
      ))}
      {effects.map(({ name, note, effect, low, high, verdict, bound, instead }, index) => {
        const middle = index * ROW + 26;
        const most = width < 560 ? 14 : 28;
        return (
          <g key={`${name} ${note}`}>
            <text {...text} fill={ink} fontWeight={600} x={0} y={middle - 3}>{shortened(name, most)}</text>
            <text {...text} fill={soft} x={0} y={middle + 12}>{shortened(note, most)}</text>
            {bound !== undefined && <line x1={x(bound)} x2={x(bound)} y1={middle - 13} y2={middle + 13} stroke={hues[1]} strokeWidth={1.5} strokeDasharray="3 3" />}
            {effect === null ? <text {...text} fill={instead ? colourOf(verdict) : soft} x={x(0) + 8} y={middle + 4}>{instead ? shortened(instead, width < 560 ? 22 : 60) : "no answer yet"}</text> : (
              <>
                <line x1={x(low ?? -reach)} x2={x(high ?? reach)} y1={middle} y2={middle} stroke={colourOf(verdict)} strokeWidth={7} strokeOpacity={0.32} strokeLinecap={low === null || high === null ? "butt" : "round"} />
                <circle cx={x(effect)} cy={middle} r={5} fill={colourOf(verdict)} />
                {width >= 560 && <text {...text} fill={ink} x={width - right + 14} y={middle + 4}><tspan fontWeight={600}>{signedPercent(effect)}</tspan><tspan fill={soft}>{`  ${spanOf({ low, high })}`}</tspan></text>}
              </>
            )}
          </g>
        );
      })}
    </svg>
  );
}
