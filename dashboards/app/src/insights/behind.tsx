// The people behind one number: how many they are, and who, each with a way to their timeline.

import { useState } from "react";
import { useAnswer } from "../api/answer";
import { api, good } from "../api/client";
import { useProject } from "../frame/project";
import { Segments } from "../parts/choice";
import { Dialog } from "../parts/dialog";
import { csv, fileName, save } from "../parts/files";
import { ago, counted, number } from "../parts/format";
import { GoingButton } from "../parts/going";
import { Empty, Failure, Loading } from "../parts/states";
import { ActivitiesBehind } from "./activities";
import { WITH_ACTIVITIES, type Behind } from "./behind_of";
import { PersonLink, named } from "./persons";

export { behindOf, type Behind } from "./behind_of";
export { named } from "./persons";

interface Page {
  people: number;
  listed: string[];
  next?: string | null;
}
/** A page of the people behind a number. */
type Ask = (limit: number, after: string | undefined, signal?: AbortSignal) => Promise<Page>;

const PAGE = 100;
/** Of a file, as many as are told at once. */
const TAKEN = 10_000;
const BOTH = [["people", "People"], ["activities", "Activities"]] as const;

/** What is behind a number: what it counts is shown first. */
export function PeopleBehind({ behind, close }: { behind: Behind; close: () => void }) {
  const { id: project, permissions } = useProject();
  const hasBoth = WITH_ACTIVITIES.includes(behind.kind) && permissions.has("sql.run");
  const [what, setWhat] = useState<"people" | "activities">(hasBoth && behind.isOfActivities ? "activities" : "people");
  const { kind, question, cell } = behind;
  const ask: Ask = async (limit, after, signal) => {
    const body = { question, cell, limit, ...(after && { after }) };
    const { answer } = (await good(api.POST(`/v1/projects/{project}/insights/${kind}/people` as never, { params: { path: { project } }, body, signal } as never))) as { answer: Page };
    return answer;
  };
  return (
    <Dialog title={behind.title} close={close} isWide>
      {hasBoth && <Segments label="What is behind it" value={what} options={BOTH} choose={setWhat} />}
      {what === "activities" ? <ActivitiesBehind behind={behind} /> : <PeopleListed title={behind.title} name={JSON.stringify([kind, question, cell])} ask={ask} />}
    </Dialog>
  );
}

/** People, each with a way to their timeline; `name` tells one list from another. */
export function PeopleListed({ title, name, ask }: { title: string; name: string; ask: Ask }) {
  const project = useProject().id;
  const [after, setAfter] = useState<string[]>([]);
  const last = after.at(-1);
  const found = useAnswer(`${project} ${name} ${last ?? ""}`, async (signal) => {
    const page = await ask(PAGE, last, signal);
    return { ...page, known: await named(project, page.listed, signal) };
  });
  const people = found.value;
  const [fault, setFault] = useState<unknown>();
  /** Everybody, page by page. */
  const take = async () => {
    const ids: string[] = [];
    for (let after: string | null | undefined; ; ) {
      const page: Page = await ask(TAKEN, after ?? undefined);
      ids.push(...page.listed);
      after = page.next;
      if (!after) break;
    }
    save(fileName(title, "csv"), csv(["person"], ids.map((id) => [id])));
  };
  if (found.fault) return <Failure fault={found.fault} again={found.again} />;
  if (!people) return <Loading what="the people" />;
  if (people.people === 0) return <Empty>Nobody.</Empty>;
  return (
    <>
      <div className="result-head"><p role="status"><b>{number(people.people)}</b> {people.people === 1 ? "person" : "people"}</p><button type="button" className="quiet" onClick={() => void take().then(() => setFault(undefined), setFault)}>CSV of all</button></div>
      {fault ? <Failure fault={fault} /> : null}
      <ul className="rows">{people.listed.map((id) => { const known = people.known.get(id); return <li key={id}><PersonLink id={id} known={known} />{known && <span className="soft small">{counted(known.activities, "activity", "activities")} · last {ago(known.last)}</span>}</li>; })}</ul>
      <div className="line">
        {after.length > 0 && <GoingButton className="plain" onClick={() => setAfter(after.slice(0, -1))}>Previous</GoingButton>}
        {people.next && <GoingButton className="plain" onClick={() => setAfter([...after, people.next ?? ""])}>Next</GoingButton>}
      </div>
    </>
  );
}
