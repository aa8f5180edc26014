// Second factors: authenticator, passkeys, recovery codes.

import { h } from "../../dom.js?v=1";
import { all, at, create, remove } from "../api.js?v=1";
import { confirm, dialog, formDialog } from "../dialog.js?v=1";
import { enrol, keepCodes } from "../enrolment.js?v=1";
import { field } from "../form.js?v=1";
import { action, card, day, heading, later, nothing, row, rows, tell, time } from "../parts.js?v=1";
import * as passkey from "../passkey.js?v=1";
import { forget } from "../session.js?v=1";

export function page() {
  const lists = later(async () => {
    const { items } = await all("/v1/account/factors");
    const of = (kind) => items.filter((factor) => factor.kind === kind);
    return [authenticator(of("totp")[0], again), passkeys(of("passkey"), again), recovery(of("recovery_code"), items, again)];
  });
  const again = async (said) => {
    forget();
    if (said) tell(said);
    await lists.again();
  };
  return [heading("Sign-in and factors", "A second factor keeps others out even when they know your password."), lists];
}

const facts = (factor) => [["Since ", day(factor.created_at), ...(factor.last_used_at ? [", last used ", time(factor.last_used_at)] : [])]];

function authenticator(factor, again) {
  const add = async () => {
    await enrol();
    await again("The authenticator is on.");
  };
  const drop = () => confirm("Switch the authenticator off?", "Its codes stop working.", {
    submit: "Switch it off",
    act: async () => {
      await remove("/v1/account/factors/totp");
      await again("The authenticator is off.");
    },
  });
  return card("Authenticator", factor
    ? rows([row({ title: factor.name, badges: ["On"], facts: facts(factor).filter(() => factor.created_at), actions: [action("Switch off", drop, { name: "Switch off the authenticator" })] })], "Authenticator")
    : nothing("Off", "An app on your phone shows six digits that change every half minute.", action("Set up an authenticator", add, { kind: "primary" })));
}

function passkeys(keys, again) {
  const add = async () => {
    const { name, options } = await formDialog("Add a passkey", "Your device keeps it, and asks for your finger, face or PIN.", {
      parts: [field({ name: "name", label: "What to call it", value: "My device", maxlength: "100", hint: "So that you know it again, as “laptop”." })],
      submit: "Go on",
      act: async ({ name }) => ({ name, ...(await create("/v1/account/passkeys/options")) }),
    });
    await create("/v1/account/passkeys", { name, ...(await passkey.make(options)) });
    await again("The passkey is added.");
  };
  const drop = (key) => confirm(`Remove the passkey “${key.name}”?`, "Remove it from your device as well, or it will go on offering it.", {
    submit: "Remove it",
    act: async () => {
      await remove(at("account", "passkeys", key.id));
      await again("The passkey is removed.");
    },
  });
  const button = passkey.isPossible()
    ? action("Add a passkey", add)
    : h("p", { class: "soft small" }, "This browser has passkeys only over TLS or on localhost.");
  const items = keys.map((key) => row({ title: key.name, facts: facts(key), actions: [action("Remove", () => drop(key), { name: `Remove the passkey ${key.name}` })] }));
  return card("Passkeys", items.length
    ? h("div", {}, rows(items, "Passkeys"), h("div", { class: "form-actions" }, button))
    : nothing("None", "Sign in without a password, proof against phishing.", button));
}

function recovery(codes, factors, again) {
  const renew = async () => {
    await confirm("Make new recovery codes?", "The old ones stop working.", {
      submit: "Make new codes",
      danger: false,
      act: async () => create("/v1/account/factors/recovery-codes"),
    }).then(({ codes }) => dialog("Your recovery codes", (close) => keepCodes(codes, close), { mayLeave: true }));
    await again("The new codes are in force.");
  };
  const made = action(codes.length ? "Make new codes" : "Make recovery codes", renew);
  if (codes.length) return card("Recovery codes", rows([row({ title: "Recovery codes", facts: [codes[0].name], actions: [made] })], "Recovery codes"));
  return card("Recovery codes", factors.length
    ? nothing("None", "They let you in when the authenticator is lost.", made)
    : nothing("None yet", "They come with a second factor, for the day when it is lost."));
}
