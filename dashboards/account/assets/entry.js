// The card of the pages before signing in. `fill` replaces what it shows.

import { h } from "../dom.js?v=1";

export function entry(title, about, ...content) {
  const element = h("div", { class: "gate-card card" });
  element.fill = (title, about, ...content) => {
    element.replaceChildren(h("h1", { tabindex: "-1" }, title), ...[about ? h("p", { class: "soft" }, about) : null, ...content].filter(Boolean));
    document.title = `${title} · Footfall`;
  };
  element.fill(title, about, ...content);
  return element;
}

/** A page that needs the secret of a link, opened without it. */
export const incomplete = (text) =>
  entry("The link is not complete", text, h("p", { class: "links" }, h("a", { href: "/account/sign-in" }, "Sign in")));
