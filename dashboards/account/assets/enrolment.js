// Setting up an authenticator: QR code, a first code, recovery codes.

import { h } from "../dom.js?v=1";
import { create } from "./api.js?v=1";
import { cancel, dialog } from "./dialog.js?v=1";
import { field, form } from "./form.js?v=1";
import { copyable } from "./parts.js?v=1";

/** Resolves when the authenticator is on and its recovery codes were shown. */
export async function enrol() {
  const begun = await create("/v1/account/factors/totp");
  const { codes } = await dialog("Set up an authenticator", (close) => [
    h("p", { class: "soft" }, "Scan this with an authenticator app, then type the six digits that it shows."),
    h("img", { class: "qr", alt: "QR code for the authenticator; the same is below for typing", src: `data:image/svg+xml,${encodeURIComponent(begun.qr_svg)}` }),
    h("details", {}, h("summary", {}, "Type it instead"), copyable(begun.secret)),
    form({
      parts: [field({ name: "code", label: "Code of the authenticator", inputmode: "numeric", autocomplete: "one-time-code", maxlength: "12" })],
      submit: "Switch it on",
      quiet: cancel(),
      act: async ({ code }) => close(await create("/v1/account/factors/totp/confirmation", { code: code.trim() })),
    }),
  ]);
  await dialog("Your recovery codes", (close) => keepCodes(codes, close), { mayLeave: true });
}

/** The content of a dialog that shows recovery codes. */
export function keepCodes(codes, close) {
  return [
    h("p", { class: "soft" }, "Keep them where you find them without your telephone. Each lets you in once; they are not shown again."),
    copyable(codes.join("\n")),
    h("div", { class: "form-actions" }, h("button", { type: "button", class: "primary", onclick: () => close() }, "I have kept them")),
  ];
}
