// A walk through the web application in Chromium, with the activity of a shop (app_pages_shop.cjs) in the project. Told by environment:
// PAGES_URL, and PAGES_LINK (of the first owner) where there is no account yet. Prints one line of JSON.
"use strict";
const { expect, look } = require("./account_pages_gear.cjs");
const { OWNER, fill, press, title } = require("./account_pages_people.cjs");
const { withPage } = require("./browser.cjs");

const { PAGES_URL: url, PAGES_LINK: link } = process.env;

/** To `/app` without a session: to the sign-in page and back. */
async function enter(page) {
  if (link) {
    await page.goto(link);
    for (const [label, text] of [["E-mail address", OWNER.email], ["Your name", OWNER.name], ["New password", OWNER.password], ["Organisation", "Example"], ["First project", "shop"]]) {
      await fill(page, label, text);
    }
    await press(page, "Make the account");
    await title(page, `Welcome, ${OWNER.name}`);
    await page.context().clearCookies();
  }
  await page.goto(`${url}/app`);
  await page.waitForURL(/account\/sign-in\?next=/);
  await signInHere(page);
  await title(page, "Insights");
}

async function signInHere(page) {
  await fill(page, "E-mail address", OWNER.email);
  await fill(page, "Password", OWNER.password);
  await press(page, "Sign in");
}

const to = async (page, name) => {
  await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name, exact: true }).click();
  await title(page, name);
};
const answered = (page) => page.waitForFunction(() => document.querySelector('[aria-label="Answer"][aria-busy="false"]') && !document.querySelector(".loading"));

/** What the API said of rows it was asked for, as the page's table shows it. */
async function insights(page) {
  const project = page.url().match(/app\/([^/?]+)/)?.[1] ?? (await page.getByLabel("Project").inputValue());
  const ask = (kind, steps, more = {}) => `${url}/app/${project}/insights?${new URLSearchParams({ q: JSON.stringify({ kind, steps: steps.map((activity) => ({ activity, ...more })), days: 30, bucket: kind === "retention" ? "week" : "day" }) })}`;
  const kinds = [["trend", ["browse", "purchase"]], ["funnel", ["browse", "cart", "purchase"]], ["retention", ["app_installed", "app_opened"]], ["paths", ["browse"]], ["lifecycle", [""]], ["stickiness", [""]], ["sessions", [""]]];
  for (const [kind, steps] of kinds) {
    await page.goto(ask(kind, steps));
    await answered(page);
    await page.locator(".chart svg").waitFor();
    await look(page, `app-${kind}`);
  }
  await page.goto(ask("trend", ["purchase"], { measure: "count" }));
  await answered(page);
  const [answer] = await Promise.all([
    page.evaluate(async (project) => {
      const since = new Date();
      since.setHours(0, 0, 0, 0);
      since.setDate(since.getDate() - 29);
      const body = JSON.stringify({ sql: "SELECT count(*) FROM activity WHERE event = 'purchase' AND timestamp >= $since", params: { since: since.toISOString() } });
      const asked = await fetch(`/v1/projects/${project}/sql`, { method: "POST", headers: { "content-type": "application/json" }, body });
      return (await asked.json()).rows[0][0];
    }, project),
  ]);
  const download = page.waitForEvent("download");
  await press(page, "CSV");
  const text = require("node:fs").readFileSync(await (await download).path(), "utf8");
  const sum = text.trim().split("\r\n").slice(1).reduce((sum, line) => sum + Number(line.match(/,(\d+)$/)[1]), 0);
  expect("the trend's CSV sums to SQL's count", sum, answer);
  return answer;
}

async function sql(page) {
  await to(page, "SQL");
  const editor = page.getByRole("textbox", { name: "SQL" });
  const write = async (text) => {
    await editor.click();
    await page.keyboard.press("ControlOrMeta+A");
    await page.keyboard.insertText(text);
  };
  await write("SELECT event, count(*) AS times FROM activity GROUP BY event ORDER BY times DESC");
  await page.keyboard.press("ControlOrMeta+Enter");
  await page.getByRole("region", { name: "Result as a table" }).getByText("browse").waitFor();
  await press(page, "Chart");
  await page.locator(".chart svg").waitFor();
  await look(page, "app-sql");
  await write("SELECT evnt FROM activity");
  await press(page, "Run");
  await page.getByRole("alert").waitFor();
  await look(page, "app-sql-refused");
  await write("SELECT value FROM generate_series(1, 100000)");
  await press(page, "Run");
  await page.getByText("100,000 rows").waitFor();
  const drawn = await page.locator(".grid tbody tr").count();
  if (drawn > 200) throw new Error(`${drawn} rows of 100,000 are in the page`);
}

async function others(page) {
  for (const [name, ready] of [["Live", "region"], ["Experiments", "region"], ["Flags", "region"], ["Data", "region"], ["People", "region"]]) {
    await to(page, name);
    await page.getByRole(ready).first().waitFor();
    await page.waitForFunction(() => !document.querySelector(".loading"));
    await look(page, `app-${name.toLowerCase()}`);
  }
  await page.getByLabel("Find by the beginning of an id").fill("person-0001");
  await page.getByRole("link", { name: "person-0001" }).click();
  await title(page, "person-0001");
  await page.locator(".timeline li").first().waitFor();
  await look(page, "app-person");
}

/** A server that fails is told so, and asking again helps. */
async function failures(page) {
  await page.route("**/v1/projects/*/sql", (route) => route.abort());
  await to(page, "Data");
  await page.getByRole("alert").first().waitFor();
  await page.unroute("**/v1/projects/*/sql");
  await page.getByRole("button", { name: "Try again" }).first().click();
  await page.getByRole("region", { name: "Activities", exact: true }).getByText("browse").waitFor();
}

const main = () =>
  withPage(url, async (page, account) => {
    await page.setViewportSize({ width: 1280, height: 900 });
    await enter(page);
    await sql(page);
    await others(page);
    await failures(page);
    const purchases = await insights(page);
    // Refusals were asked for; and CodeMirror sets the width of tabs by an attribute, which the policy of the pages blocks without harm.
    const known = (text) => text.startsWith("Failed to load resource") || (text.startsWith("Applying inline style violates") && /\/app\/shop\/sql[?)]/.test(text));
    const strange = account.consoleErrors.filter((text) => !known(text));
    process.stdout.write(`${JSON.stringify({ walked: true, purchases, consoleErrors: strange, pageErrors: account.pageErrors })}\n`);
  });

main().then(() => process.exit(0), (error) => {
  console.error(error);
  process.exit(1);
});
