// The client of the API: openapi-fetch over the paths generated from the OpenAPI document, and the conventions
// (docs/api-conventions.md) in words: problems, revisions, idempotency keys, pages.

import createFetch, { type ClientOptions, type Middleware } from "openapi-fetch";

/** What went wrong (RFC 9457). `code` is stable; compare it. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  code: string;
  detail?: string;
  request_id?: string;
  errors?: { in: "body" | "query" | "path" | "header"; pointer: string; detail: string }[];
}

export interface Options extends ClientOptions {
  /** Access token, key or service token. Without one the browser's session cookie counts. */
  token?: string | (() => string | undefined);
  /** The token that came with the session; needed where the page is of another origin. */
  csrfToken?: () => string | undefined;
}

/** A client whose methods know the paths, parameters and bodies of `Paths`. */
export function createClient<Paths extends {}>({ token, csrfToken, ...options }: Options = {}) {
  const client = createFetch<Paths>({ credentials: "same-origin", ...options });
  const conventions: Middleware = {
    onRequest({ request }) {
      const bearer = typeof token === "function" ? token() : token;
      if (bearer !== undefined) request.headers.set("authorization", `Bearer ${bearer}`);
      const csrf = csrfToken?.();
      if (csrf !== undefined && bearer === undefined) request.headers.set("x-csrf-token", csrf);
      if (request.method === "PATCH" && request.headers.has("content-type")) {
        request.headers.set("content-type", "application/merge-patch+json");
      }
      return request;
    },
  };
  client.use(conventions);
  return client;
}

/** True for an answer in `error` that is a problem of this API, and not one of something in between. */
export function isProblem(error: unknown): error is Problem {
  return typeof error === "object" && error !== null && "code" in error && "status" in error && typeof error.code === "string";
}

/** The revision to send as If-Match with a change. */
export function revisionOf(response: Response): string {
  const tag = response.headers.get("etag");
  if (tag === null) throw new Error("The answer has no ETag: it is no resource with revisions.");
  return tag;
}

/** A key for one creation; use the same one for every try of it. */
export function idempotencyKey(): string {
  return crypto.randomUUID();
}

interface Page<Item> {
  items: Item[];
  next_cursor?: string | null;
}

/** Every item of a list, page by page: `for await (const note of everything((cursor) => client.GET(…)))`. */
export async function* everything<Item>(
  page: (cursor: string | undefined) => Promise<{ data?: Page<Item>; error?: unknown }>,
): AsyncGenerator<Item, void, undefined> {
  let cursor: string | undefined;
  do {
    const { data, error } = await page(cursor);
    if (data === undefined) throw new Error("The page could not be read.", { cause: error });
    yield* data.items;
    cursor = data.next_cursor ?? undefined;
  } while (cursor !== undefined);
}
