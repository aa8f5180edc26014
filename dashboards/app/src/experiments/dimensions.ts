// What people are told apart by, as they were at their first exposure.

import type { components } from "../../../client/src/schema";

export type Dimension = components["schemas"]["Dimension"];
export const DIMENSIONS: readonly (readonly [Dimension, string])[] = [
  ["country", "country"], ["operating_system", "operating system"], ["device_type", "device type"], ["browser", "browser"], ["browser_version", "browser version"],
  ["app_version", "app version"], ["language", "language"], ["referring_domain", "referring domain"], ["sdk", "SDK"],
];
export const wordsOf = (dimension: Dimension) => DIMENSIONS.find(([key]) => key === dimension)?.[1] ?? dimension;
