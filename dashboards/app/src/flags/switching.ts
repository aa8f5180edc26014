// Where a flag is on, in words, and which ways it can be switched.

export type Turn = "on" | "off";

export interface Switched {
  isOn: boolean;
  said: string;
  /** A flag that is off in one place and on in another goes both ways, off first: that is what is wanted in a hurry. */
  turns: Turn[];
}

/** In all environments, of which production is always one. */
export function switchedIn(offIn: string[], environments: string[]): Switched {
  if (offIn.length === 0) return { isOn: true, said: "on", turns: ["off"] };
  const isOffEverywhere = ["production", ...environments].every((one) => offIn.includes(one));
  return { isOn: false, said: `off in ${offIn.join(", ")}`, turns: isOffEverywhere ? ["on"] : ["off", "on"] };
}

/** In one of them. */
export function switchedAt(offIn: string[], environment: string): Switched {
  const isOn = !offIn.includes(environment);
  return { isOn, said: `${isOn ? "on" : "off"} in ${environment}`, turns: [isOn ? "off" : "on"] };
}
