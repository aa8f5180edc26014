// The dialog that makes a key.

import { at, create } from "./api.js?v=1";
import { formDialog } from "./dialog.js?v=1";
import { endOf, lifeField, scopesField } from "./fields.js?v=1";
import { field } from "./form.js?v=1";
import { permissions } from "./session.js?v=1";

const KINDS = [
  ["write", "Write: sends activity; may be public"],
  ["read", "Read: asks questions"],
  ["client", "Client: evaluates flags in an app; may be public"],
  ["service", "Service: a program, with the permissions you tick"],
];
const WHOLE = "*";

/** Resolves with the new key; its text is shown once. */
export function newKey(own, organisation, projects, chosen) {
  const places = projects.filter(({ id }) => permissions(own, organisation, id).has("keys.write")).map(({ id, name }) => [id, name]);
  if (permissions(own, organisation).has("keys.write")) places.push([WHOLE, "The organisation and all its projects (service keys)"]);
  const kind = field({ name: "kind", label: "What it is for", options: KINDS, value: "write" });
  const project = field({ name: "project", label: "Where", options: places, value: chosen || places[0]?.[0] });
  const scopes = scopesField(permissions(own, organisation, places[0]?.[0]));
  const adapt = () => {
    if (project.read() === WHOLE) kind.control.value = "service";
    kind.control.disabled = project.read() === WHOLE;
    scopes.element.hidden = kind.control.value !== "service";
  };
  for (const { control } of [kind, project]) control.addEventListener("change", adapt);
  adapt();
  return formDialog("New key", "Its text is shown once.", {
    parts: [field({ name: "name", label: "Name", maxlength: "100", hint: "So that you know it again, as “website”." }), project, kind, lifeField("none"), scopes],
    submit: "Make the key",
    act: (values) => create(...request(organisation, values)),
  });
}

function request(organisation, { name, project, kind, days, scopes }) {
  const draft = { name, expires_at: endOf(days) };
  if (project === WHOLE) return [at("organisations", organisation, "keys"), { ...draft, scopes }];
  return [at("projects", project, "keys"), { ...draft, kind, ...(kind === "service" && { scopes }) }];
}
