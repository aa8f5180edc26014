// A planned change is told in the words that it was chosen by.

import { expect, test } from "vitest";
import { wordsOf, type Choice } from "./planned";

const choices: Choice[] = [["is switched on everywhere", { patch: { off_in: [] } }], ["starts", { start: {} }]];

test("what was chosen here has its words, and the rest is told as it is", () => {
  expect(wordsOf({ patch: { off_in: [] } }, choices)).toBe("is switched on everywhere");
  expect(wordsOf({ patch: { owner: "Olga" } }, choices)).toBe('changes {"owner":"Olga"}');
  expect(wordsOf({ stop: {} }, choices)).toBe("stops");
  expect(wordsOf({ start: {} }, [])).toBe("starts");
});
