// The first owner of an empty installation: the account, its organisation and first project, then where to go on.

import { h } from "../../dom.js?v=1";
import { callOpenly } from "../api.js?v=1";
import { entry, incomplete } from "../entry.js?v=1";
import { nameField, newPassword, projectField } from "../fields.js?v=1";
import { field, form } from "../form.js?v=1";
import { secretOfLink } from "../secret.js?v=1";
import { account, forget } from "../session.js?v=1";

export function page() {
  const secret = secretOfLink();
  if (!secret) return incomplete("Take the whole link that Footfall printed when it started; with a new start it prints a new one.");
  const element = entry("Welcome to Footfall", "You are the first here. Make your account, and name what you will look at.",
    form({
      parts: [
        h("h2", { class: "part" }, "You"),
        field({ name: "email", label: "E-mail address", type: "email", autocomplete: "username", autofocus: true }),
        nameField(),
        newPassword(),
        h("h2", { class: "part" }, "Your app"),
        field({ name: "organisation", label: "Organisation", autocomplete: "organization", maxlength: "100", hint: "Who owns the projects, as your company." }),
        projectField({ name: "project", label: "First project", value: "default",
          hint: "Its id stays. Activity that came before you is in “default”; choose another, as “shop”, to begin apart." }),
      ],
      submit: "Make the account",
      aliases: { id: "project" },
      act: async (values) => {
        await callOpenly("/v1/first-owner", { secret, ...values, mode: "cookie" });
        forget();
        await signedIn(element, values);
      },
    }));
  return element;
}

async function signedIn(element, { project }) {
  const own = await account();
  const organisation = encodeURIComponent(own.grants[0]?.organisation_id ?? "");
  const step = (href, title, text) => h("li", {}, h("a", { href }, title), h("p", { class: "soft small" }, text));
  element.fill(`Welcome, ${own.name}`, `You are signed in as ${own.email}, and own everything here.`,
    h("ol", { class: "steps" },
      step("/account/security", "Set up a second factor", "An authenticator or a passkey: the owner's account is worth it."),
      step(`/account/organisations/${organisation}/keys`, "Make a write key", `Your app sends its activity to “${project}” with it.`),
      step(`/account/organisations/${organisation}/members`, "Invite others", "Each with the role they need."),
      step(`/app/${encodeURIComponent(project)}/live`, "Watch it arrive", "The application shows activity within a second; insights, dashboards and the rest are beside it.")));
  element.querySelector("h1").focus();
}
