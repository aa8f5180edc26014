// Saved questions are changed and removed as they were read; a conflict is known as one, and what is compared says all of it.

import { afterEach, expect, test, vi } from "vitest";

vi.stubGlobal("location", { origin: "http://footfall.test", pathname: "/app", search: "", assign: () => undefined });
const asked: Request[] = [];
let answer: () => Response = () => Response.json({ key: "buyers", revision: 8, content: {} });
vi.stubGlobal("fetch", async (request: Request) => (asked.push(request), answer()));
const { putItem, removeItem } = await import("./calls");
const { askedText, isConflict } = await import("./keep");

afterEach(() => void asked.splice(0));

const QUESTION = { title: "Buyers", ask: { sql: "SELECT $what" }, parameters: [{ name: "what", default: "buy" }], days: 7 };
const problem = (status: number, code: string) => () => new Response(JSON.stringify({ type: "about:blank", title: code, status, code }), { status, headers: { "content-type": "application/problem+json" } });

test("the revision that was read goes along", async () => {
  await putItem("shop", "questions", { key: "buyers", revision: 7, content: QUESTION }, QUESTION);
  answer = () => new Response(null, { status: 204 });
  await removeItem("shop", "schedules", { key: "daily", revision: 3 });
  await removeItem("shop", "annotations", { key: "release", revision: 1 });
  expect(asked.map((request) => [request.method, request.headers.get("if-match")])).toEqual([["PUT", '"r7"'], ["DELETE", '"r3"'], ["DELETE", '"r1"']]);
});

test("a change of what was changed meanwhile is a conflict, other refusals are none", async () => {
  for (const [status, code, wanted] of [[412, "revision_stale", true], [409, "board_changed_meanwhile", true], [422, "document_invalid", false], [409, "board_key_taken", false]] as const) {
    answer = problem(status, code);
    const fault: unknown = await putItem("shop", "questions", { key: "buyers", revision: 7, content: QUESTION }, QUESTION).catch((fault: unknown) => fault);
    expect(isConflict(fault), code).toBe(wanted);
  }
  expect(isConflict(new Error("no"))).toBe(false);
});

test("what is compared says everything that a question is", () => {
  expect(askedText(QUESTION)).toBe('title: Buyers\ndays: 7\nparameters: what: text = "buy"\n\nSELECT $what');
  expect(askedText({ title: "T", ask: { insight: { question: "trend" } } })).toBe('title: T\n\n{\n  "question": "trend"\n}');
});
