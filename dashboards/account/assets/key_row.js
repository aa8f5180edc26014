// A key or token in a list.

import { h } from "../dom.js?v=1";
import { action, day, row, time } from "./parts.js?v=1";

const KINDS = { write: "Write", read: "Read", client: "Client", personal: "Personal", service: "Service" };

function stateOf(key) {
  if (key.revoked_at) return "Revoked";
  return key.expires_at && new Date(key.expires_at) < new Date() ? "Expired" : undefined;
}

/** `rotate` and `revoke` are offered where they are given and the key is in force. */
export function keyRow(key, { rotate, revoke } = {}) {
  const state = stateOf(key);
  const element = row({
    title: key.name,
    badges: [KINDS[key.kind], key.project_id, state],
    facts: [
      ["Ends with ", h("code", {}, key.hint), " · made ", day(key.created_at), ...(key.expires_at ? [" · good until ", day(key.expires_at)] : [])],
      key.last_used_at ? ["Last used ", time(key.last_used_at)] : "Never used",
      key.kind === "service" || key.kind === "personal" ? h("span", { class: "codes" }, ...key.scopes.map((scope) => h("code", {}, scope))) : null,
    ],
    actions: state ? [] : [rotate && action("Rotate", rotate, { name: `Rotate ${key.name}` }), revoke && action("Revoke", revoke, { name: `Revoke ${key.name}` })],
  });
  element.classList.toggle("over", Boolean(state));
  return element;
}
