// A forgotten password: ask for a link, and by the link choose a new one.

import { h } from "../../dom.js?v=1";
import { callOpenly } from "../api.js?v=1";
import { entry } from "../entry.js?v=1";
import { newPassword } from "../fields.js?v=1";
import { field, form } from "../form.js?v=1";
import { mailsAreFiles, toldOfMail } from "../mail.js?v=1";
import { secretOfLink } from "../secret.js?v=1";

const signIn = (text) => h("p", { class: "links" }, h("a", { href: "/account/sign-in" }, text));

export function page() {
  const secret = secretOfLink();
  return secret ? choose(secret) : ask();
}

function ask() {
  const element = entry("Forgotten your password?", "Tell us your address, and a link to choose a new one goes there.",
    form({
      parts: [field({ name: "email", label: "E-mail address", type: "email", autocomplete: "username", autofocus: true })],
      submit: "Send the link",
      act: async ({ email }) => {
        await callOpenly("/v1/password/reset-request", { email });
        const isFile = await mailsAreFiles();
        const told = await toldOfMail(`If ${email} has an account, a link is on its way. It is good for an hour.`, email);
        element.fill(isFile ? "The link lies on the server" : "Look into your mailbox", isFile ? `${told} There is one if ${email} has an account; it is good for an hour.` : told, signIn("Back to signing in"));
        element.querySelector("h1").focus();
      },
    }),
    signIn("Back to signing in"));
  return element;
}

function choose(secret) {
  const element = entry("Choose a new password", "All sessions of your account end with it.",
    form({
      parts: [newPassword({ autofocus: true })],
      submit: "Set the password",
      act: async ({ password }) => {
        await callOpenly("/v1/password/reset", { secret, password });
        element.fill("Your password is changed", "Sign in with the new one; a second factor is still asked for.", signIn("Sign in"));
        element.querySelector("h1").focus();
      },
    }));
  return element;
}
