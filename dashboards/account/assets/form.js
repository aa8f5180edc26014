// Forms: labelled fields, a busy button, and refusals shown where they belong.

import { h } from "../dom.js?v=1";
import { Cancelled } from "./api.js?v=1";

let fields = 0;

/** A labelled control. `options` makes it a select, `lines` a text area;
 * `plain` says nothing of its being optional, `wrong` says what does not fit its pattern. */
export function field({ name, label, hint, type = "text", options, lines, value, required = true, plain, wrong, ...more }) {
  const id = `field-${++fields}`;
  const attributes = { id, name, required, "aria-describedby": hint ? `${id}-hint ${id}-fault` : `${id}-fault`, ...more };
  const control = options ? select(attributes, options, value) : lines ? area(attributes, lines, value) : input(attributes, type, value);
  const optional = required || plain ? null : h("span", { class: "soft" }, " (optional)");
  const element = h("div", { class: "labelled", "data-field": name },
    h("label", { for: id }, label, optional),
    hint ? h("p", { class: "hint", id: `${id}-hint` }, hint) : null,
    type === "password" ? h("div", { class: "with-button" }, control, showButton(control)) : control,
    h("p", { class: "fault", id: `${id}-fault`, hidden: true }));
  return { name, element, control, wrong, read: () => control.value };
}

const input = (attributes, type, value) => h("input", { ...attributes, type, value, spellcheck: "false", autocapitalize: "off" });
const area = (attributes, lines, value) => h("textarea", { ...attributes, rows: lines, spellcheck: "false" }, value ?? "");

function select(attributes, options, value) {
  return h("select", attributes, ...options.map(([key, text]) => h("option", { value: key, selected: key === value }, text)));
}

function showButton(control) {
  const button = h("button", { type: "button", class: "quiet", "aria-label": "Show the password" }, "Show");
  button.addEventListener("click", () => {
    const isShown = control.type === "text";
    control.type = isShown ? "password" : "text";
    button.textContent = isShown ? "Show" : "Hide";
    button.setAttribute("aria-label", `${button.textContent} the password`);
  });
  return button;
}

/** A group of check boxes; reads as the list of those chosen. */
export function choices({ name, label, hint, options, chosen = [] }) {
  const id = `field-${++fields}`;
  const boxes = options.map((option) => h("input", { type: "checkbox", value: option, checked: chosen.includes(option) }));
  const element = h("fieldset", { class: "labelled choices", "data-field": name, "aria-describedby": `${id}-fault` },
    h("legend", {}, label),
    hint ? h("p", { class: "hint" }, hint) : null,
    h("div", { class: "choice-grid" }, ...boxes.map((box) => h("label", { class: "choice" }, box, h("code", {}, box.value)))),
    h("p", { class: "fault", id: `${id}-fault`, hidden: true }));
  return { name, element, control: boxes[0], read: () => boxes.filter((box) => box.checked).map((box) => box.value) };
}

/** One check box. */
export function tick({ name, label, hint, checked = false }) {
  const id = `field-${++fields}`;
  const control = h("input", { type: "checkbox", id, name, checked, "aria-describedby": `${id}-fault` });
  const element = h("div", { class: "labelled", "data-field": name },
    h("label", { class: "choice", for: id }, control, label),
    hint ? h("p", { class: "hint" }, hint) : null,
    h("p", { class: "fault", id: `${id}-fault`, hidden: true }));
  return { name, element, control, read: () => control.checked };
}

/**
 * A form of `parts` (fields, or elements between them). `act(values)` does the work; what it is refused is shown. `aliases`
 * says which field a name of the API means, where they differ.
 */
export function form({ parts, submit, act, aliases = {}, quiet, danger }) {
  const inputs = parts.filter((part) => part?.read);
  const summary = h("div", { class: "refusal", role: "alert", tabindex: "-1", hidden: true });
  const button = h("button", { class: danger ? "primary danger" : "primary", type: "submit" }, submit);
  const element = h("form", { novalidate: true, class: "stacked" }, summary,
    ...parts.map((part) => part?.element ?? part), h("div", { class: "form-actions" }, button, quiet));
  element.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (isBusy(button)) return;
    clear(element, summary);
    if (!checkFilled(inputs)) return;
    const values = Object.fromEntries(inputs.map((part) => [part.name, part.read()]));
    busy(button, true);
    try {
      await act(values, element);
    } catch (refused) {
      if (!(refused instanceof Cancelled)) show(refused, { inputs, summary, aliases });
    } finally {
      busy(button, false);
    }
  });
  return element;
}

/** Not `disabled`: that would take the focus away. */
export function busy(button, isBusy) {
  button.setAttribute("aria-busy", String(isBusy));
  button.setAttribute("aria-disabled", String(isBusy));
}

export const isBusy = (button) => button.getAttribute("aria-busy") === "true";

function clear(element, summary) {
  summary.hidden = true;
  summary.replaceChildren();
  for (const fault of element.querySelectorAll(".labelled > .fault")) fault.hidden = true;
  for (const control of element.querySelectorAll("[aria-invalid]")) control.removeAttribute("aria-invalid");
}

function checkFilled(inputs) {
  const empty = inputs.filter(({ control }) => control?.required && !control.value.trim());
  const wrong = inputs.filter(({ control }) => control?.validity.typeMismatch || control?.validity.patternMismatch);
  for (const part of empty) mark(part, "Fill this in.");
  for (const part of wrong) mark(part, part.wrong ?? "Enter an e-mail address, like name@example.org.");
  const first = inputs.find((part) => empty.includes(part) || wrong.includes(part));
  first?.control.focus();
  return !first;
}

function mark({ element, control }, text) {
  const fault = element.querySelector(":scope > .fault");
  fault.hidden = false;
  fault.textContent = text;
  control?.setAttribute("aria-invalid", "true");
}

const sentence = (text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?…]$/.test(text) ? "" : "."}`;

/** Puts each fault at its field, and the rest at the top. */
function show(refused, { inputs, summary, aliases }) {
  const marked = [];
  const rest = [];
  for (const { pointer, detail } of refused.errors ?? []) {
    const name = pointer.split("/")[1] ?? "";
    const part = inputs.find((input) => input.name === (aliases[name] ?? name));
    if (part) {
      mark(part, sentence(detail));
      marked.push(part);
    } else rest.push(sentence(detail));
  }
  if (marked.length && !rest.length) return marked[0].control?.focus();
  summary.replaceChildren(...refusal(refused, rest));
  summary.hidden = false;
  summary.focus();
}

/** A refusal in words. */
export function refusal(refused, rest = []) {
  const wait = refused.retryAfter ? `Try again in ${refused.retryAfter} s.` : undefined;
  const isOurs = refused.status !== undefined;
  return [
    h("p", {}, isOurs ? refused.message : "Something went wrong in this page. Load it again."),
    wait && h("p", {}, wait),
    rest.length ? h("ul", {}, ...rest.map((text) => h("li", {}, text))) : undefined,
    refused.code === "factor_required" ? h("p", {}, h("a", { href: "/account/security" }, "Set up a second factor")) : undefined,
    refused.status >= 500 && refused.requestId ? h("p", { class: "small" }, "Request ", h("code", {}, refused.requestId)) : undefined,
  ].filter(Boolean);
}
