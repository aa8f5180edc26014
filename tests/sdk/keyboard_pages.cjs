// A walk by keys alone: an experiment from its idea to its draft, a flag from its rule to its switch, a statement that is asked and saved, and a
// dashboard that is given away. No pointer is used but to open a page by its address. Told by environment: PAGES_URL; the account is there.
"use strict";
const { expect } = require("./account_pages_gear.cjs");
const { title } = require("./account_pages_people.cjs");
const { enter: signIn, settled } = require("./app_pages_enter.cjs");
const { withPage } = require("./browser.cjs");
const { back, enter, focus, tabTo, type } = require("./keyboard_pages_gear.cjs");
const { becomes, until } = require("./waits.cjs");

const { PAGES_URL: url } = process.env;
const at = async (page, path, name) => {
  await page.goto(`${url}/app/shop/${path}`);
  await title(page, name);
  await settled(page);
};
const ask = (page, path) => page.evaluate(async (path) => (await fetch(`/v1/projects/shop/${path}`)).json(), path);
const nameOf = async (page) => (await focus(page)).name;

/** All five steps; the focus is at the top of each, and at the title of the page that follows. */
async function wizard(page) {
  await at(page, "experiments", "Experiments");
  await tabTo(page, /^New experiment$/);
  await enter(page);
  await title(page, "New experiment");
  await type(page, /^Key$/, "by-keys");
  await type(page, /^Hypothesis$/, "Keys are enough.");
  await type(page, /^Owner$/, "Olga Owner");
  const next = async (step) => {
    await tabTo(page, /^Save and go on$/);
    await enter(page);
    await becomes("the step that has the focus", () => nameOf(page), step);
  };
  await next("Variations");
  await type(page, /^Variation 1$/, "keys");
  await type(page, /^Flag$/, "keyed_experiment");
  await tabTo(page, /^Its values are/);
  await page.keyboard.press("ArrowDown");
  await next("Who takes part");
  await type(page, /^Share of them that takes part/, "50");
  await next("Metrics");
  await tabTo(page, /^Add to goals$/);
  await page.keyboard.type("purch");
  await page.getByRole("option", { name: "purchases" }).waitFor();
  await page.keyboard.press("ArrowDown");
  await enter(page);
  await page.getByRole("region", { name: "Goals" }).getByRole("listitem").filter({ hasText: "purchases" }).waitFor();
  await next("Plan");
  await tabTo(page, /^Save and look at it$/);
  await enter(page);
  await title(page, "by-keys");
  await becomes("the title has the focus", async () => (await focus(page)).kind, "H1");
  const { definition, state } = await ask(page, "experiments/by-keys");
  expect("what was made", [definition.variations.map(({ key }) => key), definition.coverage, definition.goals, state.status], [["control", "keys"], 0.5, ["purchases"], "draft"]);
  expect("the flag of it", (await ask(page, "features/keyed_experiment")).definition.value_type, "string");
}

/** A share of people gets it on; then it is switched off for a reason. */
async function flag(page) {
  await at(page, "flags", "Flags");
  await tabTo(page, /^New flag$/);
  await enter(page);
  await title(page, "New flag");
  await settled(page);
  await type(page, /^Key$/, "keyed");
  await tabTo(page, /^Add a rule$/);
  await enter(page);
  await back(page, /^Gives/);
  await page.keyboard.press("ArrowDown");
  await tabTo(page, /^Value/);
  await page.keyboard.press("Home");
  await tabTo(page, /^Share$/);
  for (let turn = 0; turn < 15; turn++) await page.keyboard.press("ArrowRight");
  await tabTo(page, /^Make the flag$/);
  await enter(page);
  await title(page, "keyed");
  await page.getByText("to 25 %").waitFor();
  await settled(page);
  await tabTo(page, /^Switch off: keyed in production$/);
  await enter(page);
  await page.getByRole("dialog").waitFor();
  await type(page, /^Reason$/, "By keys.");
  await tabTo(page, /^Switch off$/);
  await enter(page);
  await page.getByText(/^off in production/).waitFor();
  await page.getByRole("dialog").waitFor({ state: "detached" });
  const { definition } = await ask(page, "features/keyed");
  expect("the flag", [definition.off_in, definition.rules[0].serve.rollout.coverage, definition.rules[0].serve.rollout.value], [["production"], 0.25, true]);
}

/** Typed, asked by Ctrl and Enter, its value bound, saved under a title; the editor is no trap. */
async function sql(page) {
  await at(page, "sql", "SQL");
  await page.getByRole("textbox", { name: "SQL" }).waitFor();
  await type(page, /^SQL$/, "SELECT count(*) AS times FROM activity WHERE event = $event", "DIV");
  await page.keyboard.press("Escape");
  await page.keyboard.press("ControlOrMeta+Enter");
  await page.getByText(/^1 rows? in/).waitFor();
  await type(page, /^\$event$/, "purchase");
  await tabTo(page, /^Run$/);
  await enter(page);
  const [[times]] = (await page.evaluate(async () => (await fetch("/v1/projects/shop/sql", { method: "POST", headers: { "content-type": "application/json" }, body: '{"sql": "SELECT count(*) FROM activity WHERE event = \'purchase\'"}' })).json())).rows;
  await becomes("the number", () => page.getByRole("region", { name: "Result as a table" }).locator("tbody td").first().textContent(), String(times));
  await tabTo(page, /^Save$/);
  await enter(page);
  await page.getByRole("dialog").waitFor();
  await type(page, /^Title$/, "Bought");
  await enter(page);
  await page.getByRole("dialog").getByText("It is saved.").waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await becomes("the focus is back", () => nameOf(page), "Save");
  await tabTo(page, /^Bought$/);
  expect("what is saved", (await ask(page, "questions/bought")).content.parameters.map((one) => [one.name, one.default]), [["event", "purchase"]]);
}

/** A link is made and ended again. */
async function sharing(page) {
  await page.evaluate(() => fetch("/v1/projects/shop/dashboards", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ key: "keyed", dashboard: { footfall: "dashboard/1", title: "Keyed", tiles: [{ id: "one", x: 0, y: 0, width: 6, height: 4, ask: { sql: "SELECT count(*) AS times FROM activity" } }] } }) }));
  await at(page, "dashboards/keyed", "Keyed");
  await tabTo(page, /^Share$/);
  await enter(page);
  const dialog = page.getByRole("dialog");
  await dialog.waitFor();
  await type(page, /^What it is for$/, "The team");
  await tabTo(page, /^Create the link$/);
  await enter(page);
  const address = await until("the link", () => page.getByLabel("The link, shown this once").inputValue(), (text) => text.startsWith("http"));
  await tabTo(page, /^The link, shown this once/);
  await becomes("the link is chosen, to be copied", () => page.evaluate(() => getSelection().toString() || document.activeElement.value.slice(document.activeElement.selectionStart, document.activeElement.selectionEnd)), address);
  await tabTo(page, /^End The team$/);
  await enter(page);
  await dialog.getByText("Nobody outside sees this dashboard.").waitFor();
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  await becomes("the focus is back", () => nameOf(page), "Share");
}

const main = () =>
  withPage(url, async (page, account) => {
    await page.setViewportSize({ width: 1280, height: 900 });
    await signIn(page);
    for (const part of [wizard, flag, sql, sharing]) await part(page);
    const known = (text) => text.startsWith("Failed to load resource") || (text.startsWith("Applying inline style violates") && /\/app\/shop\/sql[?)]/.test(text));
    const strange = account.consoleErrors.filter((text) => !known(text));
    process.stdout.write(`${JSON.stringify({ walked: true, consoleErrors: strange, pageErrors: account.pageErrors })}\n`);
  });

main().then(() => process.exit(0), (error) => {
  console.error(error);
  process.exit(1);
});
