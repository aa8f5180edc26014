// Signing in: address and password, then the second factor where there is one; or by passkey alone.

import { h } from "../../dom.js?v=1";
import { callOpenly } from "../api.js?v=1";
import { field, form } from "../form.js?v=1";
import { entry } from "../entry.js?v=1";
import { action } from "../parts.js?v=1";
import * as passkey from "../passkey.js?v=1";
import { proof } from "../proof.js?v=1";

const HOME = "/app";

/** Where to go on, if that is a page of ours. */
function next() {
  const wanted = new URLSearchParams(location.search).get("next") ?? HOME;
  const target = new URL(wanted, location.origin);
  return target.origin === location.origin && /^\/((account|app)(\/|$)|$)/.test(target.pathname) ? target.pathname + target.search : HOME;
}

export function page({ go }) {
  const done = () => go(next(), { afresh: true });
  const element = entry("Sign in", "");
  byPassword(element, done);
  return element;
}

function byPassword(element, done) {
  const usePasskey = async () => {
    await callOpenly("/v1/sign-in/passkey", { passkey: await passkey.use(), mode: "cookie" });
    return done();
  };
  element.fill("Sign in", "",
    form({
      parts: [
        field({ name: "email", label: "E-mail address", type: "email", autocomplete: "username webauthn", autofocus: true }),
        field({ name: "password", label: "Password", type: "password", autocomplete: "current-password" }),
      ],
      submit: "Sign in",
      act: async ({ email, password }) => {
        const { content } = await callOpenly("/v1/sign-in", { email, password, mode: "cookie" });
        return content.status === "factor_needed" ? bySecondFactor(element, content, done) : done();
      },
    }),
    passkey.isPossible() ? h("div", { class: "or" }, action("Sign in with a passkey", usePasskey, { kind: "plain wide" })) : null,
    h("p", { class: "links" }, h("a", { href: "/account/reset-password" }, "Forgotten your password?"), h("a", { href: "/account/sign-up" }, "Make an account")));
}

function bySecondFactor(element, { challenge, factors }, done) {
  element.fill("Second factor", "The password is right. Now show that it is you.",
    proof(factors, "Sign in", async (given) => {
      await callOpenly("/v1/sign-in/factor", { challenge, proof: given, mode: "cookie" });
      return done();
    }),
    h("p", { class: "links" }, action("Begin again", () => byPassword(element, done), { kind: "quiet" })));
  element.querySelector("input, .primary")?.focus();
}
