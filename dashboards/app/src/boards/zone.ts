// The zone of whoever looks: their days are the days of what they make.

export const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

/** Whether there is a time zone of this name. */
export function isZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }).format(0) !== "";
  } catch {
    return false;
  }
}

/** Names to choose from; browsers that list none take them all the same. */
export const zones = (): string[] => [...new Set(["UTC", ...(Intl.supportedValuesOf?.("timeZone") ?? [])])];
