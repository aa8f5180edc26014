// CSV that spreadsheets read as it is meant.

import { expect, test } from "vitest";
import { csv } from "./files";

test("quotes, nothing and an empty text, formulas kept texts", () => {
  expect(csv(["a", "b"], [['x "y", z', null], ["", -5], ["=1+1", "-x"]])).toBe('a,b\r\n"x ""y"", z",\r\n"",-5\r\n\'=1+1,\'-x\r\n');
});
