// One's own account: who it is, its address, its password.

import { h } from "../../dom.js?v=1";
import { call, create } from "../api.js?v=1";
import { nameField, newPassword } from "../fields.js?v=1";
import { field, form } from "../form.js?v=1";
import { card, day, heading, tell } from "../parts.js?v=1";
import { forget } from "../session.js?v=1";
import { toldOfMail } from "../mail.js?v=1";

const fact = (name, value) => [h("dt", {}, name), h("dd", {}, value)];

export function page({ own, again }) {
  return [
    heading("Profile", "Who you are here."),
    card("Account", h("dl", { class: "facts" }, ...fact("Name", own.name), ...fact("E-mail address", own.email), ...fact("Since", day(own.created_at)),
      ...fact("Second factor", own.has_factor ? "On" : h("a", { href: "/account/security" }, "Off: set one up")))),
    card("Change your name", nameForm(own, again)),
    card("Change the e-mail address", emailForm(again)),
    card("Change the password", passwordForm(again)),
  ];
}

const present = (name) => field({ name, label: "Present password", type: "password", autocomplete: "current-password" });

const nameForm = (own, again) =>
  form({
    parts: [nameField({ value: own.name })],
    submit: "Change the name",
    act: async ({ name }) => {
      await call("PUT", "/v1/account/name", { body: { name } });
      forget();
      tell("The name is changed.");
      await again();
    },
  });

const emailForm = (again) =>
  form({
    parts: [field({ name: "email", label: "New e-mail address", type: "email", autocomplete: "email" }), present("password")],
    submit: "Send a link to it",
    act: async ({ email, password }) => {
      await create("/v1/account/email", { email, password });
      tell(await toldOfMail(`A link is on its way to ${email}. The address changes when it is opened.`, email));
      await again();
    },
  });

const passwordForm = (again) =>
  form({
    parts: [present("present_password"), newPassword()],
    submit: "Change the password",
    act: async ({ present_password, password }) => {
      await create("/v1/account/password", { present_password, password });
      tell("The password is changed, and your other sessions have ended.");
      await again();
    },
  });
