// The audit: who did what, filtered as one types; its export and the check of its chain.

import { h } from "../../dom.js?v=1";
import { all, at, call, read } from "../api.js?v=1";
import { field } from "../form.js?v=1";
import { action, card, heading, later, nothing, row, rows, tell, time } from "../parts.js?v=1";
import { permissions } from "../session.js?v=1";

const LOADED_MAX = 2000;
const SHOWN = 50;

export function page({ own, organisation }) {
  const path = at("organisations", organisation, "audit");
  const words = field({ name: "words", label: "Filter", type: "search", required: false, hint: "Words that all have to occur: an act, an address, an id, “refused”." });
  const state = { entries: [], isWhole: true, shown: SHOWN };
  const list = h("div", {});
  const draw = () => list.replaceChildren(...filtered(state, words.read(), draw));
  const place = later(async () => {
    const { items, isWhole } = await all(path, LOADED_MAX);
    Object.assign(state, { entries: items.reverse().map((entry) => ({ entry, text: textOf(entry) })), isWhole });
    draw();
    return list;
  });
  words.control.addEventListener("input", () => {
    state.shown = SHOWN;
    draw();
  });
  const actions = [action("Verify the chain", () => verify(path))];
  if (permissions(own, organisation).has("audit.export")) actions.push(action("Export", () => exportAll(path)));
  return [heading("Audit", "Who did what, the newest first. Records are chained: what is changed or removed shows.", ...actions), card(null, words.element, place)];
}

const textOf = (entry) => JSON.stringify(entry).toLowerCase();

function filtered(state, words, draw) {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  const found = state.entries.filter(({ text }) => wanted.every((word) => text.includes(word)));
  if (!found.length) return [nothing("Nothing found", wanted.length ? "No record has all of these words." : "Nothing has happened yet.")];
  const rest = found.length - state.shown;
  const more = action("Show more", () => {
    state.shown += SHOWN;
    draw();
  });
  return [
    h("p", { class: "soft small", role: "status" }, `${found.length} records${state.isWhole ? "" : `, among the first ${state.entries.length}; export for all`}`),
    rows(found.slice(0, state.shown).map(({ entry }) => shown(entry)), "Records"),
    ...(rest > 0 ? [h("div", { class: "form-actions" }, more)] : []),
  ];
}

function shown(entry) {
  const on = [entry.object_kind, entry.object].filter(Boolean).join(" ");
  const states = [["Before", entry.before], ["After", entry.after]].filter(([, state]) => state !== null);
  return row({
    title: h("code", {}, entry.action),
    badges: [entry.outcome === "refused" && "Refused", entry.project_id],
    facts: [
      [time(entry.at), ` · ${entry.actor_kind}${entry.actor ? ` ${entry.actor}` : ""}`],
      on && `On ${on}`,
      [entry.address, entry.place].filter(Boolean).join(", ") || null,
    ],
    more: h("details", {}, h("summary", {}, `Record ${entry.sequence}`),
      ...states.map(([name, state]) => h("div", {}, h("p", { class: "small" }, name), h("pre", { tabindex: "0" }, JSON.stringify(state, null, 2)))),
      h("p", { class: "small soft" }, "Hash ", h("code", {}, entry.hash), entry.request_id ? [" Request ", h("code", {}, entry.request_id)].reduce((line, part) => (line.append(part), line), h("span")) : null)),
  });
}

async function verify(path) {
  const { is_intact, records, end_sequence, faults } = await read(`${path}/verification`);
  if (is_intact) return tell(`The chain of ${records} records is intact; the last is ${end_sequence}.`);
  throw Object.assign(new Error(`The chain is broken: ${faults.join("; ")}`), { status: 200 });
}

/** Asked for first, so that a step-up or a refusal is seen here; then the browser saves it. */
async function exportAll(path) {
  const { content } = await call("GET", `${path}/export`, { as: "blob" });
  const link = h("a", { href: URL.createObjectURL(content), download: "audit.ndjson" });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
