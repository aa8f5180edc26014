// Webhooks: where alerts, schedules and answers are sent; made, tested, switched off, given another secret, removed.

import { h } from "../../dom.js?v=1";
import { all, at, call, create, creations, read, remove } from "../api.js?v=1";
import { confirm, dialog, formDialog, showOnce } from "../dialog.js?v=1";
import { field } from "../form.js?v=1";
import { action, card, heading, later, nothing, row, rows, tell, time } from "../parts.js?v=1";
import { permissions } from "../session.js?v=1";

const name = (value) => field({ name: "name", label: "Name", value, maxlength: "100" });
const address = (value) => field({ name: "url", label: "Address", type: "url", value, maxlength: "2000", wrong: "Enter an address, like https://hooks.example.org/footfall.", hint: "On the public internet, like https://hooks.example.org/footfall." });
const KEPT = "It signs what is sent, as Standard Webhooks 1.0 has it. Copy it now: it is not shown again.";

export function page({ own, organisation }) {
  const path = at("organisations", organisation, "webhooks");
  const one = (webhook, ...rest) => at("organisations", organisation, "webhooks", webhook.id, ...rest);
  const mayWrite = permissions(own, organisation).has("alerts.write");
  const list = later(async () => {
    const { items } = await all(path);
    if (!items.length) return nothing("No webhooks yet", "Alerts and scheduled answers can be sent to an address of yours.");
    return rows(items.map(shown), "Webhooks");
  });
  const make = creations(path);
  const add = async () => {
    const made = await formDialog("New webhook", undefined, { parts: [name(), address()], submit: "Make it", act: make });
    await showOnce("The secret of your webhook", KEPT, made.secret);
    await list.again();
  };
  const change = async (webhook, values) => {
    const { tag } = await call("GET", one(webhook));
    await call("PATCH", one(webhook), { body: values, match: tag });
    tell("Saved.");
    await list.again();
  };
  const edit = (webhook) => formDialog(`Change “${webhook.name}”`, undefined, { parts: [name(webhook.name), address(webhook.url)], submit: "Save", act: (values) => change(webhook, values) });
  const test = async (webhook) => {
    await create(one(webhook, "test"));
    tell("A message is on its way; the deliveries show what became of it.");
  };
  const renew = async (webhook) => {
    const made = await confirm(`Another secret for “${webhook.name}”?`, "What is sent from now on is signed with it.", { submit: "Make another secret", act: () => create(one(webhook, "secret")) });
    await showOnce("The new secret", KEPT, made.secret);
  };
  const end = (webhook) => confirm(`Remove “${webhook.name}”?`, "Nothing is sent to it any more.", {
    submit: "Remove it",
    act: async () => {
      const { tag } = await call("GET", one(webhook));
      await remove(one(webhook), tag);
      tell("The webhook is removed.");
      await list.again();
    },
  });
  const shown = (webhook) => row({
    title: webhook.name,
    badges: [webhook.is_enabled ? "On" : "Off"],
    facts: [webhook.url, ["Since ", time(webhook.created_at)]],
    actions: [
      action("Deliveries", () => deliveries(webhook, one(webhook, "deliveries")), { name: `Deliveries of ${webhook.name}` }),
      ...(mayWrite ? [
        action("Test", () => test(webhook), { name: `Test ${webhook.name}` }),
        action("Change", () => edit(webhook), { name: `Change ${webhook.name}` }),
        action(webhook.is_enabled ? "Switch off" : "Switch on", () => change(webhook, { is_enabled: !webhook.is_enabled }), { name: `${webhook.is_enabled ? "Switch off" : "Switch on"}: ${webhook.name}` }),
        action("Secret", () => renew(webhook), { name: `Secret of ${webhook.name}` }),
        action("Remove", () => end(webhook), { name: `Remove ${webhook.name}` }),
      ] : []),
    ],
  });
  return [
    heading("Webhooks", "Where alerts and scheduled answers are sent.", ...(mayWrite ? [action("New webhook", add, { kind: "primary" })] : [])),
    card(null, list),
  ];
}

/** What became of the newest messages. */
function deliveries(webhook, path) {
  const list = later(async () => {
    const { items } = await read(`${path}?limit=50`);
    if (!items.length) return nothing("Nothing has been sent yet", "«Test» sends a message.");
    return rows(items.map((one) => row({
      title: one.kind,
      badges: [one.sent_at ? "Arrived" : one.next_try_at ? "Will be tried again" : "Given up"],
      facts: [[time(one.created_at), ` · ${one.tries} ${one.tries === 1 ? "try" : "tries"}`, one.status ? ` · answered ${one.status}` : ""], one.failure, one.next_try_at && ["Next try ", time(one.next_try_at)]],
    })), "Deliveries");
  });
  return dialog(`Deliveries of “${webhook.name}”`, (close) => [list, h("div", { class: "form-actions" }, h("button", { class: "primary", type: "button", onclick: () => close() }, "Close"), action("Refresh", () => list.again(), { kind: "quiet" }))], { mayLeave: true });
}
