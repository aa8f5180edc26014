// Keys of programs: made, rotated, revoked.

import { all, at, create, remove } from "../api.js?v=1";
import { confirm, formDialog, showOnce } from "../dialog.js?v=1";
import { overlapField } from "../fields.js?v=1";
import { field } from "../form.js?v=1";
import { newKey } from "../key_draft.js?v=1";
import { keyRow } from "../key_row.js?v=1";
import { action, card, heading, later, nothing, rows, tell } from "../parts.js?v=1";
import { permissions, projectsOf } from "../session.js?v=1";

const pathOf = (key, organisation) => (key.project_id ? at("projects", key.project_id, "keys", key.id) : at("organisations", organisation, "keys", key.id));

/** All keys that may be seen, of the whole organisation or of the projects one has. */
async function keysOf(own, organisation, projects) {
  if (permissions(own, organisation).has("keys.read")) return (await all(at("organisations", organisation, "keys"))).items;
  const seen = projects.filter(({ id }) => permissions(own, organisation, id).has("keys.read"));
  return (await Promise.all(seen.map(({ id }) => all(at("projects", id, "keys"))))).flatMap(({ items }) => items);
}

export async function page({ own, organisation }) {
  const projects = await projectsOf(own, organisation);
  const wanted = new URLSearchParams(location.search).get("project") ?? "";
  const chosen = field({ name: "project", label: "Project", options: [["", "All"], ...projects.map(({ id, name }) => [id, name])], value: wanted });
  const mayWrite = (project) => permissions(own, organisation, project).has("keys.write");
  const list = later(async () => {
    const project = chosen.read();
    const items = (await keysOf(own, organisation, projects)).filter((key) => !project || key.project_id === project);
    const ordered = [...items.filter((key) => !key.revoked_at), ...items.filter((key) => key.revoked_at)];
    if (!ordered.length) return nothing("No keys yet", "A write key lets your app send activity; a read key lets programs ask.");
    return rows(ordered.map((key) => keyRow(key, mayWrite(key.project_id) ? { rotate: () => rotate(key), revoke: () => revoke(key) } : {})), "Keys");
  });
  chosen.control.addEventListener("change", () => list.again());
  const add = async () => {
    const made = await newKey(own, organisation, projects, chosen.read());
    await showOnce("Your new key", "Copy it now: it is not shown again.", made.key);
    await list.again();
  };
  const rotate = async (key) => {
    const made = await formDialog(`Rotate “${key.name}”?`, "The new key has the same rights; the old one stays valid for a while.", {
      parts: [overlapField()],
      submit: "Rotate",
      act: ({ overlap }) => create(`${pathOf(key, organisation)}/rotation`, { overlap_seconds: Number(overlap) }),
    });
    await showOnce("The successor", "Copy it now: it is not shown again.", made.key);
    await list.again();
  };
  const revoke = (key) => confirm(`Revoke “${key.name}”?`, "Programs that use it stop working at once. This cannot be undone.", {
    submit: "Revoke it",
    act: async () => {
      await remove(pathOf(key, organisation));
      tell("The key is revoked.");
      await list.again();
    },
  });
  const mayAdd = mayWrite() || projects.some(({ id }) => mayWrite(id));
  return [
    heading("Keys", "What programs use instead of a password.", ...(mayAdd ? [action("New key", add, { kind: "primary" })] : [])),
    card(null, ...(projects.length > 1 ? [chosen.element] : []), list),
  ];
}
