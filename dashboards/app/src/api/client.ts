// The typed client in cookie mode: the session lives in cookies that no script reads. It is renewed behind the caller's back.

import { createClient, isProblem, type Problem } from "../../../client/src/index";
import type { paths } from "../../../client/src/schema";

/** An answer that is not the wanted one (RFC 9457). Status 0: the server could not be reached. */
export class Refused extends Error {
  readonly status: number;
  readonly code: string;
  readonly problem: Partial<Problem> & { line?: number; column?: number; rows_done?: number; rows_all?: number };

  constructor(status: number, problem: Refused["problem"]) {
    super(problem.detail ?? problem.title ?? `The server answered ${status}.`);
    this.status = status;
    this.code = problem.code ?? "unknown";
    this.problem = problem;
  }
}

const NO_SESSION = ["credentials_missing", "token_refused"];
let csrfToken: string | undefined;

const problemOf = async (answer: Response): Promise<Problem | undefined> => {
  const content: unknown = await answer.clone().json().catch(() => undefined);
  return isProblem(content) ? content : undefined;
};

/** To the sign-in page, and back here afterwards. */
export function signIn(): void {
  const next = location.pathname + location.search;
  location.assign(`/account/sign-in?${new URLSearchParams({ next })}`);
}

/** What has to be asked of a person before a request may pass: the dialog of the account pages, loaded when it is needed. */
export const on = {
  stepUp: async (): Promise<void> => {
    const dialog = "/assets/account/step_up.js";
    const { stepUp } = (await import(/* @vite-ignore */ dialog)) as { stepUp: () => Promise<void> };
    await stepUp();
  },
};

/** `force`: not only where the session is over, also where its token is not known here. */
async function renew(force: boolean): Promise<boolean> {
  // Another tab may have been faster; a refresh token that comes twice ends the session.
  if (!force && (await fetch("/v1/account", { cache: "no-store" })).ok) return true;
  const answer = await fetch("/v1/refresh", { method: "POST", headers: { "content-type": "application/json" }, body: "{}" });
  if (answer.ok) csrfToken = (await answer.json()).csrf_token;
  return answer.ok;
}

let renewal: Promise<boolean> | undefined;
const renewed = (force: boolean) => {
  const alone = () => (navigator.locks ? navigator.locks.request("footfall.renewal", () => renew(force)) : renew(force));
  renewal ??= Promise.resolve(alone()).finally(() => (renewal = undefined));
  return renewal;
};

/** Browsers that do not say where a request comes from (over plain HTTP they do not) are believed by the token of their session. */
function signed(request: Request): Request {
  if (csrfToken !== undefined && request.method !== "GET" && request.method !== "HEAD") request.headers.set("x-csrf-token", csrfToken);
  return request;
}

/** What may help against a refusal; it says whether the request is worth another try. */
function remedyOf(code: string, token: string | undefined): (() => Promise<boolean>) | undefined {
  if (NO_SESSION.includes(code)) {
    return async () => {
      if (await renewed(false)) return true;
      signIn();
      return new Promise<boolean>(() => {});
    };
  }
  // Several requests at once are refused for the same token: one of them has it renewed.
  if (code === "csrf_refused") return async () => csrfToken !== token || renewed(true);
  // Whoever closes the dialog is told what was refused.
  if (code === "step_up_required") return () => on.stepUp().then(() => true, () => false);
  return undefined;
}

/** `fetch` that renews the session once, and asks for a second factor where an act needs it; without a session it leads to the sign-in page. */
export async function fetchSigned(input: Request): Promise<Response> {
  const tried = new Set<string>();
  for (;;) {
    const token = csrfToken;
    const answer = await fetch(signed(input.clone()));
    const problem = answer.status === 401 || answer.status === 403 ? await problemOf(answer) : undefined;
    const remedy = problem && !tried.has(problem.code) ? remedyOf(problem.code, token) : undefined;
    if (!problem || !remedy) return answer;
    tried.add(problem.code);
    if (!(await remedy())) return answer;
  }
}

export const api = createClient<paths>({ baseUrl: location.origin, fetch: fetchSigned, cache: "no-store" });

/** The content of a good answer; everything else is thrown as `Refused`. */
export async function good<T>(asked: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  return (await goodWithTag(asked)).content;
}

/** The same with the revision that a change has to name. */
export async function goodWithTag<T>(asked: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<{ content: T; tag: string }> {
  const { data, error, response } = await asked.catch(unreachable);
  if (!response.ok) throw new Refused(response.status, isProblem(error) ? error : {});
  return { content: data as T, tag: response.headers.get("etag") ?? "*" };
}

export function unreachable(fault: unknown): never {
  if (fault instanceof DOMException && fault.name === "AbortError") throw fault;
  throw new Refused(0, { code: "unreachable", detail: "The server does not answer. Look at your connection, then try again." });
}
