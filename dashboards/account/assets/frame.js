// What stands around the pages: the places one can go to, and who is signed in.

import { byId, h } from "../dom.js?v=1";
import { all, create } from "./api.js?v=1";
import { action } from "./parts.js?v=1";
import { forget, permissions } from "./session.js?v=1";

const OWN = [["", "Profile"], ["security", "Sign-in and factors"], ["sessions", "Sessions"], ["tokens", "Personal tokens"], ["organisations", "Organisations"]];

/** Places of an organisation, and the permission without which they show nothing. */
const OF_ORGANISATION = [
  ["", "Settings", "organisation.read"],
  ["/projects", "Projects", "projects.read"],
  ["/keys", "Keys", "keys.read"],
  ["/members", "Members", "members.read"],
  ["/roles", "Roles", "organisation.read"],
  ["/audit", "Audit", "audit.read"],
  ["/alerts", "Alerts", "alerts.read"],
  ["/webhooks", "Webhooks", "alerts.read"],
];

/** Draws the frame for `own` at `path`; before signing in there is none. */
export function frame(own, path) {
  const places = byId("places");
  byId("frame").classList.toggle("inside", Boolean(own));
  places.hidden = !own;
  byId("top-side").replaceChildren(...(own ? side(own, places) : []));
  places.dataset.open = "false";
  if (!own) return places.replaceChildren();
  places.replaceChildren(group("You", OWN.map(([end, text]) => link(end, text, path))));
  return organisations(own, path).then((groups) => places.append(...groups), () => {});
}

function side(own, places) {
  const menu = h("button", { type: "button", class: "quiet menu", "aria-expanded": "false", "aria-controls": "places" }, "Menu");
  menu.addEventListener("click", () => {
    const isOpen = places.dataset.open !== "true";
    places.dataset.open = String(isOpen);
    menu.setAttribute("aria-expanded", String(isOpen));
  });
  return [h("span", { class: "who soft small" }, own.email), h("a", { class: "quiet", href: "/app" }, "App"), menu, action("Sign out", signOut, { kind: "quiet" })];
}

async function signOut() {
  await create("/v1/sign-out");
  forget();
  location.assign("/account/sign-in");
}

function link(end, text, path) {
  const href = end ? `/account/${end}` : "/account";
  return h("li", {}, h("a", { href, "aria-current": end === path ? "page" : undefined }, text));
}

const group = (title, links) => h("div", { class: "places-group" }, h("h2", {}, title), h("ul", {}, ...links));

let known;

/** The organisation of the address, or the first, with what may be seen of it. */
async function organisations(own, path) {
  const held = [...new Set(own.grants.map((grant) => grant.organisation_id))].join();
  if (known?.held !== held) known = { held, items: (await all("/v1/organisations")).items };
  const named = decodeURIComponent(/^organisations\/([^/]+)/.exec(path)?.[1] ?? "");
  const shown = known.items.find(({ id }) => id === named) ?? known.items[0];
  if (!shown) return [];
  const own_grants = own.grants.filter((grant) => grant.organisation_id === shown.id);
  const may = new Set([...permissions(own, shown.id), ...own_grants.flatMap((grant) => (grant.project_id ? grant.permissions.filter(ofProject) : []))]);
  const base = `organisations/${encodeURIComponent(shown.id)}`;
  return [group(shown.name, OF_ORGANISATION.filter(([, , needed]) => may.has(needed)).map(([end, text]) => link(base + end, text, path)))];
}

/** What a member of one project alone can look at here. */
const ofProject = (permission) => permission === "projects.read" || permission === "keys.read";

/** An organisation was made or renamed. */
export const forgetOrganisations = () => (known = undefined);
