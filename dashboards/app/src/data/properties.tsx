// Properties in use: how often, of which type, how many values, and the most frequent ones.

import { useEffect, useMemo, useState } from "react";
import { useAnswer } from "../api/answer";
import { askRows, type Cell } from "../api/rows";
import { useProject } from "../frame/project";
import { Dialog } from "../parts/dialog";
import { csv, fileName, save } from "../parts/files";
import { moment, number, percent } from "../parts/format";
import { Grid } from "../parts/grid";
import { Empty, Failure, Loading } from "../parts/states";
import { countedOf, propertiesInUse, type PropertyInUse } from "./in_use";

const NEWEST = "(SELECT properties FROM activity WHERE $activity = '' OR event = $activity ORDER BY timestamp DESC LIMIT 50000)";
export const PROPERTIES = `SELECT name, count(*) AS times, count(DISTINCT value) AS different, count(TRY_CAST(value AS DOUBLE)) AS numbers, count(CASE WHEN value IN ('true', 'false') THEN 1 END) AS flags,
  count(CASE WHEN value LIKE '{%' OR value LIKE '[%' THEN 1 END) AS nested, max(value) AS example
FROM (SELECT name, json_as_text(properties, name) AS value FROM (SELECT properties, unnest(json_object_keys(properties)) AS name FROM ${NEWEST})) GROUP BY name ORDER BY times DESC LIMIT 1000`;
const VALUES = `SELECT properties->>$name AS value, count(*) AS times FROM ${NEWEST} WHERE properties->>$name IS NOT NULL GROUP BY 1 ORDER BY times DESC LIMIT 50`;
const HEAD = ["name", "times", "type", "different values", "example", "first seen", "last seen"];

/** A row of `PROPERTIES`. */
export const seenOf = ([name, times, , numbers, flags, nested]: Cell[]) => ({ name: String(name), times: Number(times), numbers: Number(numbers), flags: Number(flags), nested: Number(nested) });

/** What all values but a few are. */
export function typeOf(times: number, numbers: number, flags: number, nested: number): string {
  if (nested === times) return "JSON";
  if (flags === times) return "yes or no";
  if (numbers === times) return "number";
  return numbers + nested + flags > 0 ? `text (${percent((times - numbers - nested - flags) / times, 0)})` : "text";
}

/** Types, values and an example are of the newest activities; a property that stands in none of them has none of these. */
const taken = ({ name, times, first_at, last_at }: PropertyInUse, sample: Cell[] | undefined) => {
  const [, seen, different, numbers, flags, nested, example] = sample ?? [];
  return [name, times, sample ? typeOf(Number(seen), Number(numbers), Number(flags), Number(nested)) : "", sample ? Number(different) : "", String(example ?? ""), first_at, last_at];
};
const AGAIN_MS = 1_000;

export function PropertiesOf({ activity = "" }: { activity?: string }) {
  const project = useProject().id;
  const [shown, setShown] = useState<string>();
  const found = useAnswer(`${project} properties in use ${activity}`, (signal) => propertiesInUse(project, activity, signal));
  const sampled = useAnswer(`${project} properties ${activity}`, (signal) => askRows(project, PROPERTIES, { activity }, signal));
  const samples = useMemo(() => new Map(sampled.value?.rows.map((row) => [String(row[0]), row])), [sampled.value]);
  const isCounting = found.value?.is_exact === false;
  // The counting goes on by itself.
  useEffect(() => {
    if (!isCounting) return;
    const wait = setTimeout(found.again, AGAIN_MS);
    return () => clearTimeout(wait);
  }, [isCounting, found.value]);
  const all = found.value?.properties;
  const cell = (one: PropertyInUse | undefined, column: number) => {
    if (!one) return "";
    const [name, times, type, different, example, first, last] = taken(one, samples.get(one.name));
    switch (column) {
      case 0: return <button type="button" className="link" onClick={() => setShown(one.name)}>{String(name)}</button>;
      case 1: return number(Number(times));
      case 2: return String(type);
      case 3: return different === "" ? "" : number(Number(different));
      case 4: return String(example);
      case 5: return moment(String(first));
      default: return moment(String(last));
    }
  };
  if (found.fault) return <Failure fault={found.fault} again={found.again} />;
  if (!all) return <Loading what="properties" />;
  if (all.length === 0 && !isCounting) return <Empty>No activity carries properties yet.</Empty>;
  return (
    <>
      <p className="soft small">Times, first and last seen cover {activity ? "all of it" : "all activity"}; types, values and examples the newest 50,000.</p>
      {isCounting && <p role="status">{countedOf(found.value)}</p>}
      {found.value?.is_cut && <p className="soft small">The {number(all.length)} most frequent are listed.</p>}
      {sampled.fault ? <Failure fault={sampled.fault} again={sampled.again} /> : null}
      <div className="line"><button type="button" className="quiet" aria-label="Properties as CSV" onClick={() => save(fileName("properties", "csv"), csv(HEAD, all.map((one) => taken(one, samples.get(one.name)))))}>CSV</button></div>
      <Grid label="Properties as a table" columns={HEAD.map((name) => ({ name, isNumber: name === "times" || name === "different values" }))} count={all.length} cell={(row, column) => cell(all[row], column)} height={560} />
      {shown && <Values name={shown} activity={activity} close={() => setShown(undefined)} />}
    </>
  );
}

function Values({ name, activity, close }: { name: string; activity: string; close: () => void }) {
  const project = useProject().id;
  const found = useAnswer(`${project} ${activity} ${name}`, (signal) => askRows(project, VALUES, { name, activity }, signal));
  const most = Number(found.value?.rows[0]?.[1] ?? 1);
  return (
    <Dialog title={`Most frequent values of ${name}`} close={close}>
      {found.fault ? <Failure fault={found.fault} again={found.again} /> : !found.value ? <Loading what="values" /> : (
        <ol className="values">{found.value.rows.map(([value, times]) => <li key={String(value)}><span>{String(value)}</span><b>{number(Number(times))}</b><meter min={0} max={most} value={Number(times)} aria-label={`${String(value)}: ${String(times)}`} /></li>)}</ol>
      )}
    </Dialog>
  );
}
