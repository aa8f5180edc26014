// The way to the API in cookie mode: the session lives in cookies that no script reads. Sessions are renewed, and a step-up is
// asked for, behind the caller's back; what is then still refused becomes a `Refused`.

/** An answer that is not the wanted one (RFC 9457). `status` 0: the server could not be reached. */
export class Refused extends Error {
  constructor(status, problem, retryAfter) {
    super(problem.detail ?? problem.title ?? `The server answered ${status}.`);
    this.status = status;
    this.code = problem.code ?? "unknown";
    this.errors = problem.errors ?? [];
    this.requestId = problem.request_id;
    this.retryAfter = retryAfter;
  }
}

/** Somebody closed the dialog that an act was waiting for. */
export class Cancelled extends Error {}

/** What the frame around the pages does when the API asks for it. */
export const on = {
  stepUp: () => Promise.reject(new Cancelled()),
  signedOut: () => {},
};

const NO_SESSION = ["credentials_missing", "token_refused"];
const RENEWAL = "footfall.renewal";

// Only browsers that do not say where a request comes from need it, so it is not worth keeping anywhere but here.
let csrfToken;

async function send(method, path, { body, match, key, as = "json" } = {}) {
  const headers = { accept: "application/json, */*;q=0.5" };
  if (body !== undefined) headers["content-type"] = "application/json";
  if (match !== undefined) headers["if-match"] = match;
  if (key !== undefined) headers["idempotency-key"] = key;
  if (csrfToken !== undefined && method !== "GET") headers["x-csrf-token"] = csrfToken;
  const init = { method, headers, cache: "no-store", credentials: "same-origin" };
  if (body !== undefined) init.body = JSON.stringify(body);
  let answer;
  try {
    answer = await fetch(path, init);
  } catch {
    throw new Refused(0, { code: "unreachable", detail: "The server does not answer. Look at your connection, then try again." });
  }
  if (!answer.ok) throw new Refused(answer.status, await answer.json().catch(() => ({})), answer.headers.get("retry-after"));
  const content = answer.status === 204 ? undefined : await answer[as]();
  remember(content);
  return { content, tag: answer.headers.get("etag") };
}

/** Grants of sessions bring the token that belongs to them. */
function remember(content) {
  const token = content?.csrf_token ?? content?.session?.csrf_token;
  if (token) csrfToken = token;
}

/** One at a time over all tabs: a refresh token that comes twice ends the session. */
const alone = (work) => (navigator.locks ? navigator.locks.request(RENEWAL, work) : work());

async function renew({ force }) {
  // Another tab may have been faster.
  const isFresh = !force && (await send("GET", "/v1/account").then(() => true, () => false));
  if (!isFresh) await send("POST", "/v1/refresh", { body: {} });
}

let renewal;
function renewed(how) {
  renewal ??= alone(() => renew(how)).finally(() => (renewal = undefined));
  return renewal;
}

/** What has to happen before the same request may pass; undefined when it was refused for good. */
function remedyOf(refused) {
  if (NO_SESSION.includes(refused.code)) return () => renewed({ force: false }).catch((fault) => lost(fault));
  if (refused.code === "csrf_refused" && csrfToken === undefined) return () => renewed({ force: true });
  if (refused.code === "step_up_required") return () => on.stepUp();
  return undefined;
}

function lost(fault) {
  if (fault.status !== 401) throw fault;
  on.signedOut();
  throw new Cancelled();
}

/** `{content, tag}` of an answer. `body` goes as JSON, `match` is the revision meant, `key` makes a creation repeatable. */
export async function call(method, path, options) {
  const tried = new Set();
  for (;;) {
    try {
      return await send(method, path, options);
    } catch (refused) {
      const remedy = refused instanceof Refused && !tried.has(refused.code) && remedyOf(refused);
      if (!remedy) throw refused;
      tried.add(refused.code);
      await remedy();
    }
  }
}

/** For what happens before there is a session: nothing is renewed. */
export const callOpenly = (path, body) => send("POST", path, { body });

export const read = async (path) => (await call("GET", path)).content;
export const create = async (path, body, key) => (await call("POST", path, { body, key })).content;
export const remove = async (path, match) => (await call("DELETE", path, { match })).content;

/** Creations of one form: the same content tried again has the same key, and is made once. Without TLS browsers give no keys. */
export function creations(path) {
  let [key, sent] = [];
  return (body) => {
    const content = JSON.stringify(body);
    if (content !== sent) [key, sent] = [crypto.randomUUID?.(), content];
    return create(path, body, key);
  };
}

/** All items of a list, up to `most`; `isWhole` says whether these are all. */
export async function all(path, most = 1000) {
  const items = [];
  let cursor;
  do {
    const query = new URLSearchParams({ limit: "200", ...(cursor && { cursor }) });
    const page = await read(`${path}?${query}`);
    items.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor && items.length < most);
  return { items, isWhole: !cursor };
}

/** A path of the API; each part is one segment. */
export const at = (...parts) => `/v1/${parts.map(encodeURIComponent).join("/")}`;
