// The saved questions of insights: opened, renamed, removed. The one of the address is marked, and changed to what is chosen by then.

import { useState } from "react";
import type { Answer } from "../api/answer";
import type { Item, SavedQuestion } from "../boards/calls";
import { isKeepable, savedInsight } from "../boards/insight";
import { useKeeping } from "../boards/keep";
import { QuestionFile, RemoveQuestion, RenameDialog } from "../boards/rename";
import { Link } from "../frame/link";
import { placeOf, useProject } from "../frame/project";
import { counted } from "../parts/format";
import { Failure } from "../parts/states";
import { isSame, questionOf } from "./kept";
import { KINDS, type Question } from "./question";

export type Kept = Item<SavedQuestion>;

/** The address of one: what it asks stands there if the page can say it, and it is asked as it is kept if not. */
function addressOf(project: string, { key, content }: Kept): string {
  const question = questionOf(content);
  return placeOf(project, "insights", { ...(question && { q: JSON.stringify(question) }), saved: key });
}

const kindOf = ({ ask }: SavedQuestion) => ("insight" in ask ? KINDS.find(([kind]) => kind === ask.insight.question)?.[1] ?? String(ask.insight.question) : "");

interface Props {
  found: Answer<Kept[]>;
  opened?: Kept;
  /** What is chosen now; undefined while one is asked as it is kept. */
  question?: Question;
}

export function SavedInsights({ found, opened, question }: Props) {
  const project = useProject();
  const mayWrite = project.permissions.has("dashboards.write");
  const [renamed, setRenamed] = useState<Kept>();
  const done = found.again;
  const { keep, told } = useKeeping(project.id, done);
  if (found.fault) return <section className="card" aria-label="Saved questions"><Failure fault={found.fault} again={found.again} /></section>;
  if (!found.value?.length) return null;
  const now = opened && question && isKeepable(question) ? savedInsight(question) : undefined;
  const isChanged = opened && now && (!isSame(now.ask, opened.content.ask) || now.days !== (opened.content.days ?? 30));
  return (
    <section className="card saved-insights" aria-label="Saved questions">
      <details>
        <summary>Saved questions <span className="badge">{found.value.length}</span>{opened && <span className="soft"> · «{opened.content.title}» is open</span>}</summary>
        <ul className="rows">
          {found.value.map((item) => (
            <li key={item.key}>
              <span className="row-text">
                <Link href={addressOf(project.id, item)} aria-current={item.key === opened?.key || undefined}>{item.content.title}</Link>
                <span className="soft small">{[kindOf(item.content), counted(item.content.days ?? 30, "day"), item.content.description].filter(Boolean).join(" · ")}</span>
              </span>
              {mayWrite && (
                <span className="line">
                  <button type="button" className="quiet" aria-label={`Rename ${item.content.title}`} onClick={() => setRenamed(item)}>Rename</button>
                  <QuestionFile item={item} done={done} />
                  <RemoveQuestion item={item} done={done} />
                </span>
              )}
            </li>
          ))}
        </ul>
      </details>
      {mayWrite && isChanged && <div className="line"><button type="button" className="plain" onClick={() => void keep(opened, { ...opened.content, ...now })}>Change «{opened.content.title}» to this</button></div>}
      {told}
      {renamed && <RenameDialog item={renamed} done={done} close={() => setRenamed(undefined)} />}
    </section>
  );
}
