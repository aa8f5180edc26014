// Changes that are planned, in words.

import type { components } from "../../../client/src/schema";

export type Scheduled = components["schemas"]["Scheduled"];
export type Change = Scheduled["change"];
/** What can be chosen: its words, and what it comes to. */
export type Choice = readonly [name: string, change: Change];

/** In words where somebody chose it here, else as it is kept. */
export const wordsOf = (change: Change, choices: readonly Choice[]): string =>
  choices.find(([, one]) => JSON.stringify(one) === JSON.stringify(change))?.[0] ?? ("patch" in change ? `changes ${JSON.stringify(change.patch)}` : "start" in change ? "starts" : "stops");
