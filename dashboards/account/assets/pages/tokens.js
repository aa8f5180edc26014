// Personal tokens: programs that act as oneself, within scopes.

import { all, at, create, remove } from "../api.js?v=1";
import { confirm, formDialog, showOnce } from "../dialog.js?v=1";
import { endOf, harmless, lifeField, overlapField, scopesField } from "../fields.js?v=1";
import { field } from "../form.js?v=1";
import { keyRow } from "../key_row.js?v=1";
import { action, card, heading, later, nothing, rows, tell } from "../parts.js?v=1";
import { permissionsAnywhere } from "../session.js?v=1";

const ONCE = "Copy it now: it is not shown again.";

export function page({ own }) {
  const list = later(async () => {
    const { items } = await all("/v1/account/tokens");
    if (!items.length) return nothing("No tokens yet", "Make one for a script or a tool that should act as you, with no more than it needs.");
    return rows(items.map((token) => keyRow(token, { rotate: () => rotate(token), revoke: () => revoke(token) })), "Personal tokens");
  });
  const add = async () => {
    const { key } = await formDialog("New personal token", "It acts as you, within what you tick, and never does anything dangerous.", {
      parts: [
        field({ name: "name", label: "What it is for", maxlength: "100" }),
        lifeField(),
        scopesField(harmless(permissionsAnywhere(own))),
      ],
      submit: "Make the token",
      act: ({ name, days, scopes }) => create("/v1/account/tokens", { name, scopes, expires_at: endOf(days) }),
    });
    await showOnce("Your new token", ONCE, key);
    await list.again();
  };
  const rotate = async (token) => {
    const { key } = await formDialog(`Rotate “${token.name}”?`, "The new token has the same scopes; the old one stays valid for a while.", {
      parts: [overlapField()],
      submit: "Rotate",
      act: ({ overlap }) => create(at("account", "tokens", token.id, "rotation"), { overlap_seconds: Number(overlap) }),
    });
    await showOnce("The successor", ONCE, key);
    await list.again();
  };
  const revoke = (token) => confirm(`Revoke “${token.name}”?`, "Programs that use it stop working at once.", {
    submit: "Revoke it",
    act: async () => {
      await remove(at("account", "tokens", token.id));
      tell("The token is revoked.");
      await list.again();
    },
  });
  return [heading("Personal tokens", "For programs that act as you.", action("New token", add, { kind: "primary" })), card(null, list)];
}
