// Pieces that pages are made of: headings, rows of a list, empty and failed lists, times, texts to copy.

import { h } from "../dom.js?v=1";
import { Cancelled } from "./api.js?v=1";
import { busy, isBusy, refusal } from "./form.js?v=1";

export const card = (title, ...content) => h("section", { class: "card" }, title ? h("h2", {}, title) : null, ...content);

export function heading(title, about, ...actions) {
  const text = h("div", {}, h("h1", { tabindex: "-1" }, title), about ? h("p", { class: "soft" }, about) : null);
  return h("div", { class: "page-head" }, text, actions.length ? h("div", { class: "page-actions" }, ...actions) : null);
}

/** A button that works for a while; refusals are told below the heading of its page. */
export function action(label, act, { kind = "plain", name } = {}) {
  const button = h("button", { type: "button", class: kind, "aria-label": name }, label);
  button.addEventListener("click", async () => {
    if (isBusy(button)) return;
    busy(button, true);
    try {
      await act();
    } catch (fault) {
      if (!(fault instanceof Cancelled)) report(fault);
    } finally {
      busy(button, false);
    }
  });
  return button;
}

/** A refusal that belongs to no form. */
export function report(fault) {
  document.getElementById("report")?.remove();
  const element = h("div", { id: "report", class: "refusal", role: "alert", tabindex: "-1" }, ...refusal(fault));
  const head = document.querySelector("#main .page-head");
  if (head) head.after(element);
  else document.getElementById("main").prepend(element);
  element.focus();
}

/** Says in passing that something was done. */
export function tell(text) {
  const place = document.getElementById("told");
  const line = h("p", {}, text);
  place.replaceChildren(line);
  setTimeout(() => line.remove(), 6000);
}

const dates = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const days = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });

export const time = (text) => h("time", { datetime: text, title: text }, dates.format(new Date(text)));
export const day = (text) => h("time", { datetime: text, title: text }, days.format(new Date(text)));

/** A row: a title with badges, lines of facts, buttons. */
export function row({ title, badges = [], facts = [], actions = [], more }) {
  const marks = badges.filter(Boolean).map((text) => h("span", { class: "badge" }, text));
  const lines = facts.filter(Boolean).map((line) => h("p", { class: "soft small" }, ...[line].flat()));
  const element = h("li", { class: "row" },
    h("div", { class: "row-text" }, h("p", { class: "row-title" }, h("b", {}, title), ...marks), ...lines, more),
    actions.filter(Boolean).length ? h("div", { class: "row-actions" }, ...actions.filter(Boolean)) : null);
  return element;
}

export const rows = (items, label) => h("ul", { class: "rows", "aria-label": label }, ...items);

/** What stands where a list would be. */
export const nothing = (title, text, ...actions) => h("div", { class: "nothing" }, h("p", {}, h("b", {}, title)), h("p", { class: "soft" }, text), ...actions);

/** Content that has to be fetched: a sign of waiting, then what `load` gives, or why not with another try. Of several turns the latest counts. */
export function later(load) {
  let latest = 0;
  const place = h("div", { class: "later", tabindex: "-1" });
  const replace = (content) => {
    const hadFocus = place.contains(document.activeElement);
    place.replaceChildren(...content);
    if (hadFocus) place.focus();
  };
  const turn = async () => {
    const mine = ++latest;
    place.setAttribute("aria-busy", "true");
    if (!place.hasChildNodes()) place.append(h("p", { class: "loading soft" }, "Loading…"));
    const content = await load().then((loaded) => [loaded].flat().filter(Boolean), (fault) =>
      fault instanceof Cancelled ? [] : [h("div", { class: "refusal", role: "alert" }, ...refusal(fault), action("Try again", turn))]);
    if (mine !== latest) return;
    replace(content);
    place.setAttribute("aria-busy", "false");
  };
  turn();
  return Object.assign(place, { again: turn });
}

/** A text and a button that copies it. */
export function copyable(text) {
  const code = h("code", { tabindex: "0" }, text);
  const button = h("button", { type: "button", class: "copy" }, "Copy");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(code);
      button.textContent = "Selected";
    }
    setTimeout(() => (button.textContent = "Copy"), 1600);
  });
  return h("div", { class: "command" }, code, button);
}
