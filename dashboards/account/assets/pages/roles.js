// Roles: the built-in ones, and custom ones with their permissions, rows and masks.

import { h } from "../../dom.js?v=1";
import { all, at, call, creations, remove } from "../api.js?v=1";
import { confirm } from "../dialog.js?v=1";
import { action, card, heading, later, row, rows, tell } from "../parts.js?v=1";
import { editRole, rowsInWords } from "../role_editor.js?v=1";
import { permissions } from "../session.js?v=1";

/** The built-in roles, the mightiest first. */
const BUILT_IN = {
  owner: "Everything, including removing the organisation.",
  admin: "Everything but removing the organisation and its projects.",
  analyst: "Asks questions, builds dashboards, exports.",
  experimenter: "An analyst who runs experiments and flags, and does not export.",
  developer: "Builds the app: keys, flags, quarantine, content.",
  viewer: "Looks, and changes nothing.",
};
const RANKS = Object.keys(BUILT_IN);

export function page({ own, organisation }) {
  const path = at("organisations", organisation, "roles");
  const held = permissions(own, organisation);
  const mayWrite = held.has("roles.write");
  const list = later(async () => {
    const { items } = await all(path);
    const custom = items.filter((role) => !role.is_built_in);
    const builtIn = items.filter((role) => role.is_built_in).sort((a, b) => RANKS.indexOf(a.id) - RANKS.indexOf(b.id));
    return [
      custom.length ? card("Custom roles", rows(custom.map(shown), "Custom roles")) : null,
      card("Built-in roles", rows(builtIn.map(shown), "Built-in roles")),
    ];
  });
  const add = async () => {
    await editRole("New role", { held, submit: "Make the role", act: creations(path) });
    tell("The role is made.");
    await list.again();
  };
  const change = async ({ id }) => {
    const { content, tag } = await call("GET", `${path}/${encodeURIComponent(id)}`);
    const act = (body) => call("PUT", `${path}/${encodeURIComponent(id)}`, { body, match: tag });
    await editRole(`Change “${content.name}”`, { role: content, held, submit: "Save", act });
    tell("The role is changed, and in force for all who hold it.");
    await list.again();
  };
  const drop = ({ id, name }) => confirm(`Remove the role “${name}”?`, "That works only while nobody holds it.", {
    submit: "Remove it",
    act: async () => {
      const { tag } = await call("GET", `${path}/${encodeURIComponent(id)}`);
      await remove(`${path}/${encodeURIComponent(id)}`, tag);
      tell("The role is removed.");
      await list.again();
    },
  });
  const shown = (role) => row({
    title: role.name,
    badges: [role.permissions.length === 1 ? "1 permission" : `${role.permissions.length} permissions`],
    facts: [role.is_built_in ? BUILT_IN[role.id] : null, role.rows === "everything" ? null : rowsInWords(role.rows), role.masks.length ? `Hides ${role.masks.join(", ")}` : null],
    more: h("details", {}, h("summary", {}, "What it may do"), h("p", { class: "codes" }, ...role.permissions.map((name) => h("code", {}, name)))),
    actions: mayWrite && !role.is_built_in
      ? [action("Change", () => change(role), { name: `Change the role ${role.name}` }), action("Remove", () => drop(role), { name: `Remove the role ${role.name}` })]
      : [],
  });
  const actions = mayWrite ? [action("New role", add, { kind: "primary" })] : [];
  return [heading("Roles", "What members may do and see.", ...actions), list];
}
