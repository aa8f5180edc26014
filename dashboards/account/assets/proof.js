// Giving a second factor: code, passkey or recovery code, one shown and the others a button away. Signing in and the step-up
// share it.

import { h } from "../dom.js?v=1";
import { field, form } from "./form.js?v=1";
import { action } from "./parts.js?v=1";
import * as passkey from "./passkey.js?v=1";

const WAYS = {
  passkey: { offer: "Use a passkey" },
  totp: { offer: "Use a code of the authenticator" },
  recovery_code: { offer: "Use a recovery code" },
  password: { offer: "Use the password" },
};

const FIELDS = {
  totp: () => field({ name: "totp", label: "Code of the authenticator", inputmode: "numeric", autocomplete: "one-time-code", maxlength: "12",
    hint: "Six digits. Each is good once: if it was used a moment ago, wait for the next." }),
  recovery_code: () => field({ name: "recovery_code", label: "Recovery code", autocomplete: "off", hint: "Each is good once." }),
  password: () => field({ name: "password", label: "Password", type: "password", autocomplete: "current-password" }),
};

/** Asks for one of `ways`; `give(proof)` has to pass it on, and may be refused. `quiet` stands beside the button. */
export function proof(ways, submit, give, quiet) {
  const possible = ways.filter((way) => way !== "passkey" || passkey.isPossible());
  const place = h("div", { class: "proof" });
  const show = (way, isChange) => {
    const others = possible.filter((other) => other !== way).map((other) => action(WAYS[other].offer, () => show(other, true), { kind: "quiet" }));
    place.replaceChildren(way === "passkey" ? byPasskey(submit, give, quiet) : byText(way, submit, give, quiet),
      ...(others.length ? [h("div", { class: "other-ways" }, ...others)] : []));
    if (isChange) place.querySelector("input, .primary")?.focus();
  };
  if (possible.length) show(possible.includes("totp") ? "totp" : possible[0]);
  else place.append(h("p", {}, "This account has only passkeys, and this browser has none for this address. Passkeys need TLS."));
  return place;
}

const byText = (way, submit, give, quiet) =>
  form({ parts: [FIELDS[way]()], submit, quiet, act: (values) => give({ [way]: values[way].trim() }) });

const byPasskey = (submit, give, quiet) =>
  form({ parts: [h("p", { class: "soft" }, "Your device will ask for your finger, face or PIN.")], submit: "Use a passkey", quiet,
    act: async () => give({ passkey: await passkey.use() }) });
