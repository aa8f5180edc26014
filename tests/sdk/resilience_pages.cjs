// A walk through the web application while things go wrong: a server that fails, answers nonsense, is slow or away; a session that ends; addresses
// that lead nowhere; and by keys alone, at 200 % zoom. Told by environment: PAGES_URL; the account is there.
"use strict";
const { expect, look, withoutFetchMetadata } = require("./account_pages_gear.cjs");
const { OWNER, fill, press, title } = require("./account_pages_people.cjs");
const { enter, fileOf, settled } = require("./app_pages_enter.cjs");
const { withPage } = require("./browser.cjs");
const { focus, tabTo } = require("./keyboard_pages_gear.cjs");
const { becomes } = require("./waits.cjs");

const { PAGES_URL: url } = process.env;
const at = (page, path) => page.goto(`${url}/app/shop/${path}`);
/** What a project's pages ask; who is signed in is asked elsewhere. */
const ASKED = /\/v1\/(projects\/shop\/|tables)/;
const PLACES = { insights: "Insights", dashboards: "Dashboards", "dashboards/product-overview": "Product overview", places: "Places", experiments: "Experiments", "experiments/~metrics": "Metrics", "experiments/~holdouts": "Holdouts", flags: "Flags", people: "People", data: "Data" };

const problem = (status) => ({ status, contentType: "application/problem+json", body: JSON.stringify({ type: "about:blank", title: "The database is busy.", status, code: "database_busy", detail: "Try again in a moment.", request_id: "r-1" }) });
const WAYS = {
  "500": (route) => route.fulfill(problem(500)),
  "502 of a proxy": (route) => route.fulfill({ status: 502, contentType: "text/html", body: "<html><h1>Bad gateway</h1></html>" }),
  "200 with nonsense": (route) => route.fulfill({ status: 200, contentType: "application/json", body: "{" }),
  away: (route) => route.abort("connectionrefused"),
};

const isWhole = async (page, what) => {
  expect(`${what}: pages that broke`, await page.getByRole("heading", { name: "This page cannot be shown" }).count(), 0);
  await becomes(`${what}: frames`, () => page.getByRole("navigation", { name: "Pages" }).count(), 1);
};

/** Each page says that it was refused, keeps its frame, and answers when it is asked again. */
async function failing(page) {
  let said = 0;
  for (const [path, name] of Object.entries(PLACES)) {
    for (const [way, answer] of Object.entries(WAYS)) {
      await page.route(ASKED, answer);
      await at(page, path);
      await page.getByRole("alert").first().waitFor();
      await page.waitForFunction(() => !document.querySelector(".loading"));
      await isWhole(page, `${path}, ${way}`);
      const text = await page.getByRole("alert").first().textContent();
      if (/undefined|\[object|null/.test(text) || text.length < 15) throw new Error(`${path}, ${way}: ${text}`);
      said++;
      if (path === "insights" && way === "500") await look(page, "app-failing");
      await page.unroute(ASKED);
      if (way !== "away") continue;
      await becomes(`${path} after trying again`, async () => {
        const again = page.getByRole("alert").first().getByRole("button", { name: "Try again" });
        if (await again.count()) await again.click({ timeout: 5000 }).catch(() => undefined);
        await settled(page);
        return page.getByRole("alert").allTextContents();
      }, []);
      await title(page, name);
    }
  }
  return said;
}

/** A slow server: what is there stays usable, what is on its way says so, and leaving gives it up. */
async function slow(page) {
  for (const [path, name] of Object.entries(PLACES)) {
    const held = [];
    await page.route(ASKED, (route) => { held.push(route); });
    await at(page, path);
    await page.locator('.loading, [role="progressbar"]').first().waitFor();
    await isWhole(page, `${path}, slow`);
    await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: "SQL", exact: true }).click();
    await title(page, "SQL");
    await page.unroute(ASKED);
    for (const route of held) await route.continue().catch(() => undefined);
    await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: PLACES[path.split("/")[0]], exact: true }).click();
    await settled(page);
    await becomes(`faults of ${path} after being slow`, () => page.getByRole("alert").allTextContents(), []);
  }
}

/** Who is signed in cannot be asked: said so, and asked again; a session that ended leads to the sign-in page and back. */
async function session(page) {
  await page.route("**/v1/account", WAYS["500"]);
  await page.goto(`${url}/app/shop/flags`);
  await page.getByRole("alert").waitFor();
  await page.unroute("**/v1/account");
  await press(page, "Try again");
  await title(page, "Flags");
  await settled(page);
  await page.context().clearCookies();
  await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: "People", exact: true }).click();
  await page.waitForURL(/account\/sign-in\?next=/);
  await fill(page, "E-mail address", OWNER.email);
  await fill(page, "Password", OWNER.password);
  await press(page, "Sign in");
  await title(page, "People");
}

/** A browser that does not say where its requests come from, as over plain HTTP: the token of the session does. Questions, rows and files come. */
async function withoutMetadata(page) {
  const relay = await withoutFetchMetadata(url);
  try {
    await page.goto(`${relay.origin}/app/shop/insights`);
    await title(page, "Insights");
    await page.locator(".chart svg").first().waitFor();
    await page.goto(`${relay.origin}/app/shop/people?find=person-0003`);
    await page.getByRole("link", { name: "person-0003", exact: true }).click();
    await title(page, "person-0003");
    const file = await fileOf(page, page.getByRole("button", { name: "Export all data" }));
    if (!file.toString("utf8").includes('"end"')) throw new Error("the file is not whole");
    await page.goto(`${relay.origin}/app/shop/dashboards/product-overview`);
    await page.getByRole("region", { name: "People per day", exact: true }).locator(".chart svg").waitFor();
    await becomes("faults without fetch metadata", () => page.getByRole("alert").count(), 0);
  } finally {
    relay.close();
  }
}

/** Addresses that lead nowhere, or hold what nobody meant. */
async function nowhere(page) {
  for (const [path, name] of [["nothing", "There is no such page"], ["insights?q=%7B", "Insights"], [`insights?q=${encodeURIComponent('{"kind":"pie","days":-1,"steps":[null,{"filters":"x"}],"who":{}}')}`, "Insights"], ["sql?saved=nobody", "SQL"], ["insights?saved=nobody", "Insights"], ["places?view=a,b,c&cell=nowhere", "Places"], ["experiments/search-box?phase=99&view=pie&by=shoe&on=nothing&daily=none", "search-box"], ["places?days=x&activity=nobody-does-this", "Places"], [`dashboards/product-overview?v=${encodeURIComponent('{"country":{"x":1}}')}&days=-4`, "Product overview"]]) {
    await at(page, path);
    await title(page, name);
    await page.waitForFunction(() => !document.querySelector(".loading"));
    expect(`${path}: pages that broke`, await page.getByRole("heading", { name: "This page cannot be shown" }).count(), 0);
  }
  await page.goto(`${url}/app/nobodys/insights`);
  await title(page, "There is no such project");
  for (const path of ["dashboards/none", "experiments/none", "experiments/~metrics/none", "flags/none"]) {
    await at(page, path);
    await page.getByRole("alert").first().waitFor();
    await isWhole(page, path);
  }
}

const nameOf = async (page) => (await focus(page)).name;

/** A question asked, its people looked at, and another page opened, without a pointer. */
async function keys(page) {
  await at(page, "insights");
  await settled(page);
  await page.keyboard.press("Tab");
  await becomes("first of all", () => nameOf(page), "Skip to the content");
  await page.keyboard.press("Enter");
  await becomes("the content has the focus", () => page.evaluate(() => document.activeElement?.id), "main");
  const comboOf = () => page.evaluate(() => document.activeElement?.getAttribute("role"));
  for (let turn = 0; (await comboOf()) !== "combobox"; turn++) {
    if (turn > 30) throw new Error("Tab does not come to an activity");
    await page.keyboard.press("Tab");
  }
  await page.keyboard.type("purch");
  await page.getByRole("option", { name: "purchase" }).waitFor();
  const response = page.waitForResponse((response) => response.url().includes("/insights/"));
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => new URL(location.href).searchParams.get("q")?.includes("purchase"));
  // The numbers of the answer before are gone once this one's come.
  await response;
  await settled(page);
  await tabTo(page, /who is this\?/);
  const number = await nameOf(page);
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").getByRole("status").waitFor();
  await becomes("the focus is in the dialog", () => page.evaluate(() => document.querySelector("dialog")?.contains(document.activeElement)), true);
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await becomes("the focus is back at the number", () => nameOf(page), number);
  await at(page, "insights");
  await settled(page);
  await tabTo(page, /^Flags$/);
  await page.keyboard.press("Enter");
  await title(page, "Flags");
  await becomes("the new page's title has the focus", () => page.evaluate(() => document.activeElement?.tagName), "H1");
}

/** At 200 % of 1280 px: the pages behind the menu, a question, and a dashboard that is edited. */
async function large(page) {
  await page.setViewportSize({ width: 640, height: 450 });
  await at(page, "insights");
  await settled(page);
  await press(page, "Menu");
  await look(page, "app-menu");
  await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: "Dashboards", exact: true }).click();
  await title(page, "Dashboards");
  await becomes("the menu is closed behind whoever chose", () => page.locator("#places").isVisible(), false);
  for (const path of [...Object.keys(PLACES), "sql", "live"]) {
    await at(page, path);
    await page.waitForFunction(() => !document.querySelector(".loading"));
    await becomes(`px that ${path} is wider than 640 px`, () => page.evaluate(() => Math.max(0, document.documentElement.scrollWidth - document.documentElement.clientWidth)), 0);
  }
  await at(page, "dashboards/product-overview");
  await press(page, "Edit");
  await press(page, "Add a tile");
  await look(page, "app-large-tile");
  await page.keyboard.press("Escape");
  await press(page, "Cancel");
  await page.setViewportSize({ width: 1280, height: 900 });
}

const main = () =>
  withPage(url, async (page, account) => {
    await page.setViewportSize({ width: 1280, height: 900 });
    await enter(page);
    const refusals = await failing(page);
    await slow(page);
    await session(page);
    await withoutMetadata(page);
    await nowhere(page);
    await keys(page);
    await large(page);
    const known = (text) => text.startsWith("Failed to load resource") || text.startsWith("WebSocket connection") || (text.startsWith("Applying inline style violates") && /\/app\/shop\/sql[?)]/.test(text));
    const strange = account.consoleErrors.filter((text) => !known(text));
    process.stdout.write(`${JSON.stringify({ walked: true, refusals, consoleErrors: strange, pageErrors: account.pageErrors })}\n`);
  });

main().then(() => process.exit(0), (error) => {
  console.error(error);
  process.exit(1);
});
