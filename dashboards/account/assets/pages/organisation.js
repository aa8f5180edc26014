// An organisation's settings.

import { h } from "../../dom.js?v=1";
import { at, call } from "../api.js?v=1";
import { field, form, tick } from "../form.js?v=1";
import { forgetOrganisations } from "../frame.js?v=1";
import { card, day, heading, tell } from "../parts.js?v=1";
import { permissions } from "../session.js?v=1";

export async function page({ own, organisation, again }) {
  const path = at("organisations", organisation);
  const { content, tag } = await call("GET", path);
  const mayWrite = permissions(own, organisation).has("organisation.write");
  const change = async (values) => {
    await call("PATCH", path, { body: values, match: tag });
    forgetOrganisations();
    tell("Saved.");
    await again();
  };
  const settings = form({
    parts: [
      field({ name: "name", label: "Name", value: content.name, maxlength: "100" }),
      tick({ name: "factor_required", label: "Members have to give a second factor", checked: content.factor_required,
        hint: "Who has none is asked to set one up before they see anything of the organisation. That includes you." }),
    ],
    submit: "Save",
    act: change,
  });
  const shown = h("dl", { class: "facts" }, h("dt", {}, "Second factor"), h("dd", {}, content.factor_required ? "Required of all members" : "Not required"));
  return [
    heading(content.name, h("span", {}, "Since ", day(content.created_at))),
    card("Settings", mayWrite ? settings : shown),
  ];
}
