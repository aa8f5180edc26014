// Answers that are lists: distributions, times between, rankings, places, people.

import { counted, number, span } from "../parts/format";
import { OfActivities, type Cell, type Definition, type Drawn, type Value } from "./drawn";

export interface DistributionAnswer {
  count: number;
  sum: number;
  minimum: number | null;
  maximum: number | null;
  histogram: number[];
  percentiles: (number | null)[];
}

export function distribution({ of, edges = [], ranks = [] }: Definition, { count, sum, minimum, maximum, histogram, percentiles }: DistributionAnswer): Drawn {
  const names = histogram.map((_, index) => (index === 0 ? `under ${edges[0]}` : index === edges.length ? `${edges.at(-1)} and more` : `${edges[index - 1]} to ${edges[index]}`));
  // Empty ends say nothing.
  const first = Math.max(0, histogram.findIndex((count) => count > 0));
  const last = histogram.findLastIndex((count) => count > 0);
  const places = histogram.map((_, index) => index).slice(first, last + 1);
  const property = typeof of === "object" && of !== null && "property" in of ? String(of.property) : "";
  const what = property ? "times" : "people";
  const about = count ? `${number(count)} ${what}; least ${number(minimum)}, most ${number(maximum)}, ${number(sum / count)} on average.` : undefined;
  const facts = count ? ranks.flatMap((rank, index): [string, string][] => (rank > 0 && rank < 1 ? [[`${rank * 100} % at most`, number(percentiles[index])]] : [])) : undefined;
  return { drawing: { kind: "bars", names: places.map((place) => names[place] ?? ""), lines: [{ name: what, values: places.map((place) => histogram[place] ?? 0) }] }, head: [property || "times per person", what], rows: places.map((place) => [names[place] ?? "", histogram[place] ?? 0]), cells: places.map((bin) => [null, { bin }]), cellAt: (index) => ({ bin: places[index] }), about, facts };
}

export interface TimeBetweenAnswer {
  count: number;
  people: number;
  sum_ms: number;
  percentiles_ms: (number | null)[];
}

export function timeBetween({ ranks = [] }: Definition, { count, people, sum_ms, percentiles_ms }: TimeBetweenAnswer): Drawn {
  const rows = ranks.map((rank, index): Value[] => { const at = percentiles_ms[index]; return [rank === 0 ? "shortest" : rank === 1 ? "longest" : `${rank * 100} % at most`, at === null || at === undefined ? null : span(at), at ?? null]; });
  const cells = ranks.map((_, index): Cell[] => { const at_most_ms = percentiles_ms[index]; return [null, null, at_most_ms === null || at_most_ms === undefined ? null : { at_most_ms }]; });
  const inner = ranks.flatMap((rank, index) => (rank > 0 && rank < 1 ? [index] : []));
  const drawing = count && inner.length ? { kind: "bars" as const, names: inner.map((index) => `${(ranks[index] ?? 0) * 100} %`), lines: [{ name: "minutes at most", values: inner.map((index) => (percentiles_ms[index] ?? 0) / 60_000) }] } : undefined;
  const cellAt = (index: number): Cell => { const at_most_ms = percentiles_ms[inner[index] ?? -1]; return typeof at_most_ms === "number" ? { at_most_ms } : null; };
  return { drawing, cellAt, head: ["share", "time", "milliseconds"], rows: count ? rows : [], cells, about: count ? `${counted(count, "time")} by ${counted(people, "person", "people")}, ${span(sum_ms / count)} on average.` : undefined };
}

export interface RankingAnswer {
  rows: { activity: string | null; person: string | null; rows: number }[];
}

export function ranking({ rows }: RankingAnswer): Drawn {
  const people = rows.some(({ person }) => person !== null) ? rows.map(({ person }) => person ?? "") : undefined;
  const names = rows.map(({ activity }) => activity ?? "");
  const top = names.slice(0, 15);
  const hasBoth = people !== undefined && rows.some(({ activity }) => activity !== null);
  const labels = [...(people ? ["person"] : []), ...(hasBoth || !people ? ["activity"] : [])];
  return {
    drawing: people ? undefined : { kind: "bars", names: top, lines: [{ name: "times", values: rows.slice(0, 15).map(({ rows }) => rows) }] },
    head: [...labels, "times"], labels: labels.length, people,
    rows: rows.map(({ rows }, index) => [...(people ? [people[index] ?? ""] : []), ...(hasBoth || !people ? [names[index] ?? ""] : []), rows]),
    cells: rows.map(({ activity, person }) => [...labels.map(() => null), { ...(activity !== null && { activity }), ...(person !== null && { person }) }]),
    cellAt: people ? undefined : (index) => ({ activity: rows[index]?.activity }),
  };
}

export interface PlacesAnswer {
  rows: number;
  rows_elsewhere: number;
  cells: number;
  places: { cell: string; latitude: number; longitude: number; rows: number; people: number; visits: number; people_again: number; dwell_ms: number }[];
}

export function places({ rows, rows_elsewhere, cells, places }: PlacesAnswer): Drawn {
  const top = places.slice(0, 15);
  const again = (cell: string) => ({ cell: { cell, again: true } });
  const own = (cell: string) => ({ cell: { cell } });
  return {
    drawing: top.length ? { kind: "bars", names: top.map(({ cell }) => cell), lines: [{ name: "people", values: top.map(({ people }) => people) }, { name: "came back", values: top.map(({ people_again }) => people_again) }] } : undefined,
    head: ["cell", "people", "came back", "visits", "activities", "stayed on average", "latitude", "longitude"],
    rows: places.map((place) => [place.cell, place.people, place.people_again, place.visits, place.rows, place.visits ? span(place.dwell_ms / place.visits) : null, place.latitude.toFixed(4), place.longitude.toFixed(4)]),
    cells: places.map(({ cell }) => [null, own(cell), again(cell), null, new OfActivities(own(cell)), null, null, null]),
    cellAt: (index, line) => { const place = places[index]; return place ? (line === 1 ? again(place.cell) : own(place.cell)) : null; },
    about: `${counted(rows, "activity", "activities")} in ${counted(cells, "cell")}${cells > places.length ? `, of which the ${number(places.length)} with most are listed` : ""}; ${number(rows_elsewhere)} without a position.`,
  };
}

export interface CohortAnswer {
  people: number;
  listed: string[];
}

export function cohort({ people, listed }: CohortAnswer): Drawn {
  return { head: ["person"], rows: listed.map((id) => [id]), people: listed, about: `${number(people)} ${people === 1 ? "person belongs" : "people belong"} to this group${people > listed.length ? `; the first ${number(listed.length)} are listed` : ""}.` };
}
