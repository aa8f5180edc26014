// Confirming a new address by the link that went to it.

import { h } from "../../dom.js?v=1";
import { callOpenly } from "../api.js?v=1";
import { entry, incomplete } from "../entry.js?v=1";
import { form } from "../form.js?v=1";
import { secretOfLink } from "../secret.js?v=1";
import { forget } from "../session.js?v=1";

export function page() {
  const secret = secretOfLink();
  if (!secret) return incomplete("Open the whole link of the mail, or ask for the change once more in your profile.");
  // Not at once: programs that look at links before people do must not spend it.
  const element = entry("Confirm your new address", "Your account will use the address that this link was sent to.",
    form({
      parts: [],
      submit: "Confirm the address",
      act: async () => {
        await callOpenly("/v1/email-confirmation", { secret });
        forget();
        element.fill("Your address is changed", "Sign in with it from now on.", h("p", { class: "links" }, h("a", { href: "/account" }, "Go to your account")));
        element.querySelector("h1").focus();
      },
    }));
  return element;
}
