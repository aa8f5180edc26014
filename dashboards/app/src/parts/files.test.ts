// CSV that spreadsheets read as it is meant.

import { expect, test } from "vitest";
import { csv, guarded } from "./files";

test("quotes, nothing and an empty text, formulas kept texts", () => {
  expect(csv(["a", "b"], [['x "y", z', null], ["", -5], ["=1+1", "-x"]])).toBe('a,b\r\n"x ""y"", z",\r\n"",-5\r\n\'=1+1,\'-x\r\n');
});

test("lines of the server are safe for spreadsheets, and say what they said", () => {
  expect(guarded('name,n\n=1+1,-5\n"-2, and ""more""",-1e5\n"@a\n=b",+x\n,\n')).toBe("name,n\n'=1+1,-5\n\"'-2, and \"\"more\"\"\",-1e5\n\"'@a\n=b\",'+x\n,\n");
  const plain = 'a,b\r\n1,"two, three"\r\n';
  expect(guarded(plain)).toBe(plain);
});
