// The plan: what the first goal is now, how many people come, which effect is worth seeing; and what the server makes of it.

import { useState } from "react";
import { useAnswer } from "../api/answer";
import { api, good } from "../api/client";
import type { Experiment, Item } from "../api/definitions";
import { askRows } from "../api/rows";
import { useProject } from "../frame/project";
import { ChoiceField, NumberField } from "../parts/field";
import { number, percent } from "../parts/format";
import { Failure, Loading } from "../parts/states";
import { baselineOf, countedIn } from "./draft";

const FIRST = { baseline_mean: 0, baseline_variance: 0, users_per_day: 0, days: 14, minimum_effect: 0.05, accepts_low_power: false };
const DAYS = 14;

export function PlanFields({ draft, set, metrics, environments }: { draft: Experiment; set: (part: Partial<Experiment>) => void; metrics: Item<"metrics">[]; environments: string[] }) {
  const project = useProject().id;
  const plan = draft.plan ?? FIRST;
  const change = (part: Partial<typeof FIRST>) => set({ plan: { ...plan, ...part } });
  const [fault, setFault] = useState<unknown>();
  const [told, setTold] = useState("");
  const goal = metrics.find(({ key }) => key === draft.goals[0]);
  const environment = countedIn(draft, environments);
  const asked = goal && baselineOf(goal.definition, environment);
  const measure = async () => {
    if (!asked) return;
    setFault(undefined);
    try {
      const since = new Date(Date.now() - DAYS * 86_400_000).toISOString();
      const [mean, variance, people] = (await askRows(project, asked.sql, { ...asked.params, since })).rows[0]?.map(Number) ?? [];
      const where = `in the last ${DAYS} days${environment ? ` in ${environment}` : ""}`;
      // Of nobody there is no mean, and nothing that was typed goes for it.
      if (!people) return setTold(`Nobody did anything ${where}: the plan has to be written by hand.`);
      const fine = (value?: number) => Number((value || 0).toPrecision(6));
      change({ baseline_mean: fine(mean), baseline_variance: fine(variance), users_per_day: Math.max(1, Math.round(people / DAYS)) });
      setTold(`${number(people)} people did something ${where}; ${number(mean)} of ${goal.key} each, on average.`);
    } catch (problem) {
      setFault(problem);
    }
  };
  return (
    <div className="stack">
      <div className="line">
        <button type="button" className="plain" disabled={!asked} onClick={() => void measure()}>Take the numbers of the last {DAYS} days</button>
        <span className="soft small" role="status">{told || (asked ? `Of the first goal, ${goal.key}.` : goal ? "This kind of metric has to be planned by hand." : "Choose a goal first.")}</span>
      </div>
      {fault ? <Failure fault={fault} /> : null}
      <div className="pair">
        <NumberField label="Mean of the first goal" value={plan.baseline_mean} set={(value) => change({ baseline_mean: value ?? 0 })} />
        <NumberField label="Its variance between people" value={plan.baseline_variance} set={(value) => change({ baseline_variance: value ?? 0 })} min={0} hint="Of a conversion p(1 − p)." />
        <NumberField label="People a day" value={plan.users_per_day} set={(value) => change({ users_per_day: value ?? 0 })} min={0} />
        <NumberField label="Days" value={plan.days} set={(value) => change({ days: value ?? 0 })} min={1} step={1} />
        <NumberField label="Least effect worth seeing, in %" value={Number((plan.minimum_effect * 100).toFixed(4))} set={(value) => change({ minimum_effect: (value ?? 0) / 100 })} min={0} hint="Relative to control." />
        <ChoiceField label="Looked at" value={draft.analysis.method} options={[["sequential", "whenever one likes (sequential)"], ["fixed_horizon", "once, at the end (fixed horizon)"]]} set={(method) => set({ analysis: { ...draft.analysis, method: method as Experiment["analysis"]["method"] } })} />
      </div>
      <label className="check"><input type="checkbox" checked={plan.accepts_low_power} onChange={(event) => change({ accepts_low_power: event.target.checked })} />Start although the power may be below 80 %</label>
    </div>
  );
}

/** What the server says of the plan that it has. */
export function Power({ experiment, revision }: { experiment: string; revision: string }) {
  const project = useProject().id;
  const told = useAnswer(`${project} ${experiment} ${revision}`, (signal) => good(api.GET("/v1/projects/{project}/experiments/{key}/power", { params: { path: { project, key: experiment } }, signal })));
  if (told.fault) return <Failure fault={told.fault} again={told.again} />;
  if (!told.value) return <Loading what="the estimate" />;
  const { users, power, minimum_detectable_effect, is_underpowered, users_needed, days_needed } = told.value;
  return (
    <section className={is_underpowered ? "notice warn" : "notice"} aria-label="Estimate" role="status">
      <dl className="figures">
        <div className="figure"><dt>People</dt><dd>{number(Math.round(users))}</dd></div>
        <div className="figure"><dt>Power</dt><dd>{percent(power, 0)}</dd></div>
        <div className="figure"><dt>Least effect seen</dt><dd>{percent(minimum_detectable_effect)}</dd></div>
        <div className="figure"><dt>Days for 80 %</dt><dd>{days_needed === null || days_needed === undefined ? "–" : number(Math.ceil(days_needed))}</dd></div>
      </dl>
      <p>{is_underpowered ? `With this plan the effect would be missed more often than one time in five. ${users_needed ? `About ${number(Math.ceil(users_needed))} people would do.` : "No number of people would do."}` : "The plan sees the effect that it is made for at least four times in five."}</p>
    </section>
  );
}
