// What can be done with an experiment in each of its states, and what is said and sent when it is.

import type { Experiment, State } from "../api/definitions";

export interface Act {
  does: string;
  about: string;
  path: string;
  isDanger?: boolean;
  body?: object;
}
export type Status = State["status"];

const REVIEW: Act = { does: "Ask for a review", path: "review", about: "Somebody else looks at it and approves it." };
const APPROVE: Act = { does: "Approve", path: "approval", about: "You vouch for it. Whoever asked for the review cannot approve it." };
const REDRAFT: Act = { does: "Back to draft", path: "redraft", about: "It can be changed again, and needs a review again." };
const START: Act = { does: "Start", path: "start", about: "People are assigned from now on. Who takes part cannot be changed within a phase." };
const START_AT_ONCE: Act = { ...START, does: "Start without review", about: `${START.about} Nobody has approved it; the history says so.`, body: { without_review: true } };
const STOP: Act = { does: "Stop", path: "stop", about: "Nobody is assigned any more; everybody gets the flag’s default until there is a decision." };
export const SHIP: Act = { does: "Ship", path: "ship", about: "One variation for everybody who is targeted." };
const BACK: Act = { does: "Roll back", path: "roll-back", about: "Control for everybody.", isDanger: true };
export const PHASE: Act = { does: "New phase", path: "phases", about: "Another share of people, or other weights. Results begin anew, and those of this phase stay." };
const GO_ON: Act = { ...PHASE, does: "Go on", about: "It runs again, in a new phase: people are assigned from now on. Results begin anew, and those of the phases before stay." };

export const ACTS: Record<Status, Act[]> = { draft: [REVIEW, START_AT_ONCE], in_review: [APPROVE, START_AT_ONCE, REDRAFT], approved: [START, REDRAFT], running: [STOP, SHIP, BACK, PHASE], stopped: [SHIP, BACK, GO_ON], shipped: [BACK], rolled_back: [SHIP] };

/** What is decided changes no more; before, everything that may be different is open to a change. */
export const mayChange = (status: Status) => status !== "shipped" && status !== "rolled_back";

/** Who takes part from a phase on, in percent; undefined where a field is empty. */
export interface Wanted {
  variation: string;
  coverage?: number;
  weights: (number | undefined)[];
}

const inPercent = (share: number) => Number((share * 100).toFixed(4));

/** What the fields of a step begin with. */
export const firstOf = ({ variations, coverage }: Pick<Experiment, "variations" | "coverage">): Wanted => ({ variation: variations[1]?.key ?? "", coverage: inPercent(coverage), weights: variations.map(({ weight }) => inPercent(weight)) });

export const beginsPhase = ({ path }: Act) => path === PHASE.path;

/** Nothing is sent in place of what is empty: no share is not everybody. */
export const isWhole = (act: Act, { coverage, weights }: Wanted) => !beginsPhase(act) || (coverage !== undefined && weights.every((weight) => weight !== undefined));

/** Weights that nobody touched stay what they are, to the last digit. */
export function bodyOf(act: Act, definition: Pick<Experiment, "variations" | "coverage">, { variation, coverage, weights }: Wanted, reason: string): object {
  const before = firstOf(definition);
  const isReweighed = weights.some((weight, index) => weight !== before.weights[index]);
  return {
    ...act.body,
    ...(act === SHIP && { variation }),
    ...(beginsPhase(act) && { coverage: coverage === before.coverage ? definition.coverage : (coverage ?? 0) / 100 }),
    ...(beginsPhase(act) && isReweighed && { weights: weights.map((weight) => (weight ?? 0) / 100) }),
    ...(reason && { reason }),
  };
}
