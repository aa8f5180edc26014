// The way to the API: the read key of this tab, questions in SQL, and errors in words.

const PLACE = "footfall.read_key";
const ANSWER_BYTES_MAX = 16 * 1024 * 1024;

export const key = {
  get: () => sessionStorage.getItem(PLACE),
  set: (value) => sessionStorage.setItem(PLACE, value),
  forget: () => sessionStorage.removeItem(PLACE),
};

/** An answer that is not the wanted one. `status` 0: the server could not be reached. */
export class Refused extends Error {
  constructor(status, problem) {
    super(problem.detail ?? problem.title ?? `The server answered ${status}.`);
    this.status = status;
    this.code = problem.code ?? "unknown";
    this.line = problem.line;
    this.column = problem.column;
  }
}

export async function request(path, options = {}) {
  const headers = { ...options.headers, authorization: `Bearer ${key.get() ?? ""}` };
  let response;
  try {
    response = await fetch(path, { ...options, headers, cache: "no-store", credentials: "omit" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused(0, { code: "unreachable", detail: "The server does not answer." });
  }
  if (response.ok) return response;
  throw new Refused(response.status, await response.json().catch(() => ({})));
}

/** Body and headers of a question. */
function question(sql, params, format, signal) {
  const headers = { "content-type": "application/json", accept: format };
  return { method: "POST", headers, body: JSON.stringify(params ? { sql, params } : { sql }), signal };
}

/** The raw answer in a format, for a download. */
export const answerAs = (sql, format) => request("/v1/sql", question(sql, undefined, format));

/** `{columns, rows}` of a question; refuses answers too large for a page. */
export async function ask(sql, params, signal) {
  const response = await request("/v1/sql", question(sql, params, "application/json", signal));
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for (;;) {
    let piece;
    try {
      piece = await reader.read();
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Refused(0, { code: "broken_off", detail: "The answer broke off: it met a limit on the way, or the server went away." });
    }
    if (piece.done) break;
    bytes += piece.value.byteLength;
    if (bytes > ANSWER_BYTES_MAX) {
      reader.cancel().catch(() => {});
      throw new Refused(200, { code: "answer_too_large", detail: "The answer is larger than 16 MB. Add a LIMIT, or download it as CSV or Parquet." });
    }
    text += decoder.decode(piece.value, { stream: true });
  }
  return JSON.parse(text + decoder.decode());
}

/** Rows as objects by column name. */
export async function rowsOf(sql, params) {
  const { columns, rows } = await ask(sql, params);
  return rows.map((row) => Object.fromEntries(columns.map((column, at) => [column.name, row[at]])));
}

/** A time of an answer in milliseconds, whether it came as text or as a number. */
export function millisOf(value) {
  if (typeof value === "number") return value;
  const text = String(value).replace(" ", "T");
  return Date.parse(/([zZ]|[+-]\d\d:?\d\d)$/.test(text) ? text : `${text}Z`);
}
