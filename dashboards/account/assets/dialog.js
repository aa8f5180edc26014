// Dialogs: asking before something cannot be undone, and showing once what is shown once.

import { h } from "../dom.js?v=1";
import { Cancelled } from "./api.js?v=1";
import { form } from "./form.js?v=1";
import { copyable } from "./parts.js?v=1";

let dialogs = 0;

/**
 * Opens a dialog; `fill(close, fail)` gives its content. Resolves with what `close` is given; closing it otherwise is
 * `Cancelled`, unless `mayLeave` says that there is nothing to cancel.
 */
export function dialog(title, fill, { mayLeave = false } = {}) {
  const id = `dialog-${++dialogs}`;
  return new Promise((resolve, reject) => {
    const heading = h("h2", { id }, title);
    const element = h("dialog", { "aria-labelledby": id }, h("div", { class: "dialog-body" }, heading));
    const opener = document.activeElement;
    let settle = () => (mayLeave ? resolve() : reject(new Cancelled()));
    const close = (value) => {
      settle = () => resolve(value);
      element.close();
    };
    const fail = (fault) => {
      settle = () => reject(fault);
      element.close();
    };
    element.addEventListener("close", () => {
      element.remove();
      if (opener?.isConnected) opener.focus();
      settle();
    });
    element.firstChild.append(...[fill(close, fail)].flat());
    document.body.append(element);
    element.showModal();
    element.querySelector("input, select, textarea, .dialog-body .primary")?.focus();
  });
}

export const cancel = () => h("button", { type: "button", class: "quiet", onclick: (event) => event.target.closest("dialog").close() }, "Cancel");

/** Asks, then acts; a refusal is shown in the dialog. */
export function confirm(title, text, { submit, act, danger = true }) {
  return dialog(title, (close) => [
    h("p", { class: "soft" }, text),
    form({ parts: [], submit, danger, quiet: cancel(), act: async () => close(await act()) }),
  ]);
}

/** A form in a dialog. */
export function formDialog(title, about, { act, ...rest }) {
  return dialog(title, (close) => [
    about ? h("p", { class: "soft" }, about) : null,
    form({ ...rest, quiet: cancel(), act: async (values) => close(await act(values)) }),
  ].filter(Boolean));
}

/** Shows a text that cannot be had again. */
export function showOnce(title, about, text) {
  return dialog(title, (close) => [
    h("p", { class: "soft" }, about),
    copyable(text),
    h("div", { class: "form-actions" }, h("button", { class: "primary", type: "button", onclick: () => close() }, "I have kept it")),
  ], { mayLeave: true });
}
