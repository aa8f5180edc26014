// A new account: first the address, then, by the link that went to it, name and password.

import { h } from "../../dom.js?v=1";
import { callOpenly } from "../api.js?v=1";
import { entry } from "../entry.js?v=1";
import { field, form } from "../form.js?v=1";
import { nameField, newPassword } from "../fields.js?v=1";
import { mailsAreFiles, toldOfMail } from "../mail.js?v=1";
import { secretOfLink } from "../secret.js?v=1";

export function page({ go }) {
  const secret = secretOfLink();
  return secret ? confirm(secret, go) : ask();
}

function ask() {
  const element = entry("Make an account", "A link goes to your address; with it you choose your password.",
    form({
      parts: [field({ name: "email", label: "E-mail address", type: "email", autocomplete: "email", autofocus: true })],
      submit: "Send the link",
      act: async ({ email }) => {
        await callOpenly("/v1/sign-up", { email });
        const isFile = await mailsAreFiles();
        element.fill(isFile ? "The link lies on the server" : "Look into your mailbox", await toldOfMail(`We have written to ${email}. The link in the mail is good for a day.`, email));
        element.querySelector("h1").focus();
      },
    }),
    h("p", { class: "links" }, h("a", { href: "/account/sign-in" }, "You have an account? Sign in")));
  return element;
}

function confirm(secret, go) {
  return entry("Choose a name and a password", "Your address is confirmed. This makes your account and signs you in.",
    form({
      parts: [nameField({ autofocus: true }), newPassword()],
      submit: "Make the account",
      act: async ({ name, password }) => {
        await callOpenly("/v1/sign-up/confirmation", { secret, name, password, mode: "cookie" });
        return go("/account", { afresh: true });
      },
    }));
}
