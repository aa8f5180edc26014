// Which address shows which page. Links of these pages change the page without loading it anew.

import { byId, h } from "../dom.js?v=1";
import { Cancelled, on } from "./api.js?v=1";
import { refusal } from "./form.js?v=1";
import { account, forget } from "./session.js?v=1";
import { stepUp } from "./step_up.js?v=1";
import { frame } from "./frame.js?v=1";

/** Path below `/account`, module, and whether somebody has to be signed in. */
const PAGES = [
  [/^sign-in$/, () => import("./pages/sign_in.js?v=1"), false],
  [/^sign-up$/, () => import("./pages/sign_up.js?v=1"), false],
  [/^first-owner$/, () => import("./pages/first_owner.js?v=1"), false],
  [/^reset-password$/, () => import("./pages/reset_password.js?v=1"), false],
  [/^change-email$/, () => import("./pages/change_email.js?v=1"), false],
  [/^invitation$/, () => import("./pages/invitation.js?v=1"), false],
  [/^$/, () => import("./pages/profile.js?v=1"), true],
  [/^security$/, () => import("./pages/security.js?v=1"), true],
  [/^sessions$/, () => import("./pages/sessions.js?v=1"), true],
  [/^tokens$/, () => import("./pages/tokens.js?v=1"), true],
  [/^organisations$/, () => import("./pages/organisations.js?v=1"), true],
  [/^organisations\/([^/]+)$/, () => import("./pages/organisation.js?v=1"), true],
  [/^organisations\/([^/]+)\/projects$/, () => import("./pages/projects.js?v=1"), true],
  [/^organisations\/([^/]+)\/keys$/, () => import("./pages/keys.js?v=1"), true],
  [/^organisations\/([^/]+)\/members$/, () => import("./pages/members.js?v=1"), true],
  [/^organisations\/([^/]+)\/roles$/, () => import("./pages/roles.js?v=1"), true],
  [/^organisations\/([^/]+)\/audit$/, () => import("./pages/audit.js?v=1"), true],
  [/^organisations\/([^/]+)\/alerts$/, () => import("./pages/alerts.js?v=1"), true],
  [/^organisations\/([^/]+)\/webhooks$/, () => import("./pages/webhooks.js?v=1"), true],
];

const SIGN_IN = "/account/sign-in";
let turn = 0;

/** Shows the page of the address. */
async function show({ isChange = true } = {}) {
  const mine = ++turn;
  const path = location.pathname.replace(/^\/account\/?/, "").replace(/\/$/, "");
  const found = PAGES.map(([pattern, load, isInside]) => ({ match: pattern.exec(path), load, isInside })).find(({ match }) => match);
  try {
    const own = found?.isInside ? await account() : undefined;
    const content = found ? await build(found, own) : unknown();
    if (mine !== turn) return;
    frame(own, path);
    place(content, isChange);
  } catch (fault) {
    if (mine === turn && !(fault instanceof Cancelled)) place([h("h1", { tabindex: "-1" }, "This page cannot be shown"), h("div", { class: "refusal" }, ...refusal(fault))], isChange);
  }
}

async function build({ match, load }, own) {
  const { page } = await load();
  const place = decodeURIComponent(match[1] ?? "");
  return [await page({ own, organisation: place, go, again: () => show({ isChange: false }) })].flat();
}

function place(content, isChange) {
  const main = byId("main");
  main.replaceChildren(...content);
  const heading = main.querySelector("h1");
  document.title = `${heading?.textContent ?? "Account"} · Footfall`;
  if (!isChange) return;
  scrollTo(0, 0);
  (main.querySelector("[autofocus]") ?? heading)?.focus();
}

const unknown = () => [h("div", { class: "gate-card card" }, h("h1", { tabindex: "-1" }, "There is no such page"),
  h("p", { class: "soft" }, "The link may be cut off or old. ", h("a", { href: "/account" }, "Go to your account"), "."))];

/** Goes to a page of ours; anywhere else is loaded. `afresh`: as somebody else than before. */
function go(path, { afresh = false } = {}) {
  if (afresh) forget();
  const target = new URL(path, location.origin);
  if (!/^\/account(\/|$)/.test(target.pathname)) return location.assign(target);
  history.pushState(null, "", target);
  return show();
}

on.stepUp = stepUp;
on.signedOut = () => {
  forget();
  if (location.pathname === SIGN_IN) return;
  go(`${SIGN_IN}?${new URLSearchParams({ next: location.pathname })}`);
};

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href^='/account']");
  if (!link || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey || event.defaultPrevented) return;
  event.preventDefault();
  go(link.getAttribute("href"));
});
addEventListener("popstate", () => show());
// What a browser kept of a page may belong to somebody who has signed out since.
addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  forget();
  show();
});
// A second link in the same tab changes nothing but what stands behind the `#`.
addEventListener("hashchange", () => location.hash.length > 1 && location.hash !== "#main" && show());
show({ isChange: false }).then(() => document.querySelector("[autofocus]")?.focus());
