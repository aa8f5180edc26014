// Numbers with what they count, and days as people write them; what somebody has set is shown to its last digit, and small numbers stay numbers.

import { afterAll, expect, test, vi } from "vitest";
import { chance, counted, localDay, noonOf, setPercent } from "./format";

afterAll(() => vi.unstubAllEnvs());

test("one is one", () => {
  expect([counted(1, "row"), counted(0, "row"), counted(1200, "person", "people"), counted(1, "person", "people")]).toEqual(["1 row", "0 rows", "1,200 people", "1 person"]);
});

test("a day is that of the zone one is in, also where it begins before Greenwich's", () => {
  for (const name of ["Pacific/Auckland", "Pacific/Kiritimati", "UTC", "Pacific/Pago_Pago"]) {
    vi.stubEnv("TZ", name);
    const noon = noonOf("2026-11-30");
    expect(new Intl.DateTimeFormat("en-CA", { timeZone: name }).format(new Date(noon))).toBe("2026-11-30");
    expect(localDay(Date.parse(noon))).toBe("2026-11-30");
  }
});

test("a share that was set is shown as it is", () => {
  expect([0, 0.001, 0.005, 0.07, 0.29, 1 / 3, 0.5, 1].map(setPercent)).toEqual(["0 %", "0.1 %", "0.5 %", "7 %", "29 %", "33.33 %", "50 %", "100 %"]);
});

test("how small a p-value is changes nothing from a point on", () => {
  expect([0.04, 0.000_01, null].map((p) => chance(p))).toEqual(["0.04", "< 0.0001", "–"]);
  expect(chance(0.04, "= ")).toBe("= 0.04");
});
