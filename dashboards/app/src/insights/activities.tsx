// The activities behind one number: the newest first, each with its person, and open to its properties.

import { useState } from "react";
import { useAnswer } from "../api/answer";
import { api, good } from "../api/client";
import { Link } from "../frame/link";
import { placeOf, useProject } from "../frame/project";
import { csv, fileName, save } from "../parts/files";
import { moment, number } from "../parts/format";
import { Empty, Failure, Loading } from "../parts/states";
import type { Behind } from "./behind_of";

export interface ListedActivity {
  timestamp: string;
  event: string;
  person_id: string;
  message_id: string | null;
  distinct_id: string | null;
  properties: Record<string, unknown> | null;
  country: string | null;
  city: string | null;
  os: string | null;
  app_version: string | null;
}
interface Page {
  activities: number;
  listed: ListedActivity[];
  next?: object | null;
}

const PAGE = 50;
/** Of a file, as many as are told at once. */
const TAKEN = 1000;
/** A file of more is asked for in SQL. */
const TAKEN_MAX = 100_000;

async function asked(project: string, { kind, question, cell }: Behind, limit: number, after: object | undefined, signal?: AbortSignal): Promise<Page> {
  const body = { question, cell, limit, ...(after && { after }) };
  const { answer } = (await good(api.POST(`/v1/projects/{project}/insights/${kind}/activities` as never, { params: { path: { project } }, body, signal } as never))) as { answer: Page };
  return answer;
}

const HEAD = ["timestamp", "event", "person_id", "distinct_id", "message_id", "properties", "country", "city", "os", "app_version"];

export const fileOf = (listed: ListedActivity[]) => csv(HEAD, listed.map((one) => [one.timestamp, one.event, one.person_id, one.distinct_id, one.message_id, one.properties ? JSON.stringify(one.properties) : null, one.country, one.city, one.os, one.app_version]));

const written = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value));

export function ActivitiesBehind({ behind }: { behind: Behind }) {
  const project = useProject().id;
  const [after, setAfter] = useState<object[]>([]);
  const last = after.at(-1);
  const found = useAnswer(`${project} ${behind.kind} ${JSON.stringify([behind.question, behind.cell, last])}`, (signal) => asked(project, behind, PAGE, last, signal));
  const [fault, setFault] = useState<unknown>();
  const take = async () => {
    const all: ListedActivity[] = [];
    for (let next: object | null | undefined = undefined; ; ) {
      const page: Page = await asked(project, behind, TAKEN, next ?? undefined);
      all.push(...page.listed);
      next = page.next;
      if (!next || all.length >= TAKEN_MAX) break;
    }
    save(fileName(behind.title, "csv"), fileOf(all));
  };
  const page = found.value;
  if (found.fault) return <Failure fault={found.fault} again={found.again} />;
  if (!page) return <Loading what="the activities" />;
  if (page.activities === 0) return <Empty>No activities.</Empty>;
  return (
    <>
      <div className="result-head">
        <p role="status"><b>{number(page.activities)}</b> {page.activities === 1 ? "activity" : "activities"}</p>
        <button type="button" className="quiet" onClick={() => void take().then(() => setFault(undefined), setFault)}>{page.activities > TAKEN_MAX ? `CSV of the newest ${number(TAKEN_MAX)}` : "CSV of all"}</button>
      </div>
      {fault ? <Failure fault={fault} /> : null}
      <ol className="timeline" aria-label="Activities">{page.listed.map((one, index) => <Listed key={one.message_id ?? index} project={project} one={one} />)}</ol>
      <div className="line">
        {after.length > 0 && <button type="button" className="plain" onClick={() => setAfter(after.slice(0, -1))}>Previous</button>}
        {page.next && <button type="button" className="plain" onClick={() => setAfter([...after, page.next ?? {}])}>Next</button>}
      </div>
    </>
  );
}

function Listed({ project, one }: { project: string; one: ListedActivity }) {
  const known = Object.entries(one.properties ?? {});
  const where = [one.city, one.country, one.os, one.app_version].filter(Boolean).join(" · ");
  return (
    <li>
      <i className="dot" aria-hidden="true" />
      <div>
        <details>
          <summary><b>{one.event}</b> <span className="soft small">{known.slice(0, 3).map(([name, value]) => `${name}: ${written(value)}`).join(" · ")}</span></summary>
          <dl className="facts">
            {known.map(([name, value]) => [<dt key={`${name} t`}>{name}</dt>, <dd key={name}>{written(value)}</dd>])}
            {where && <><dt>From</dt><dd>{where}</dd></>}
            {one.message_id && <><dt>Id</dt><dd>{one.message_id}</dd></>}
          </dl>
        </details>
        <Link className="small" href={placeOf(project, `people/${encodeURIComponent(one.person_id)}`)}>{one.distinct_id ?? one.person_id}</Link>
      </div>
      <time dateTime={one.timestamp}>{moment(one.timestamp)}</time>
    </li>
  );
}
