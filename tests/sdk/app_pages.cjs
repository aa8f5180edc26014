// A walk through the web application in Chromium, with the activity of a shop (app_pages_shop.cjs) in the project. Told by
// environment: PAGES_URL. The account and the experiment are there (app_pages_made.cjs). Prints one line of JSON.
"use strict";
const fs = require("node:fs");
const { expect, look } = require("./account_pages_gear.cjs");
const { press, title } = require("./account_pages_people.cjs");
const { choose, enter, settled, to } = require("./app_pages_enter.cjs");
const { withPage } = require("./browser.cjs");
const { becomes } = require("./waits.cjs");

const { PAGES_URL: url } = process.env;
const answered = async (page) => {
  await page.waitForFunction(() => document.querySelector('[aria-label="Answer"][aria-busy="false"]'));
  await settled(page);
};
const at = (page, path) => page.goto(`${url}/app/shop/${path}`);

/** What the API said of rows it was asked for, as the page's table shows it. */
async function insights(page) {
  const project = page.url().match(/app\/([^/?]+)/)?.[1] ?? (await page.getByLabel("Project").inputValue());
  const ask = (kind, steps, more = {}) => `${url}/app/${project}/insights?${new URLSearchParams({ q: JSON.stringify({ kind, steps: steps.map((activity) => ({ activity, ...more })), days: 30, bucket: kind === "retention" ? "week" : "day" }) })}`;
  const kinds = [["trend", ["browse", "purchase"]], ["funnel", ["browse", "cart", "purchase"]], ["retention", ["app_installed", "app_opened"]], ["paths", ["browse"]], ["lifecycle", [""]], ["stickiness", [""]], ["sessions", [""]], ["active_people", [""]], ["distribution", ["purchase"]], ["time_between", ["cart", "purchase"]], ["ranking", [""]]];
  for (const [kind, steps] of kinds) {
    await page.goto(ask(kind, steps));
    await answered(page);
    await page.locator(kind === "time_between" ? ".grid" : ".chart svg").first().waitFor();
    await look(page, `app-${kind}`);
  }
  await page.goto(ask("trend", ["purchase"], { measure: "count" }));
  await answered(page);
  const answer = await page.evaluate(async (project) => {
    const since = new Date();
    since.setHours(0, 0, 0, 0);
    since.setDate(since.getDate() - 29);
    const body = JSON.stringify({ sql: "SELECT count(*) FROM activity WHERE event = 'purchase' AND timestamp >= $since", params: { since: since.toISOString() } });
    const asked = await fetch(`/v1/projects/${project}/sql`, { method: "POST", headers: { "content-type": "application/json" }, body });
    return (await asked.json()).rows[0][0];
  }, project);
  const download = page.waitForEvent("download");
  await press(page, "CSV");
  const text = fs.readFileSync(await (await download).path(), "utf8");
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

/** Results with people, intervals, days, and a decision with its reason. */
async function experiments(page) {
  await to(page, "Experiments");
  await settled(page);
  await page.getByText(/people$/).first().waitFor();
  await look(page, "app-experiments");
  await page.getByRole("link", { name: "checkout-button" }).click();
  await title(page, "checkout-button");
  await page.getByRole("region", { name: "Effects" }).waitFor();
  await settled(page);
  await look(page, "app-experiment");
  const shown = page.getByRole("region", { name: "People", exact: true }).locator("dd");
  const told = await page.evaluate(async () => (await (await fetch("/v1/projects/shop/experiments/checkout-button/results")).json()).variations.map(({ people }) => people));
  await becomes("people on the page and of the API", async () => (await shown.allTextContents()).map((text) => Number(text.split(" ")[0].replaceAll(",", ""))), told);
  await page.getByRole("radio", { name: "Bayesian" }).check();
  await page.getByText(/to win/).first().waitFor();
  await look(page, "app-experiment-bayesian");
  await segments(page);
  await press(page, "Ship");
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Reason").fill("More people buy.");
  await dialog.getByRole("button", { name: "Ship" }).click();
  await page.getByRole("heading", { name: "big_button was shipped" }).waitFor();
  await settled(page);
  await look(page, "app-experiment-shipped");
  return told;
}

/** The effect day by day, by groups of people, and where it differs: numbers of the API. */
async function segments(page) {
  await page.getByRole("region", { name: "Day by day" }).locator(".chart svg path").first().waitFor();
  const among = page.getByRole("region", { name: "Among whom" });
  await among.getByLabel("People by").selectOption("operating_system");
  await among.locator(".forest svg").waitFor();
  await among.getByText("In numbers", { exact: true }).click();
  const shown = () => among.getByRole("region", { name: "Groups in numbers" }).locator("tbody tr").evaluateAll((rows) => rows.map((row) => [row.cells[0].textContent, Number(row.cells[1].textContent.replaceAll(",", ""))]));
  const told = await page.evaluate(async () => (await (await fetch("/v1/projects/shop/experiments/checkout-button/results/breakdown?dimension=operating_system")).json()).metrics[0].levels.map(({ level, people }) => [level, people[0]]));
  await becomes("people of the groups", shown, told);
  expect("the systems of the shop", told.map(([level]) => level).filter((level) => ["iOS", "Android", "macOS", "Windows"].includes(level)).length, 4);
  await among.getByRole("button", { name: "Where does it differ?" }).click();
  await among.getByRole("region", { name: "Where it differs" }).getByRole("status").waitFor();
  await settled(page);
  await look(page, "app-experiment-segments");
}

/** A flag is made, changed, explained, switched off, and brought back. */
async function flags(page) {
  await to(page, "Flags");
  await page.getByRole("link", { name: "New flag" }).click();
  await title(page, "New flag");
  await page.getByLabel("Key", { exact: true }).fill("not a key");
  await press(page, "Make the flag");
  await page.getByRole("alert").waitFor();
  await page.getByLabel("Key", { exact: true }).fill("new_search");
  await press(page, "Add a rule");
  await page.getByLabel("Gives").selectOption("rollout");
  await page.getByLabel("Value", { exact: true }).first().selectOption("true");
  await press(page, "Add a condition");
  await choose(page, "Attribute", "country");
  await choose(page, "Value", "AT");
  await settled(page);
  await look(page, "app-flag-new");
  await press(page, "Make the flag");
  await title(page, "new_search");
  await page.getByText("1. country is AT").waitFor();
  await settled(page);
  await look(page, "app-flag");
  await page.getByRole("radio", { name: "Why this value?" }).check();
  await page.getByLabel("Id of the person").fill("person-0001");
  await press(page, "Evaluate");
  await page.getByText("The condition is not met (country is not known).").waitFor();
  await page.getByLabel("Attributes").fill('{"country": "AT"}');
  await press(page, "Evaluate");
  await page.getByText(/The hash of id falls/).first().waitFor();
  await look(page, "app-flag-why");
  await page.getByRole("radio", { name: "What it gives" }).check();
  await page.getByRole("button", { name: /Switch off: new_search/ }).first().click();
  await page.getByRole("dialog").getByLabel("Reason").fill("It is slow.");
  await page.getByRole("dialog").getByRole("button", { name: "Switch off" }).click();
  await page.getByText(/^off in production/).waitFor();
  await page.getByRole("radio", { name: "History" }).check();
  await page.getByText("It is slow.", { exact: true }).waitFor();
  await settled(page);
  await look(page, "app-flag-history");
  await page.getByRole("button", { name: "Go back to this: revision 1" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Go back" }).click();
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await page.getByRole("radio", { name: "What it gives" }).check();
  await page.getByText(/^on in production/).waitFor();
}

async function data(page) {
  await to(page, "Data");
  await settled(page);
  await look(page, "app-data");
  await page.getByRole("link", { name: "purchase" }).click();
  await title(page, "purchase");
  await settled(page);
  await page.getByRole("button", { name: "method" }).click();
  await page.getByRole("dialog").getByText("invoice").waitFor();
  await page.getByRole("button", { name: "Close" }).click();
  await look(page, "app-activity");
  await planned(page);
  await at(page, "data?part=quarantine");
  await page.getByRole("button", { name: /^Read again/ }).first().waitFor();
  await settled(page);
  await look(page, "app-quarantine");
  await page.getByRole("button", { name: /^Read again/ }).first().click();
  await page.getByRole("dialog").getByRole("button", { name: "Read again" }).click();
  await page.getByText(/still cannot be read/).waitFor();
}

/** An activity is described and held against a schema; what does not fit is counted, then refused, then read again. */
async function planned(page) {
  const meant = page.getByRole("region", { name: "Meant to be" });
  const change = async (button, act) => {
    await meant.getByRole("button", { name: button }).click();
    const dialog = page.getByRole("dialog");
    await act(dialog);
    return dialog;
  };
  const keep = async (dialog) => {
    await dialog.getByRole("button", { name: "Keep it" }).click();
    await dialog.waitFor({ state: "detached" });
  };
  const described = await change("Describe it", async (dialog) => {
    await dialog.getByLabel("Description").fill("Somebody paid.");
    await dialog.getByRole("button", { name: "Make one from what was seen" }).click();
    await page.waitForFunction(() => document.querySelector("dialog textarea[rows='10']")?.value.includes('"method"'));
    await dialog.getByLabel("Schema of its properties").fill('{"properties": {"method": {"$ref": "#/x"}}}');
    await dialog.getByRole("button", { name: "Keep it" }).click();
    await dialog.getByText(/references are not followed/).first().waitFor();
    await look(page, "app-plan-refused");
    await dialog.getByLabel("Schema of its properties").fill('{"required": ["method"], "properties": {"method": {"enum": ["card", "invoice"], "description": "How it was paid."}}}');
  });
  await keep(described);
  await meant.getByText("Somebody paid.").first().waitFor();
  await meant.getByText("How it was paid.").first().waitFor();
  const send = (id, method) => page.evaluate(async ([key, id, method]) => {
    const body = JSON.stringify({ event: "purchase", distinctId: "person-0003", messageId: id, properties: { method } });
    const answer = await fetch("/v1/activity", { method: "POST", headers: { authorization: `Bearer ${key}`, "content-type": "application/json" }, body });
    return (await answer.json()).accepted;
  }, [process.env.PAGES_WRITE_KEY, id, method]);
  expect("what does not fit is taken by default", await send("odd-1", "in kind"), 1);
  await becomes("the page says what does not fit", async () => {
    await page.reload();
    await settled(page);
    return (await meant.getByText("method is none of the values").count()) > 0;
  }, true);
  await meant.getByText("The newest of them").first().click();
  await meant.getByText(/in kind/).first().waitFor();
  await settled(page);
  await look(page, "app-planned");
  await keep(await change("Change", (dialog) => dialog.getByLabel("What becomes of one that does not fit").selectOption("refuse")));
  await meant.getByText("What does not fit is quarantined.").waitFor();
  expect("what does not fit is refused now", await send("odd-2", "in kind"), 0);
  await keep(await change("Change", (dialog) => dialog.getByLabel("Schema of its properties").fill('{"required": ["method"]}')));
  await meant.getByRole("button", { name: "History" }).click();
  await page.getByRole("dialog").getByText("Revision 3").first().waitFor();
  await look(page, "app-plan-history");
  await page.getByRole("button", { name: "Close" }).click();
  await at(page, "data?part=plan");
  await page.getByRole("region", { name: "Otherwise than planned" }).getByText(/1 times quarantined/).first().waitFor();
  await page.getByLabel("Activities that are not in the plan").selectOption("count");
  await settled(page);
  await look(page, "app-plan");
  await at(page, "data?part=quarantine");
  await page.getByRole("button", { name: "Read again: plan_violated" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Read again" }).click();
  await page.getByText("1 became activity, 0 still cannot be read.").waitFor();
}

/** One person: two ids are joined, and taken apart again. */
async function people(page) {
  await to(page, "People");
  await page.getByLabel("Find by the beginning of an id").fill("person-0001");
  await page.getByRole("link", { name: "person-0001" }).click();
  await title(page, "person-0001");
  await page.locator(".timeline li").first().waitFor();
  await settled(page);
  await page.getByRole("region", { name: "Flags and experiments" }).getByText("checkout_button").first().waitFor();
  await look(page, "app-person");
  await press(page, "Join another id");
  await page.getByRole("dialog").getByLabel("Id").fill("person-0002");
  await page.getByRole("dialog").getByRole("button", { name: "Join" }).click();
  await page.getByRole("dialog").waitFor({ state: "detached" });
  const back = page.getByRole("button", { name: /^Take back/ });
  await back.waitFor();
  await settled(page);
  await look(page, "app-person-joined");
  await back.click();
  await page.getByRole("dialog").getByRole("button", { name: "Take it back" }).click();
  await page.getByText(/taken back/).waitFor();
  await forgetting(page);
}

/** The same person's everything as a file; then they are forgotten, by name, and the list says so. */
async function forgetting(page) {
  const file = page.waitForEvent("download");
  await press(page, "Everything known");
  const lines = fs.readFileSync(await (await file).path(), "utf8").trim().split("\n").map((line) => JSON.parse(line));
  expect("the last line says that it is all", lines.at(-1), { rows: lines.length - 1, table: "end" });
  await press(page, "Forget this person");
  const dialog = page.getByRole("dialog");
  await dialog.getByText("person-0001").waitFor();
  await look(page, "app-person-forget");
  await dialog.getByRole("button", { name: "Forget for good" }).click();
  await dialog.waitFor({ state: "detached" });
  await page.getByRole("region", { name: "Forgotten" }).getByRole("status").first().waitFor();
  await page.getByLabel("Find by the beginning of an id").fill("person-0001");
  await page.getByText("Nobody has such an id.").waitFor();
  await settled(page);
  await look(page, "app-people-forgotten");
}

async function places(page) {
  await to(page, "Places");
  await page.locator(".map svg path").first().waitFor();
  await settled(page);
  await look(page, "app-places");
  await page.locator(".map").focus();
  for (const key of ["+", "+", "+", "ArrowUp"]) await page.keyboard.press(key);
  await page.getByRole("region", { name: "Cells as a table" }).getByRole("button").first().click();
  await page.getByRole("status", { name: "People of the cell" }).or(page.getByLabel("People of the cell")).first().waitFor();
  await settled(page);
  await look(page, "app-places-near");
}

/** A group, who is in it, and from a number to its people. */
async function groups(page) {
  const q = JSON.stringify({ kind: "cohort", who: [{ kind: "did", activity: "purchase", times: 3 }, { kind: "did_not", activity: "review" }], days: 30 });
  await at(page, `insights?${new URLSearchParams({ q })}`);
  await answered(page);
  await page.getByRole("link", { name: /^person-/ }).first().waitFor();
  await look(page, "app-cohort");
}

/** From a number to its people, and on to one of them. */
async function behind(page) {
  const q = JSON.stringify({ kind: "funnel", steps: [{ activity: "browse" }, { activity: "purchase" }], days: 30 });
  await at(page, `insights?${new URLSearchParams({ q })}`);
  await answered(page);
  const asked = page.locator("button.behind").first();
  await asked.waitFor();
  const people = (await asked.textContent()).trim();
  await asked.click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("link", { name: /^person-/ }).first().waitFor();
  await becomes("as many people as the number says", async () => (await dialog.getByRole("status").textContent()).trim(), `${people} people`);
  await look(page, "app-behind");
  await dialog.getByRole("link").first().click();
  await page.locator(".timeline li").first().waitFor();
}

async function live(page) {
  await to(page, "Live");
  await page.getByText(/^Live ·/).waitFor();
  const now = page.getByRole("region", { name: "Now" });
  const figure = (name) => now.locator(".figure").filter({ hasText: name }).locator("dd");
  const parts = page.getByRole("list", { name: "Parts of the program" });
  await parts.getByText("is ready", { exact: true }).waitFor();
  const named = await page.evaluate(async () => (await (await fetch("/readyz")).json()).checks.map(({ name }) => name));
  expect("parts on the page", await parts.locator("li").count(), named.length + 1);
  await becomes("parts that work", () => parts.getByText("works", { exact: true }).count(), named.length);
  const wave = () => page.evaluate(async (key) => {
    const body = JSON.stringify([{ event: "wave", distinctId: "person-0009" }, { event: "wave", distinctId: "person-0010" }]);
    await fetch("/v1/activity", { method: "POST", headers: { authorization: `Bearer ${key}`, "content-type": "application/json" }, body });
  }, process.env.PAGES_WRITE_KEY);
  const stream = page.getByRole("region", { name: "Arrivals" });
  // Whoever fills the tables hears a moment later that somebody watches: what comes before is not told.
  await becomes("people who wave are seen", async () => {
    await wave();
    return stream.getByText("wave").nth(1).waitFor({ timeout: 3000 }).then(() => true);
  }, true);
  // What has arrived is in the answers; that nothing came for long is no lag.
  await becomes("nothing waits", () => figure("Answers are behind").textContent(), "0 activities, 0 ms");
  await page.waitForFunction(() => Number(document.querySelector('[aria-label="Now"] dd')?.textContent) >= 2);
  await look(page, "app-live");
  const status = (lag, checks) => page.route("**/v1/status", (route) => route.fulfill({ json: { ready: checks.every(({ ok }) => ok), checks, lag } }));
  await status({ records_behind: 1200, seconds_behind: 7.25 }, [{ name: "log", ok: true }, { name: "jobs", ok: false, detail: "the job that fills the tables has ended" }]);
  await becomes("how far answers are behind", () => figure("Answers are behind").textContent(), "1,200 activities, 7.25 s");
  await parts.getByText("is not ready", { exact: true }).waitFor();
  await parts.getByRole("listitem").filter({ hasText: "Job" }).getByText("does not work").waitFor();
  await look(page, "app-live-behind");
  await page.unroute("**/v1/status");
  await parts.getByText("is ready", { exact: true }).waitFor();
  await press(page, "Hold");
  await page.getByText(/^Held ·/).waitFor();
  await press(page, "Go on");
  await page.getByText(/^Live ·/).waitFor();
  await stream.getByRole("link", { name: "person-0010" }).first().click();
  await title(page, "person-0010");
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
    const purchases = await insights(page);
    await groups(page);
    await behind(page);
    await places(page);
    const exposed = await experiments(page);
    await flags(page);
    await people(page);
    await data(page);
    await live(page);
    await sql(page);
    await failures(page);
    // Refusals were asked for; and CodeMirror sets the width of tabs by an attribute, which the policy of the pages blocks without harm.
    const known = (text) => text.startsWith("Failed to load resource") || (text.startsWith("Applying inline style violates") && /\/app\/shop\/sql[?)]/.test(text));
    const strange = account.consoleErrors.filter((text) => !known(text));
    process.stdout.write(`${JSON.stringify({ walked: true, purchases, exposed, consoleErrors: strange, pageErrors: account.pageErrors })}\n`);
  });

main().then(() => process.exit(0), (error) => {
  console.error(error);
  process.exit(1);
});
