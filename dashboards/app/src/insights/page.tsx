// Insights: a question by clicking, its answer as a chart and a table. The address holds the question, so a link shares it.

import { useCallback, useMemo, useState } from "react";
import { useAnswer } from "../api/answer";
import { useTold } from "../api/told";
import { useAddress, useInAddress } from "../frame/address";
import { useProject } from "../frame/project";
import { Segments } from "../parts/choice";
import { useDraft } from "../parts/draft";
import { Empty, Failure, Loading, PageHead } from "../parts/states";
import { UnsavedNotice } from "../parts/unsaved";
import { items, type SavedQuestion } from "../boards/calls";
import { ZONE } from "../boards/zone";
import { ask } from "./ask";
import { PeopleBehind, type Behind } from "./behind";
import { Builder } from "./builder";
import { Cohorts } from "./cohorts";
import { questionOf } from "./kept";
import { PartOfAnswer } from "./part";
import { Waiting } from "./progress";
import { KINDS, bodyOf, lackOf, midnight, readQuestion, spanOf, type Question } from "./question";
import { Result } from "./result";
import { SavedInsights } from "./saved_list";
import { apart } from "./taken";

/** What a saved question asks that cannot be chosen here, as it is kept. */
function keptOf({ ask, days = 30 }: SavedQuestion, zone: string): { question: Question; definition: Record<string, unknown> } | undefined {
  if (!("insight" in ask)) return undefined;
  const { kind, definition } = apart(ask.insight);
  const question = readQuestion({ kind, days });
  const [from_ms, until_ms] = spanOf(question, midnight(Date.now(), 1, zone), zone);
  return { question, definition: { scope: { from_ms, until_ms, zone }, ...definition } };
}

export default function Insights() {
  const own = useProject();
  const { id: project, permissions } = own;
  const { query } = useAddress();
  const [typed, change] = useInAddress("q", readQuestion);
  const found = useAnswer(permissions.has("dashboards.read") ? `${project} questions` : undefined, () => items<SavedQuestion>(project, "questions").then((all) => all.filter(({ content }) => "insight" in content.ask)));
  const wanted = query.get("saved");
  const opened = found.value?.find(({ key }) => key === wanted);
  // An address may name a saved question without saying what it asks.
  const isNamed = wanted !== null && !query.has("q");
  const read = useMemo(() => (isNamed && opened ? questionOf(opened.content) : undefined), [isNamed, opened]);
  const kept = useMemo(() => (isNamed && opened && !read ? keptOf(opened.content, ZONE) : undefined), [isNamed, opened, read]);
  const question = kept?.question ?? read ?? typed;
  // A question is kept by saving it; what the page was opened with stands in its address.
  const [first, setFirst] = useState(typed);
  const [isFresh] = useState(() => !query.has("q") && !query.has("saved"));
  const unsaved = useDraft(own, "insight", { now: typed, saved: first, restore: change, isOff: wanted !== null });
  const isComing = isNamed && found.isAsking && !found.value;
  const lack = kept ? undefined : lackOf(question);
  const [behind, setBehind] = useState<Behind>();
  const [isManaging, setManaging] = useState(false);
  const definition = useMemo(() => kept?.definition ?? bodyOf(question, midnight(Date.now(), 1, ZONE), ZONE), [question, kept]);
  const answer = useTold(lack || isComing ? undefined : `${project} ${question.kind} ${JSON.stringify(definition)}`, (signal, tell, tellPart) =>
    ask(project, question.kind, definition, signal, tell, tellPart).then((insight) => ({ insight, kind: question.kind, definition, question })));
  const show = useCallback((behind: Behind | undefined) => behind && setBehind(behind), []);
  return (
    <>
      <PageHead title="Insights" about="Build a question by clicking. The address holds it: copy it to share.">
        <button type="button" className="quiet" onClick={() => setManaging(true)}>Saved cohorts</button>
      </PageHead>
      {isFresh && <UnsavedNotice of={unsaved} what="a question" />}
      <SavedInsights found={found} opened={opened} question={kept ? undefined : question} />
      <Segments label="Kind of question" value={question.kind} options={KINDS} choose={(kind) => change({ ...question, kind })} />
      {kept ? <p className="notice" role="status">«{opened?.content.title}» asks for more than can be chosen here: it is asked as it was saved. Choosing a kind begins a new question.</p>
        : !isComing && <Builder question={question} change={change} />}
      <section className="card" aria-label="Answer" aria-busy={answer.isAsking}>
        {answer.isSlow && <Waiting progress={answer.progress} cancel={answer.cancel} />}
        {answer.isCancelled && <p className="line" role="status">Stopped. <button type="button" className="plain" onClick={answer.again}>Ask again</button></p>}
        {isComing ? <Loading what="the saved question" /> : lack ? <Empty>{lack}</Empty> : answer.part ? <PartOfAnswer part={answer.part} kind={question.kind} definition={definition} />
          : answer.fault ? <Failure fault={answer.fault} again={answer.again} />
          : answer.value ? <Result {...answer.value} isStale={answer.isAsking || Boolean(answer.isCancelled)} isKept={kept !== undefined} saved={() => (setFirst(typed), unsaved.drop(), found.again())} show={show} /> : !answer.isSlow && !answer.isCancelled && <Loading what="the answer" />}
      </section>
      {behind && <PeopleBehind behind={behind} close={() => setBehind(undefined)} />}
      {isManaging && <Cohorts close={() => setManaging(false)} use={(who) => (change({ ...question, kind: "cohort", who }), setManaging(false))} />}
    </>
  );
}
