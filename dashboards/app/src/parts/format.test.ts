// Numbers with what they count, and days as people write them.

import { afterAll, expect, test, vi } from "vitest";
import { counted, localDay, noonOf } from "./format";

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
