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
  const words = field({ name: "words", label: "Filter", type: "search", required: false, plain: true, hint: "Words that all have to occur: an act, an address, an id, “refused”." });
  const state = { entries: [], isWhole: true, shown: SHOWN };
  const list = h("div", {});
  const draw = () => list.replaceChildren(...filtered(state, words.read(), draw));
  const place = later(async () => {
    const [{ items, isWhole }, names] = await Promise.all([all(path, LOADED_MAX), namesOf(own, organisation)]);
    const named = items.reverse().map((entry) => ({ entry, who: names.get(entry.actor) ?? entry.actor }));
    Object.assign(state, { entries: named.map((one) => ({ ...one, text: JSON.stringify(one).toLowerCase() })), isWhole });
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

/** Names of accounts by id, for who may see them. */
async function namesOf(own, organisation) {
  if (!permissions(own, organisation).has("members.read")) return new Map();
  const { items } = await all(at("organisations", organisation, "members"));
  return new Map(items.map((member) => [member.account_id, member.name]));
}

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
    rows(found.slice(0, state.shown).map(shown), "Records"),
    ...(rest > 0 ? [h("div", { class: "form-actions" }, more)] : []),
  ];
}

function shown({ entry, who }) {
  const on = [entry.object_kind, entry.object].filter(Boolean).join(" ");
  const states = [["Before", entry.before], ["After", entry.after]].filter(([, state]) => state !== null);
  const ids = { Actor: entry.actor, Device: entry.device, Request: entry.request_id, Hash: entry.hash };
  return row({
    title: h("code", {}, entry.action),
    badges: [entry.outcome === "refused" && "Refused", entry.project_id],
    facts: [
      [time(entry.at), ` · ${[entry.actor_kind, who].filter(Boolean).join(" ")}`],
      on && `On ${on}`,
      [entry.address, entry.place].filter(Boolean).join(", ") || null,
    ],
    more: h("details", {}, h("summary", {}, `Record ${entry.sequence}`),
      ...states.map(([name, state]) => h("div", {}, h("p", { class: "small" }, name), h("pre", { tabindex: "0" }, JSON.stringify(state, null, 2)))),
      h("dl", { class: "facts small" }, ...Object.entries(ids).filter(([, text]) => text).flatMap(([name, text]) => [h("dt", {}, name), h("dd", {}, text)]))),
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
