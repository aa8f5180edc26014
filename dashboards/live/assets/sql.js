// The box for questions: examples, the answer as a table with types, errors at their place, downloads.

import { byId, count, duration, h } from "./dom.js?v=1";
import { answerAs, ask, request } from "./ask.js?v=1";

const SHOWN_MAX = 500;

const EXAMPLES = [
  ["Events by people", `SELECT event, count(*) AS activities, count(DISTINCT person_id) AS people
FROM activity
GROUP BY event
ORDER BY activities DESC
LIMIT 20`],
  ["Busiest hours", `SELECT date_part('hour', timestamp) AS hour_utc, count(*) AS activities
FROM activity
GROUP BY hour_utc
ORDER BY hour_utc`],
  ["Most active people", `SELECT person_id, properties, activities, first_seen, last_seen
FROM persons
ORDER BY activities DESC
LIMIT 20`],
  ["Longest sessions", `SELECT start, duration_seconds, activities, entry_event, exit_event, person_id
FROM sessions
ORDER BY duration_seconds DESC
LIMIT 20`],
  ["A property", `SELECT properties->>'plan' AS plan, count(*) AS activities
FROM activity
GROUP BY plan
ORDER BY activities DESC
LIMIT 20`],
  ["Quarantine", `SELECT received_at, dialect, reason, detail
FROM quarantine
ORDER BY received_at DESC
LIMIT 20`],
];

export function box({ onRefused }) {
  const [text, outcome, fault, result, downloads] = ["question", "outcome", "sql-fault", "result", "downloads"].map(byId);
  const [run, tables] = [byId("run"), byId("tables")];
  const mac = /Mac|iPhone|iPad/.test(navigator.platform);
  byId("run-keys").textContent = mac ? "⌘ ↵" : "Ctrl ↵";
  let running;
  let answered = "";

  byId("examples").replaceChildren(...EXAMPLES.map(([name, sql]) =>
    h("button", { type: "button", onclick: () => { write(sql); start(); } }, name)));
  write(EXAMPLES[0][1]);

  function write(sql) {
    text.value = sql;
    grow();
  }

  function grow() {
    text.style.height = "auto";
    text.style.height = `${Math.min(360, Math.max(112, text.scrollHeight + 2))}px`;
  }

  async function start() {
    const sql = text.value.trim();
    if (!sql) return text.focus();
    running?.abort();
    const own = (running = new AbortController());
    const began = performance.now();
    [fault.hidden, downloads.hidden] = [true, true];
    outcome.textContent = "Running…";
    result.classList.add("stale");
    try {
      const answer = await ask(sql, undefined, own.signal);
      const took = performance.now() - began;
      [answered, downloads.hidden, result.hidden] = [sql, false, false];
      const rows = answer.rows.length;
      outcome.textContent = `${count(rows)} ${rows === 1 ? "row" : "rows"} in ${duration(took)}${rows > SHOWN_MAX ? `, the first ${SHOWN_MAX} shown` : ""}`;
      result.replaceChildren(table(answer));
      result.scrollTo(0, 0);
    } catch (error) {
      if (error.name === "AbortError") return;
      outcome.textContent = "";
      result.hidden = true;
      if (error.status === 401) return onRefused(error);
      show(error, text.value);
    } finally {
      if (running === own) result.classList.remove("stale");
    }
  }

  function show(error, sql) {
    const place = error.line ? `Line ${error.line}, column ${error.column}` : error.code.replaceAll("_", " ");
    fault.replaceChildren(h("b", {}, place), h("p", {}, error.message));
    const source = error.line ? sql.split("\n")[error.line - 1] : undefined;
    if (source !== undefined) {
      const from = Math.max(0, error.column - 60);
      fault.append(h("pre", {}, `${source.slice(from, from + 110)}\n`, h("em", {}, `${" ".repeat(Math.max(0, error.column - 1 - from))}▲`)));
      const offset = sql.split("\n").slice(0, error.line - 1).reduce((sum, line) => sum + line.length + 1, 0) + error.column - 1;
      if (document.activeElement === text) text.setSelectionRange(offset, offset + (/^\w+/.exec(sql.slice(offset))?.[0].length ?? 1));
    }
    fault.hidden = false;
  }

  async function download(button) {
    const label = button.textContent;
    button.disabled = true;
    button.textContent = "…";
    try {
      const response = await answerAs(answered, button.dataset.format);
      const address = URL.createObjectURL(await response.blob());
      h("a", { href: address, download: `footfall.${button.dataset.ending}` }).click();
      setTimeout(() => URL.revokeObjectURL(address), 30_000);
    } catch (error) {
      error.status === 401 ? onRefused(error) : show(error, answered);
    }
    [button.disabled, button.textContent] = [false, label];
  }

  async function describe() {
    const open = tables.hidden;
    byId("tables-button").setAttribute("aria-expanded", String(open));
    tables.hidden = !open;
    if (!open || tables.children.length) return;
    try {
      const { tables: all } = await (await request("/v1/tables")).json();
      tables.replaceChildren(...all.map((one) => described(one)));
    } catch (error) {
      tables.hidden = true;
      error.status === 401 ? onRefused(error) : show(error, "");
    }
  }

  function described(one) {
    const insert = (word) => () => {
      text.setRangeText(word, text.selectionStart, text.selectionEnd, "end");
      text.focus();
      grow();
    };
    return h("details", {},
      h("summary", {}, h("b", {}, one.name), h("span", {}, one.about)),
      h("dl", {}, ...one.columns.flatMap((column) => [
        h("dt", {}, h("button", { type: "button", onclick: insert(column.name), title: "Insert into the question" }, column.name), h("small", {}, kind(column.type))),
        h("dd", {}, column.about)])));
  }

  run.onclick = start;
  text.oninput = grow;
  text.onkeydown = (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      start();
    }
  };
  downloads.onclick = (event) => event.target.matches("button") && download(event.target);
  byId("tables-button").onclick = describe;
  return { start };
}

/** A type in a word. */
function kind(type) {
  const words = [[/^timestamp/i, "time"], [/^date/i, "date"], [/int/i, "integer"], [/float|double|decimal/i, "number"], [/utf8|string|text/i, "text"], [/bool/i, "boolean"], [/list/i, "list"]];
  return words.find(([pattern]) => pattern.test(type))?.[1] ?? type.toLowerCase();
}

function table({ columns, rows }) {
  const kinds = columns.map((column) => kind(column.type));
  const head = h("tr", {}, ...columns.map((column, at) => h("th", { scope: "col", class: kinds[at] }, column.name, h("small", { title: column.type }, kinds[at]))));
  const body = rows.slice(0, SHOWN_MAX).map((row) => h("tr", {}, ...row.map((value, at) => cell(value, kinds[at]))));
  if (!rows.length) body.push(h("tr", { class: "none" }, h("td", { colspan: columns.length || 1 }, "No rows")));
  return h("table", {}, h("thead", {}, head), h("tbody", {}, ...body));
}

function cell(value, type) {
  if (value === null) return h("td", { class: "null" }, "null");
  if (type === "integer" && typeof value === "number") return h("td", { class: type }, count(value));
  const shown = typeof value === "object" ? JSON.stringify(value) : String(value);
  const text = type === "time" ? shown.replace("T", " ").replace(/(\.000)?Z$/, "") : shown;
  return h("td", { class: type, title: text.length > 40 ? text : undefined }, text.length > 300 ? `${text.slice(0, 300)}…` : text);
}
