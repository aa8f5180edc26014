// What the client does about refusals that are not for good: a session renewed, its token found, a second factor asked for.

import { afterEach, expect, test, vi } from "vitest";

const ORIGIN = "http://footfall.test";
const refused = (status: number, code: string) => Response.json({ type: "about:blank", title: code, status, code }, { status });

/** The client as a page that was just loaded has it, before a server that answers like this. */
async function client(answer: (request: Request) => Response | undefined) {
  vi.resetModules();
  const asked: Request[] = [];
  vi.stubGlobal("location", { origin: ORIGIN, pathname: "/app", search: "", assign: vi.fn() });
  vi.stubGlobal("navigator", {});
  vi.stubGlobal("fetch", async (input: Request | string, init?: RequestInit) => {
    const request = typeof input === "string" ? new Request(new URL(input, ORIGIN), init) : input;
    asked.push(request);
    return answer(request) ?? Response.json({ done: true });
  });
  const loaded = await import("./client");
  return { ...loaded, asked, paths: () => asked.map(({ method, url }) => `${method} ${new URL(url).pathname}`) };
}

afterEach(() => vi.unstubAllGlobals());

const post = () => new Request(`${ORIGIN}/v1/projects/shop/insights/trend`, { method: "POST", body: "{}" });
/** A browser that sends no fetch metadata: the token of the session has to be there, and be the present one. */
const byToken = (tokens: string[]) => {
  let renewals = 0;
  return (request: Request) => {
    const path = new URL(request.url).pathname;
    if (path === "/v1/refresh") return Response.json({ csrf_token: tokens[Math.min(renewals++, tokens.length - 1)] });
    const isGood = request.method === "GET" || (renewals > 0 && request.headers.get("x-csrf-token") === tokens[Math.min(renewals, tokens.length) - 1]);
    return isGood ? undefined : refused(403, "csrf_refused");
  };
};

test("without fetch metadata the token is fetched once, and sent with what follows", async () => {
  const { fetchSigned, api, paths } = await client(byToken(["one"]));
  const several = await Promise.all([fetchSigned(post()), fetchSigned(post())]);
  expect(several.map(({ ok }) => ok)).toEqual([true, true]);
  expect(paths().filter((path) => path === "POST /v1/refresh")).toHaveLength(1);
  expect((await fetchSigned(post())).ok).toBe(true);
  expect((await api.POST("/v1/sign-out")).response.ok).toBe(true);
  expect(paths().filter((path) => path === "POST /v1/refresh")).toHaveLength(1);
});

test("a token that another tab renewed is renewed here, and a refusal that stays is told", async () => {
  let isStale = false;
  const answers = byToken(["one", "two"]);
  const { fetchSigned, paths } = await client((request) => (isStale && request.headers.get("x-csrf-token") === "one" ? refused(403, "csrf_refused") : answers(request)));
  expect((await fetchSigned(post())).ok).toBe(true);
  isStale = true;
  expect((await fetchSigned(post())).ok).toBe(true);
  expect(paths().filter((path) => path === "POST /v1/refresh")).toHaveLength(2);
  const { fetchSigned: hopeless, asked } = await client((request) => (request.url.endsWith("/v1/refresh") ? Response.json({ csrf_token: "x" }) : refused(403, "csrf_refused")));
  expect((await hopeless(post())).status).toBe(403);
  expect(asked).toHaveLength(3);
});

test("an act that needs it asks for a second factor, and is then done; closing the dialog leaves the refusal", async () => {
  let isConfirmed = false;
  const { fetchSigned, on, asked } = await client(() => (isConfirmed ? undefined : refused(403, "step_up_required")));
  const person = () => new Request(`${ORIGIN}/v1/projects/shop/persons/p`, { method: "DELETE" });
  on.stepUp = async () => {
    throw new Error("closed");
  };
  expect((await fetchSigned(person())).status).toBe(403);
  expect(asked).toHaveLength(1);
  on.stepUp = async () => {
    isConfirmed = true;
  };
  expect((await fetchSigned(person())).ok).toBe(true);
  expect(asked).toHaveLength(3);
});

test("a session that is over is renewed, with the body sent again; without one the page leads to signing in", async () => {
  let isOver = true;
  const answers = (request: Request) => {
    const path = new URL(request.url).pathname;
    if (path === "/v1/refresh") return (isOver = false), Response.json({ csrf_token: "t" });
    return isOver ? refused(401, "token_refused") : undefined;
  };
  const { fetchSigned, asked } = await client(answers);
  expect((await fetchSigned(post())).ok).toBe(true);
  expect(await asked.at(-1)?.text()).toBe("{}");
  const gone = await client(() => refused(401, "token_refused"));
  void gone.fetchSigned(post());
  await vi.waitFor(() => expect(location.assign).toHaveBeenCalledWith("/account/sign-in?next=%2Fapp"));
});
