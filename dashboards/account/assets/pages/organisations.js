// The organisations one belongs to; making one, leaving one.

import { h } from "../../dom.js?v=1";
import { all, at, creations, remove } from "../api.js?v=1";
import { confirm, formDialog } from "../dialog.js?v=1";
import { field } from "../form.js?v=1";
import { forgetOrganisations } from "../frame.js?v=1";
import { action, card, day, heading, later, nothing, row, rows, tell } from "../parts.js?v=1";
import { forget } from "../session.js?v=1";

export function page({ go, again }) {
  const anew = async (said) => {
    forget();
    forgetOrganisations();
    tell(said);
    await again();
  };
  const leave = (organisation) => confirm(`Leave ${organisation.name}?`, "You lose what you may do there. Whoever manages its members can invite you again.", {
    submit: "Leave",
    act: async () => {
      await remove(at("organisations", organisation.id, "membership"));
      await anew(`You have left ${organisation.name}.`);
    },
  });
  const add = async () => {
    const make = creations("/v1/organisations");
    const made = await formDialog("New organisation", "You will be its owner.", {
      parts: [field({ name: "name", label: "Name", maxlength: "100", autocomplete: "organization" })],
      submit: "Make it",
      act: ({ name }) => make({ name }),
    });
    forget();
    forgetOrganisations();
    await go(`/account/organisations/${encodeURIComponent(made.id)}/projects`);
  };
  const list = later(async () => {
    const { items } = await all("/v1/organisations");
    if (!items.length) return nothing("None yet", "Make one of your own, or ask somebody to invite you.");
    return rows(items.map((organisation) => row({
      title: h("a", { href: `/account/organisations/${encodeURIComponent(organisation.id)}` }, organisation.name),
      badges: [organisation.factor_required && "Second factor required"],
      facts: [["Since ", day(organisation.created_at)]],
      actions: [action("Leave", () => leave(organisation), { name: `Leave ${organisation.name}` })],
    })), "Organisations");
  });
  return [heading("Organisations", "Organisations own projects and have members.", action("New organisation", add)), card(null, list)];
}
