// The projects of an organisation.

import { h } from "../../dom.js?v=1";
import { at, call, creations } from "../api.js?v=1";
import { formDialog } from "../dialog.js?v=1";
import { projectField } from "../fields.js?v=1";
import { field } from "../form.js?v=1";
import { action, card, day, heading, later, nothing, row, rows, tell } from "../parts.js?v=1";
import { permissions, projectsOf } from "../session.js?v=1";

export function page({ own, organisation }) {
  const may = permissions(own, organisation);
  const keys = `/account/organisations/${encodeURIComponent(organisation)}/keys`;
  const list = later(async () => {
    const items = await projectsOf(own, organisation);
    if (!items.length) return nothing("No projects yet", "A project holds the activity of one app.");
    return rows(items.map((project) => row({
      title: project.name,
      badges: [project.id],
      facts: [["Since ", day(project.created_at)]],
      actions: [may.has("projects.write") && action("Rename", () => rename(project), { name: `Rename ${project.name}` }), h("a", { class: "plain", href: `${keys}?${new URLSearchParams({ project: project.id })}`, "aria-label": `Keys of ${project.name}` }, "Keys")],
    })), "Projects");
  });
  const rename = async (project) => {
    const path = at("projects", project.id);
    const { tag } = await call("GET", path);
    await formDialog(`Rename ${project.name}`, `Its id stays ${project.id}.`, {
      parts: [field({ name: "name", label: "Name", value: project.name, maxlength: "100" })],
      submit: "Rename it",
      act: (body) => call("PATCH", path, { body, match: tag }),
    });
    tell("The project is renamed.");
    await list.again();
  };
  const add = async () => {
    const make = creations(at("organisations", organisation, "projects"));
    const made = await formDialog("New project", "It begins empty, with keys of its own.", {
      parts: [
        field({ name: "name", label: "Name", maxlength: "100" }),
        projectField({ name: "id", hint: "As “shop”. It stands in tables and addresses, and stays." }),
      ],
      submit: "Make the project",
      act: ({ name, id }) => make({ name, id }),
    });
    tell(`The project ${made.name} is made.`);
    await list.again();
  };
  const actions = may.has("projects.write") ? [action("New project", add, { kind: "primary" })] : [];
  return [heading("Projects", "Each holds the activity of one app.", ...actions), card(null, list)];
}
