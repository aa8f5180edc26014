// Accepting an invitation: one press for who has an account, name and password for who has none.

import { h } from "../../dom.js?v=1";
import { callOpenly } from "../api.js?v=1";
import { entry, incomplete } from "../entry.js?v=1";
import { nameField, newPassword } from "../fields.js?v=1";
import { form } from "../form.js?v=1";
import { secretOfLink } from "../secret.js?v=1";

export function page({ go }) {
  const secret = secretOfLink();
  if (!secret) return incomplete("Open the whole link of the mail, or ask whoever invited you to do it once more.");
  const accept = async (more) => {
    const { content } = await callOpenly("/v1/invitations/acceptance", { secret, mode: "cookie", ...more });
    if (content.status === "signed_in") return go("/app", { afresh: true });
    element.fill("You have joined", "Your account is a member now.", h("p", { class: "links" }, h("a", { href: "/app" }, "Open the application")));
    return element.querySelector("h1").focus();
  };
  const element = entry("You are invited", "Accept to join the organisation that invited you.",
    form({ parts: [], submit: "Accept the invitation", act: () => accept({}).catch((refused) => asNewcomer(refused, element, accept)) }));
  return element;
}

/** The API tells an address without an account by asking for a password. */
function asNewcomer(refused, element, accept) {
  if (!refused.errors?.some(({ pointer }) => pointer === "/password")) throw refused;
  element.fill("Make your account", "You have none yet for this address. Choose a name and a password, and you have joined.",
    form({ parts: [nameField(), newPassword()], submit: "Join", act: ({ name, password }) => accept({ name, password }) }));
  element.querySelector("input").focus();
}
