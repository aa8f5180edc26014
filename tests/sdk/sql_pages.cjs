// A walk through the page of SQL in Chromium: where something is wrong, saved questions with bound parameters kept, changed, shared and removed,
// how a result is drawn, a statement that is stopped, alerts with their bounds, and a hundred thousand rows. Told by environment: PAGES_URL.
"use strict";
const { expect, look } = require("./account_pages_gear.cjs");
const { OWNER, press, title } = require("./account_pages_people.cjs");
const { enter, settled } = require("./app_pages_enter.cjs");
const { withPage } = require("./browser.cjs");

const { PAGES_URL: url } = process.env;
const open = async (page, query = "") => {
  await page.goto(`${url}/app/shop/sql${query}`);
  await title(page, "SQL");
  await page.getByRole("textbox", { name: "SQL" }).waitFor();
  await settled(page);
};
const write = async (page, text) => {
  await page.getByRole("textbox", { name: "SQL" }).click();
  await page.keyboard.press("ControlOrMeta+A");
  await page.keyboard.insertText(text);
};
const texts = async (page) => (await page.getByRole("textbox", { name: "SQL" }).textContent()).trim();
const run = async (page, rows) => {
  await press(page, "Run");
  await page.getByText(new RegExp(`^${rows} rows? in`)).waitFor();
};

/** The editor underlines the word that the server did not know, and forgets it once it is mended. */
async function wrong(page) {
  await open(page);
  await write(page, "SELECT event,\n  plann FROM activity");
  await press(page, "Run");
  await page.getByRole("alert").waitFor();
  const marked = page.locator(".cm-lintRange-error");
  await marked.waitFor();
  expect("what is underlined", await marked.textContent(), "plann");
  await page.getByLabel("Line 2, column 3").waitFor();
  await look(page, "app-sql-wrong");
  await write(page, "SELECT event FROM activity LIMIT 2");
  await run(page, 2);
  expect("nothing is underlined", await marked.count(), 0);
}

/** Kept with a typed parameter, opened by an address, changed, and removed. What is bound is no part of the text. */
async function saved(page) {
  await open(page);
  await write(page, "SELECT count(*) AS times FROM activity WHERE event = $event");
  await page.getByLabel("$event").fill("purchase' OR 1=1 --");
  await run(page, 1);
  expect("nothing is spliced", await page.locator(".grid tbody td").first().textContent(), "0");
  await page.getByLabel("$event").fill("purchase");
  await press(page, "Save");
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Title", { exact: true }).fill("How many");
  await dialog.getByRole("button", { name: "Save it" }).click();
  await dialog.getByText("It is saved.").waitFor();
  await dialog.getByRole("button", { name: "Close" }).click();
  await open(page, "?saved=how-many");
  await page.waitForFunction(() => document.querySelector("input[placeholder=null]")?.value === "purchase");
  expect("the text", await texts(page), "SELECT count(*) AS times FROM activity WHERE event = $event");
  await page.getByLabel("Type of event").selectOption("number");
  await page.getByLabel("Type of event").selectOption("text");
  await page.getByLabel("$event").fill("cart");
  await press(page, "Change «How many» to this");
  await page.getByRole("button", { name: /^Change «/ }).waitFor({ state: "detached" });
  const kept = await page.evaluate(async () => (await (await fetch("/v1/projects/shop/questions/how-many")).json()).content.parameters);
  expect("the parameter", [kept[0].name, kept[0].default], ["event", "cart"]);
  await look(page, "app-sql-saved");
}

/** A chart whose column and shape are chosen. */
async function chart(page) {
  await open(page);
  await write(page, "SELECT event, os, count(*) AS times, count(DISTINCT person_id) AS people FROM activity GROUP BY event, os ORDER BY event, os LIMIT 12");
  await run(page, 12);
  await press(page, "Chart");
  await page.getByLabel("Shape", { exact: true }).selectOption("lines");
  await page.getByLabel("Along", { exact: true }).selectOption({ label: "os" });
  await page.getByLabel("Number", { exact: true }).selectOption({ label: "people" });
  await page.locator("figure .chart svg path").first().waitFor();
  expect("one line", await page.locator("figure .legend button").count(), 0);
  await look(page, "app-sql-chart");
}

/** What takes long can be stopped; the next question is answered. */
async function stopped(page) {
  await open(page);
  await page.route("**/v1/projects/shop/sql", (route) => setTimeout(() => route.continue().catch(() => undefined), 4000));
  await write(page, "SELECT 1 AS one");
  await press(page, "Run");
  await press(page, "Stop");
  await page.getByText("Stopped", { exact: true }).waitFor();
  await page.unroute("**/v1/projects/shop/sql");
  await run(page, 1);
}

/** An alert on what is open, when it is unusual. */
async function alert(page) {
  await open(page, "?saved=how-many");
  await page.waitForFunction(() => document.querySelector("input[placeholder=null]")?.value === "cart");
  await press(page, "Schedules and alerts");
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("radio", { name: "Alert when unusual" }).check({ force: true });
  expect("what is open is chosen", await dialog.getByLabel("Question", { exact: true }).inputValue(), "how-many");
  await dialog.getByLabel("Title", { exact: true }).fill("Odd carts");
  await dialog.getByLabel("Further than so many deviations").fill("3");
  await dialog.getByLabel("Of the last so many numbers").fill("14");
  await dialog.getByLabel("Asked", { exact: true }).selectOption("monday");
  await dialog.getByLabel("at", { exact: true }).selectOption("9");
  await dialog.getByLabel("To members, by address").fill(OWNER.email);
  await look(page, "app-sql-alert");
  await dialog.getByRole("button", { name: "Make it" }).click();
  await dialog.getByText("Mondays at 9:00 UTC, alert when more than 3 deviations from the last 14").waitFor();
  await dialog.getByRole("button", { name: "Switch Odd carts off" }).click();
  await dialog.getByText("off", { exact: true }).waitFor();
  await dialog.getByRole("button", { name: "Remove Odd carts" }).click();
  await dialog.getByText("Odd carts").waitFor({ state: "detached" });
  await page.keyboard.press("Escape");
  page.once("dialog", (asked) => asked.accept());
  await page.getByRole("button", { name: "Remove How many" }).click();
  await page.getByRole("region", { name: "Saved questions" }).getByText("How many").waitFor({ state: "detached" });
}

/** From the first to the last of many rows, with few of them in the page. */
async function many(page) {
  await open(page);
  await write(page, "SELECT value, value * 2 AS twice, value % 7 AS rest FROM generate_series(1, 100000) ORDER BY value");
  await run(page, "100,000");
  const table = page.getByRole("region", { name: "Result as a table" });
  await table.locator("tbody tr").first().waitFor();
  const last = table.getByText("200000", { exact: true });
  await table.focus();
  await page.keyboard.press("End");
  await last.waitFor();
  const drawn = await table.locator("tbody tr").count();
  if (drawn > 200) throw new Error(`${drawn} rows of 100,000 are in the page`);
}

const main = () =>
  withPage(url, async (page, account) => {
    await page.setViewportSize({ width: 1280, height: 900 });
    await enter(page);
    for (const part of [wrong, saved, chart, stopped, alert, many]) await part(page);
    const known = (text) => text.startsWith("Failed to load resource") || (text.startsWith("Applying inline style violates") && /\/app\/shop\/sql[?)]/.test(text));
    const strange = account.consoleErrors.filter((text) => !known(text));
    process.stdout.write(`${JSON.stringify({ walked: true, consoleErrors: strange, pageErrors: account.pageErrors })}\n`);
  });

main().then(() => process.exit(0), (error) => {
  console.error(error);
  process.exit(1);
});
