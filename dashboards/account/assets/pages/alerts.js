// Alerts: what the watch has found in the audit.

import { all, at, create } from "../api.js?v=1";
import { action, card, heading, later, nothing, row, rows, tell, time } from "../parts.js?v=1";
import { permissions } from "../session.js?v=1";

const TITLES = {
  credential_stuffing: "Many accounts tried from one address",
  password_spraying: "One password tried on many accounts",
  impossible_travel: "Two sign-ins too far apart",
  token_reuse: "A session token was used in two places",
  privilege_change: "Somebody was given powerful permissions",
  export_volume: "Unusually many exports",
};

export function page({ own, organisation }) {
  const path = at("organisations", organisation, "alerts");
  const mayWrite = permissions(own, organisation).has("alerts.write");
  const list = later(async () => {
    const { items } = await all(path);
    if (!items.length) return nothing("Nothing unusual", "Guessing of passwords, stolen tokens, sudden power and large exports would show here.");
    return rows(items.map(shown), "Alerts");
  });
  const acknowledge = async (alert) => {
    await create(`${path}/${encodeURIComponent(alert.id)}/acknowledgement`);
    tell("The alert is marked as seen.");
    await list.again();
  };
  const shown = (alert) => row({
    title: TITLES[alert.kind] ?? alert.kind,
    badges: [alert.acknowledged_at ? "Seen" : "New"],
    facts: [alert.detail, [time(alert.created_at), ` · ${alert.subject} · records ${alert.first_sequence} to ${alert.last_sequence}`],
      alert.acknowledged_at && ["Seen ", time(alert.acknowledged_at)]],
    actions: [mayWrite && !alert.acknowledged_at ? action("Mark as seen", () => acknowledge(alert), { name: `Mark as seen: ${TITLES[alert.kind] ?? alert.kind}` }) : null],
  });
  return [heading("Alerts", "What the watch has found in the audit."), card(null, list)];
}
