// Insights: a question by clicking, its answer as a chart and a table. The address holds the question, so a link shares it.

import { useCallback, useMemo, useState } from "react";
import { useAnswer } from "../api/answer";
import type { Progress } from "../api/stream";
import { useInAddress } from "../frame/address";
import { useProject } from "../frame/project";
import { Segments } from "../parts/choice";
import { Empty, Failure, Loading, PageHead } from "../parts/states";
import { ZONE } from "../boards/zone";
import { ask } from "./ask";
import { PeopleBehind, type Behind } from "./behind";
import { Builder } from "./builder";
import { Cohorts } from "./cohorts";
import { Waiting } from "./progress";
import { KINDS, bodyOf, lackOf, midnight, readQuestion } from "./question";
import { Result } from "./result";

export default function Insights() {
  const project = useProject().id;
  const [question, change] = useInAddress("q", readQuestion);
  const lack = lackOf(question);
  const [behind, setBehind] = useState<Behind>();
  const [progress, setProgress] = useState<Progress>();
  const [isManaging, setManaging] = useState(false);
  const definition = useMemo(() => bodyOf(question, midnight(Date.now(), 1, ZONE), ZONE), [question]);
  const answer = useAnswer(lack ? undefined : `${project} ${question.kind} ${JSON.stringify(definition)}`, (signal) =>
    ask(project, question.kind, definition, signal, setProgress).then((insight) => ({ insight, kind: question.kind, definition, question })));
  const show = useCallback((behind: Behind | undefined) => behind && setBehind(behind), []);
  return (
    <>
      <PageHead title="Insights" about="Ask by choosing. The address is the question: share it.">
        <button type="button" className="quiet" onClick={() => setManaging(true)}>Saved cohorts</button>
      </PageHead>
      <Segments label="Kind of question" value={question.kind} options={KINDS} choose={(kind) => change({ ...question, kind })} />
      <Builder question={question} change={change} />
      <section className="card" aria-label="Answer" aria-busy={answer.isAsking}>
        {answer.isSlow && <Waiting progress={progress} cancel={answer.cancel} />}
        {answer.isCancelled && <p className="line" role="status">It was stopped. <button type="button" className="plain" onClick={answer.again}>Ask again</button></p>}
        {lack ? <Empty>{lack}</Empty> : answer.fault ? <Failure fault={answer.fault} again={answer.again} />
          : answer.value ? <Result {...answer.value} isStale={answer.isAsking || Boolean(answer.isCancelled)} show={show} /> : !answer.isSlow && !answer.isCancelled && <Loading what="the answer" />}
      </section>
      {behind && <PeopleBehind behind={behind} close={() => setBehind(undefined)} />}
      {isManaging && <Cohorts close={() => setManaging(false)} use={(who) => (change({ ...question, kind: "cohort", who }), setManaging(false))} />}
    </>
  );
}
