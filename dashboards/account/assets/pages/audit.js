// The audit: who did what, filtered as one types; its export and the check of its chain.

import { h } from "../../dom.js?v=1";
import { all, at, call, read } from "../api.js?v=1";
import { field } from "../form.js?v=1";
import { action, card, heading, later, nothing, row, rows, tell, time } from "../parts.js?v=1";
import { permissions } from "../session.js?v=1";

const PAGE = 50;
const TYPING_MS = 250;

export function page({ own, organisation }) {
  const path = at("organisations", organisation, "audit");
  const words = field({ name: "words", label: "Filter", type: "search", required: false, plain: true, hint: "Words that all have to occur: an act, an address, an id, “refused”; the name of a member finds what they did." });
  const state = { records: [], cursor: undefined, turn: 0 };
  const names = namesOf(own, organisation);
  const next = async () => {
    const mine = state.turn;
    const query = new URLSearchParams({ order: "newest", limit: String(PAGE), ...asked(words.read(), await names), ...(state.cursor && { cursor: state.cursor }) });
    const { items, next_cursor: cursor } = await read(`${path}?${query}`);
    // Somebody may have typed on meanwhile.
    if (mine === state.turn) Object.assign(state, { records: [...state.records, ...items], cursor });
  };
  const draw = async () => list(state, await names, () => next().then(place.again));
  const place = later(async () => {
    if (!state.records.length) await next();
    return draw();
  });
  let typing;
  words.control.addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(() => {
      Object.assign(state, { records: [], cursor: undefined, turn: state.turn + 1 });
      place.again();
    }, TYPING_MS);
  });
  const actions = [action("Verify the chain", () => verify(path))];
  if (permissions(own, organisation).has("audit.export")) actions.push(action("Export", () => exportAll(path)));
  return [heading("Audit", "Who did what, the newest first. Records are chained: any change or removal shows.", ...actions), card(null, words.element, place)];
}

/** Names of accounts by id, for who may see them. */
async function namesOf(own, organisation) {
  if (!permissions(own, organisation).has("members.read")) return new Map();
  const { items } = await all(at("organisations", organisation, "members"));
  return new Map(items.map((member) => [member.account_id, member.name]));
}

/** Records name members by their ids: a word that is a name of one alone is asked for as the id. */
function asked(text, names) {
  const idOf = (word) => {
    const ids = [...names].filter(([, name]) => name.toLowerCase().split(/\s+/).includes(word.toLowerCase())).map(([id]) => id);
    return ids.length === 1 ? ids[0] : word;
  };
  const words = [...new Set(text.split(/\s+/).filter(Boolean).map(idOf))].join(" ");
  return words ? { words: words.slice(0, 200) } : {};
}

function list({ records, cursor }, names, more) {
  if (!records.length) return [nothing("Nothing found", "No record has all of these words.")];
  return [
    h("p", { class: "soft small", role: "status" }, cursor ? `The newest ${records.length} records` : records.length === 1 ? "1 record" : `${records.length} records`),
    rows(records.map((entry) => shown({ entry, who: names.get(entry.actor) ?? entry.actor })), "Records"),
    ...(cursor ? [h("div", { class: "form-actions" }, action("Show more", more))] : []),
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
