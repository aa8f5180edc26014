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

async function renew(): Promise<boolean> {
  // Another tab may have been faster; a refresh token that comes twice ends the session.
  if ((await fetch("/v1/account", { cache: "no-store" })).ok) return true;
  const answer = await fetch("/v1/refresh", { method: "POST", headers: { "content-type": "application/json" }, body: "{}" });
  if (answer.ok) csrfToken = (await answer.json()).csrf_token;
  return answer.ok;
}

let renewal: Promise<boolean> | undefined;
const renewed = () => {
  const alone = () => (navigator.locks ? navigator.locks.request("footfall.renewal", renew) : renew());
  renewal ??= Promise.resolve(alone()).finally(() => (renewal = undefined));
  return renewal;
};

/** `fetch` that renews the session once; without one it leads to the sign-in page. */
export async function fetchSigned(input: Request): Promise<Response> {
  const again = input.clone();
  const answer = await fetch(input);
  const problem = answer.status === 401 ? await problemOf(answer) : undefined;
  if (!problem || !NO_SESSION.includes(problem.code)) return answer;
  if (await renewed()) return fetch(again);
  signIn();
  return new Promise(() => {});
}

export const api = createClient<paths>({
  baseUrl: location.origin,
  fetch: fetchSigned,
  cache: "no-store",
  csrfToken: () => csrfToken,
});

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
