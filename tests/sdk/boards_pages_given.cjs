// Walks of those outside who see a dashboard: by a link with a password that is ended or runs out, and in a frame. Told by environment:
// PAGES_URL, PAGES_DATABASE (the program's, in which a link's end is moved back), PAGES_PYTHON (that has its driver).
"use strict";
const { execFileSync } = require("node:child_process");
const path = require("node:path");
const { expect, look } = require("./account_pages_gear.cjs");
const { fill, press, title } = require("./account_pages_people.cjs");
const { answered, board, post } = require("./boards_pages_gear.cjs");
const { serve } = require("./browser.cjs");
const { becomes, until } = require("./waits.cjs");

const { PAGES_URL: url } = process.env;

/** A link with a password, seen by nobody in particular; revoked, it shows nothing. */
async function shared(page) {
  await board(page, "sales", "Sales");
  await press(page, "Share");
  await fill(page, "What it is for", "The wall");
  await page.getByRole("dialog").locator("input[type=password]").fill("open sesame");
  await press(page, "Create the link");
  const field = page.getByLabel("The link, shown this once");
  await field.waitFor();
  const address = await field.inputValue();
  await look(page, "boards-share");
  const visitor = await page.context().browser()?.newContext() ?? page.context();
  const guest = await visitor.newPage();
  const bodies = [];
  guest.on("response", async (response) => response.url().includes("/v1/") && bodies.push(await response.text().catch(() => "")));
  await guest.goto(address);
  await guest.getByLabel("Password", { exact: true }).fill("open says me");
  await guest.getByRole("button", { name: "Open", exact: true }).click();
  await guest.getByRole("alert").waitFor();
  await guest.getByLabel("Password", { exact: true }).fill("open sesame");
  await guest.getByRole("button", { name: "Open", exact: true }).click();
  await title(guest, "Sales");
  await answered(guest);
  await becomes("faults for the guest", () => guest.getByRole("alert").allTextContents(), []);
  await look(guest, "boards-shared");
  await guest.getByLabel("plan", { exact: true }).selectOption("free");
  await answered(guest);
  for (const hidden of ["SELECT", "GROUP BY", "condition"]) if (bodies.some((body) => body.includes(hidden))) throw new Error(`the guest was told ${hidden}`);
  await kept(visitor, address);
  await page.getByRole("button", { name: "End The wall" }).click();
  await page.getByText("Nobody outside sees this dashboard.").waitFor();
  await guest.reload();
  await ended(guest);
  await guest.close();
  await expired(page, visitor);
  await page.keyboard.press("Escape");
}

/** A screen on a wall goes on, though nobody answered at the moment that its token was to be renewed. */
async function kept(visitor, address) {
  const guest = await visitor.newPage();
  await guest.clock.install();
  let isAway = false;
  const asked = [];
  await guest.route("**/v1/shared/dashboards", (route) => (asked.push(isAway), isAway ? route.abort() : route.continue()));
  await guest.goto(address);
  await guest.getByLabel("Password", { exact: true }).fill("open sesame");
  await guest.getByRole("button", { name: "Open", exact: true }).click();
  await title(guest, "Sales");
  isAway = true;
  await guest.clock.fastForward(60 * 60_000);
  await until("it is asked while nobody answers", () => asked.at(-1), (wasAway) => wasAway);
  isAway = false;
  await until("it is asked again", async () => (await guest.clock.fastForward(31_000), asked.at(-1)), (wasAway) => !wasAway);
  await guest.close();
}

/** Whoever comes too late is told so, and what to do; nothing of the dashboard is there. */
async function ended(guest) {
  await guest.getByRole("heading", { name: "This link shows nothing" }).waitFor();
  await guest.getByRole("alert").getByText("The link is no longer valid, or the password is wrong.").waitFor();
  await guest.getByText("Ask whoever gave it to you for a new one.").waitFor();
  await becomes("tiles that are left", () => guest.locator(".tile").count(), 0);
}

/** A link for seven days, seven days later: also for whoever had the dashboard open, and for whoever knows the password. */
async function expired(page, visitor) {
  await fill(page, "What it is for", "The fair");
  await page.getByRole("dialog").getByLabel("Expires", { exact: true }).selectOption("7");
  await page.getByRole("dialog").locator("input[type=password]").fill("open sesame");
  const before = await page.getByLabel("The link, shown this once").inputValue();
  await press(page, "Create the link");
  const address = await until("the new link", () => page.getByLabel("The link, shown this once").inputValue(), (text) => text !== before);
  const guest = await visitor.newPage();
  await guest.goto(address);
  await guest.getByLabel("Password", { exact: true }).fill("open sesame");
  await guest.getByRole("button", { name: "Open", exact: true }).click();
  await title(guest, "Sales");
  await answered(guest);
  const earlier = "UPDATE board_shares SET expires_at = expires_at - 7 * 86400000 WHERE name = 'The fair'";
  execFileSync(process.env.PAGES_PYTHON, [path.join(__dirname, "tables.py"), process.env.PAGES_DATABASE, earlier]);
  await guest.getByLabel("plan", { exact: true }).selectOption("free");
  await guest.locator(".tile").getByRole("alert").first().waitFor();
  await guest.reload();
  await ended(guest);
  await look(guest, "boards-expired");
  await guest.close();
  await becomes("links in force", () => page.evaluate(async () => (await (await fetch("/v1/projects/shop/dashboards/sales/shares")).json()).items.filter(({ is_in_force }) => is_in_force).length), 0);
}

/** In a frame of the origin that was named, and in no other. */
async function embedded(page) {
  const made = (await post(page, "/v1/projects/shop/dashboards/sales/shares", { kind: "embed", name: "Intranet", origins: ["https://intranet.example"] })).body;
  const { token } = (await post(page, `/v1/projects/shop/dashboards/sales/shares/${made.id}/tokens`, { minutes: 5, variables: { plan: "pro" } })).body;
  const policy = (path) => page.evaluate(async (path) => { const answer = await fetch(path); return [answer.headers.get("content-security-policy").match(/frame-ancestors [^;]*/)[0], answer.headers.get("x-frame-options")]; }, path);
  expect("who may hold the embedding", await policy(`/embedded/${made.id}`), ["frame-ancestors https://intranet.example", null]);
  expect("who may hold nothing", await policy("/embedded/none"), ["frame-ancestors 'none'", "DENY"]);
  expect("who may hold the application", await policy("/app"), ["frame-ancestors 'none'", "DENY"]);
  expect("who may hold a public link's page", await policy("/shared"), ["frame-ancestors 'none'", "DENY"]);
  await page.goto(`${url}/embedded/${made.id}#${token}`);
  await title(page, "Sales");
  await answered(page);
  expect("what is settled is no choice", await page.getByLabel("plan", { exact: true }).count(), 0);
  await look(page, "boards-embedded");
  await framed(page);
}

/** A token that soon ends: the frame asks the page for another, and goes on with it. */
async function renewed(page, held, host) {
  const share = held.address.match(/embedded\/([^#]+)#/)[1];
  const before = held.address;
  await page.goto(`${url}/app`);
  const tokens = `/v1/projects/shop/dashboards/sales/shares/${share}/tokens`;
  const [short, long] = [(await post(page, tokens, { minutes: 1 })).body.token, (await post(page, tokens, { minutes: 30 })).body.token];
  held.address = held.address.replace(/#.*/, `#${short}`);
  held.script = `addEventListener("message", ({ data, source, origin }) => data?.type === "footfall.token_needed" && source.postMessage({ type: "footfall.token", token: "${long}" }, origin))`;
  const given = [];
  const note = (request) => request.url().endsWith("/v1/shared/dashboards") && given.push(request.postDataJSON().token);
  page.on("request", note);
  await page.goto(host);
  await becomes("the tokens that the frame came with", () => given, [short, long]);
  await page.frameLocator("iframe").locator(".tile .chart svg").first().waitFor();
  page.off("request", note);
  held.address = before;
}

/** A page elsewhere holds it in a frame, as the dialog gives its address; a page of another origin holds nothing. */
async function framed(page) {
  const held = { address: "", script: "" };
  const pageOf = () => `<!doctype html><title>Intranet</title><h1>Intranet</h1><iframe title="Sales" width="900" height="700" src="${held.address}"></iframe><script>${held.script}</script>`;
  const [host, other] = await Promise.all([serve({ get "/"() { return pageOf(); } }), serve({ get "/"() { return pageOf(); } })]);
  // Of pages without TLS those of this machine may hold it, by its name.
  const origin = ({ origin }) => origin.replace("127.0.0.1", "localhost");
  try {
    await board(page, "sales", "Sales");
    await press(page, "Share");
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("radio", { name: "In other pages" }).check({ force: true });
    await fill(page, "What it is for", "The intranet");
    await fill(page, "Origins of the pages that may embed it", "http://intranet.example");
    await press(page, "Create the link");
    await dialog.getByRole("alert").waitFor();
    await fill(page, "Origins of the pages that may embed it", origin(host));
    await press(page, "Create the link");
    held.address = await until("the address of the frame", () => dialog.getByLabel(/^For the src of a frame/).inputValue(), (text) => text.includes("/embedded/"));
    await look(page, "boards-embed");
    await page.goto(origin(host));
    const frame = page.frameLocator("iframe");
    await frame.getByRole("heading", { level: 1, name: "Sales" }).waitFor();
    await frame.locator(".tile .chart svg").first().waitFor();
    expect("faults in the frame", await frame.getByRole("alert").count(), 0);
    await frame.getByLabel("plan", { exact: true }).selectOption("pro");
    await frame.locator(".tile .chart svg").first().waitFor();
    await renewed(page, held, origin(host));
    await page.goto(origin(other));
    await becomes("where another page may not hold it", () => page.frames().some((one) => one.url().includes("/embedded/")), false);
    await becomes("what it shows instead", () => page.frames().length > 1 && page.frames()[1].url().startsWith("chrome-error:"), true);
  } finally {
    host.close();
    other.close();
  }
}

module.exports = { shared, embedded };
