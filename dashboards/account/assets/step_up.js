// The step-up: dangerous acts ask once more for a second factor, or for the password where there is none.

import { h } from "../dom.js?v=1";
import { create, read } from "./api.js?v=1";
import { cancel, dialog } from "./dialog.js?v=1";
import { proof } from "./proof.js?v=1";

let open;

/** Resolves when the session has been confirmed; several acts at once share one dialog. */
export function stepUp() {
  open ??= ask().finally(() => (open = undefined));
  return open;
}

async function ask() {
  const { items } = await read("/v1/account/factors");
  const ways = items.length ? [...new Set(items.map((factor) => factor.kind))] : ["password"];
  await dialog("Confirm that it is you", (close) => [
    h("p", { class: "soft" }, "What you are about to do reaches far. For the next ten minutes you will not be asked again."),
    proof(ways, "Confirm", async (given) => close(await create("/v1/account/step-up", given)), cancel()),
  ]);
}
