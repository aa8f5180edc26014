// A walk through dashboards in Chromium: built in, made, edited by pointer and by keys, given away, embedded, on the wall, taken along, removed.
// Told by environment: PAGES_URL, PAGES_LINK (of the first owner). Prints one line of JSON.
"use strict";
const { expect, look } = require("./account_pages_gear.cjs");
const { OWNER, fill, press, title } = require("./account_pages_people.cjs");
const { answered, board, csvOf, post, tileNamed } = require("./boards_pages_gear.cjs");
const { embedded, shared } = require("./boards_pages_given.cjs");
const { fromSql } = require("./boards_pages_sql.cjs");
const { withPage } = require("./browser.cjs");
const { becomes } = require("./waits.cjs");

const { PAGES_URL: url, PAGES_LINK: link } = process.env;

async function enter(page) {
  await page.goto(link);
  for (const [label, text] of [["E-mail address", OWNER.email], ["Your name", OWNER.name], ["New password", OWNER.password], ["Organisation", "Example"], ["First project", "shop"]]) {
    await fill(page, label, text);
  }
  await press(page, "Make the account");
  await title(page, `Welcome, ${OWNER.name}`);
}

/** From numbers of activities to these, page by page, and to those who did them; from a number of SQL to its rows. */
async function down(page, [[event, times, people]]) {
  const dialog = page.getByRole("dialog");
  const told = () => dialog.getByRole("status").textContent();
  await tileNamed(page, "What they do").getByRole("button", { name: `${times.toLocaleString("en")}, times: ${event}: who is this?`, exact: true }).click();
  await becomes("as many activities as the table says", told, `${times.toLocaleString("en")} activities`);
  const listed = dialog.getByRole("list", { name: "Activities" }).getByRole("listitem");
  const first = await listed.first().textContent();
  if (!first.includes(event)) throw new Error(`${first} is no ${event}`);
  await listed.first().locator("summary").click();
  await listed.first().getByText("Id", { exact: true }).waitFor();
  await look(page, "boards-activities");
  if (times > 50) {
    await dialog.getByRole("button", { name: "Next" }).click();
    await becomes("another page", async () => (await listed.first().textContent()) !== first, true);
  }
  await dialog.getByRole("radio", { name: "People" }).check({ force: true });
  await becomes("as many people as the table says", told, `${people.toLocaleString("en")} people`);
  await page.keyboard.press("Escape");
  await board(page, "data-quality", "Data quality");
  await tileNamed(page, "Through which doors").getByRole("button", { name: /which rows are these/ }).first().click();
  await title(page, "SQL");
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await page.getByRole("region", { name: "Result as a table" }).waitFor();
  await board(page, "product-overview", "Product overview");
}

/** Each built-in dashboard answers without a fault, and its numbers are those of the API. */
async function builtIn(page) {
  await page.goto(`${url}/app/shop/dashboards`);
  await title(page, "Dashboards");
  await page.getByRole("region", { name: "Built in" }).getByRole("link", { name: "Product overview" }).waitFor();
  await look(page, "boards-list");
  const keys = { acquisition: "Acquisition", engagement: "Engagement", retention: "Retention", places: "Places", experiments: "Experiments", "data-quality": "Data quality", operations: "Operations", "product-overview": "Product overview" };
  for (const [key, name] of Object.entries(keys)) {
    await board(page, key, name);
    const faults = await page.getByRole("alert").allTextContents();
    expect(`faults of ${key}`, faults, []);
  }
  await look(page, "boards-overview");
  const answer = async (tile, variables = {}) => (await post(page, "/v1/projects/shop/dashboards/product-overview/answers", { tile, variables })).body;
  const peopleOf = async (variables) => (await answer("people-total", variables)).answer.lines[0].measures[0][0];
  const people = await peopleOf();
  // Different people of the whole time, whichever door one asks: not the sum of each day's.
  const [from, until] = [-29, 1].map((days) => new Date((Math.floor(Date.now() / 86_400_000) + days) * 86_400_000).toISOString());
  const counted = (await post(page, "/v1/projects/shop/sql", { sql: "SELECT count(DISTINCT person_id) FROM activity WHERE timestamp >= $from AND timestamp < $until", params: { from, until } })).body.rows[0][0];
  expect("people of the whole time", people, counted);
  const written = async () => Number((await tileNamed(page, "People").locator(".tile-figure").textContent()).replace(/,/g, ""));
  await becomes("the number of people", written, people);
  await tileNamed(page, "People").locator(".tile-figure button").click();
  await becomes("the people behind the number", () => page.getByRole("dialog").getByRole("status").textContent(), `${people.toLocaleString("en")} people`);
  await page.keyboard.press("Escape");
  const top = (await answer("top-activities")).answer.lines.map(({ label, measures }) => [label.values[0], measures[0][0], measures[1][0]]).sort((a, b) => b[1] - a[1]);
  expect("the table's CSV", (await csvOf(page, "What they do")).slice(1), top.map((row) => row.map(String)));
  // The same as a statement over the rows.
  const inOrder = (rows) => [...rows].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  const topOfRows = "SELECT event, count(*) AS times, count(DISTINCT person_id) AS people FROM activity WHERE timestamp >= $from AND timestamp < $until GROUP BY event";
  expect("activities with times and people", inOrder(top), inOrder((await post(page, "/v1/projects/shop/sql", { sql: topOfRows, params: { from, until } })).body.rows));
  await down(page, top);
  const trend = (await answer("people-per-day")).answer.lines[0].measures[0];
  expect("the trend's CSV", (await csvOf(page, "People per day")).slice(1).map((row) => Number(row.at(-2))), trend);
  // A variable narrows SQL and insights alike.
  await fill(page, "Country", "DE");
  await page.getByLabel("Country", { exact: true }).press("Enter");
  const german = await peopleOf({ country: "DE" });
  await becomes("people of one country", written, german);
  if (!(german > 0 && german < people)) throw new Error(`${german} of ${people}`);
  const told = async (tile) => { const { rows, answer: of, is_filtered } = await answer(tile, { country: "DE" }); return [of ? of.lines[0].measures[0][0] : rows[0][0], is_filtered]; };
  for (const tile of ["sessions-total", "new-people"]) {
    const [of, isFiltered] = await told(tile);
    const all = await answer(tile);
    if (!isFiltered || !(of < (all.answer ? all.answer.lines[0].measures[0][0] : all.rows[0][0]))) throw new Error(`${tile} of one country: ${of}`);
  }
}

const SQL = "SELECT event, count(*) AS times FROM activity WHERE timestamp >= $from AND timestamp < $until AND ($plan IS NULL OR properties->>'plan' = $plan) GROUP BY event ORDER BY times DESC LIMIT 5";

async function addTile(page, name, kind, text) {
  await press(page, "Add a tile");
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Title", { exact: true }).fill(name);
  await dialog.getByRole("radio", { name: kind }).check({ force: true });
  if (kind === "Insight") await dialog.getByRole("button", { name: "As JSON" }).click();
  await dialog.locator("textarea").fill(text);
  await dialog.getByRole("button", { name: "Add it" }).click();
}

const places = (page) => page.evaluate(() => Object.fromEntries([...document.querySelectorAll(".tile")].map((tile) => [tile.getAttribute("aria-label"), `${tile.style.gridColumn} / ${tile.style.gridRow}`])));

/** Made, filled, arranged by pointer and by keys, refused where it is wrong, kept. */
async function edited(page) {
  await page.goto(`${url}/app/shop/dashboards`);
  await press(page, "New dashboard");
  await fill(page, "Title", "Sales");
  await press(page, "Create");
  await title(page, "Sales");
  await look(page, "boards-empty");
  await press(page, "Edit");
  await becomes("the title has the focus while it is edited", () => page.evaluate(() => document.activeElement?.tagName), "H1");
  await press(page, "Settings");
  await press(page, "Add a variable");
  await page.getByLabel("Name", { exact: true }).fill("plan");
  await page.getByLabel("Options, separated by commas").pressSequentially("free, pro");
  const zone = page.getByLabel("Time zone");
  const own = await zone.inputValue();
  await zone.fill("Nowhere/None");
  await press(page, "Done");
  await becomes("a zone that is none is not taken", () => zone.evaluate((input) => input.validity.customError), true);
  await zone.fill(own);
  await look(page, "boards-settings");
  await press(page, "Done");
  await addTile(page, "Top", "SQL", SQL.replace("$plan IS NULL", "$nobody IS NULL"));
  await addTile(page, "Words", "Text", "Sales are what was bought.");
  await addTile(page, "Buyers", "Insight", JSON.stringify({ question: "trend", bucket: "day", series: [{ select: { activities: ["purchase"] }, measures: ["people"] }] }));
  // Clicked together, and taken away again.
  await press(page, "Add a tile");
  const chosen = page.getByRole("dialog");
  await chosen.getByLabel("Title", { exact: true }).fill("Clicked");
  await chosen.getByRole("radio", { name: "Insight" }).check({ force: true });
  await chosen.getByRole("radio", { name: "Retention" }).check({ force: true });
  await chosen.getByRole("combobox", { name: "Activity 1" }).fill("app_installed");
  await look(page, "boards-builder");
  await chosen.getByRole("button", { name: "Add it" }).click();
  await page.getByRole("button", { name: "Change Clicked" }).click();
  await becomes("what was clicked is chosen again", async () => [await chosen.getByRole("radio", { name: "Retention" }).isChecked(), await chosen.getByRole("combobox", { name: "Activity 1" }).inputValue()], [true, "app_installed"]);
  await chosen.getByRole("button", { name: "As JSON" }).click();
  await becomes("what was clicked", async () => JSON.parse(await chosen.locator("textarea").inputValue()).start, { activities: ["app_installed"] });
  await chosen.getByRole("button", { name: "Close" }).click();
  // Taken out, taken back by the key that has the focus, and taken out for good.
  await page.getByRole("button", { name: "Remove Clicked" }).click();
  await page.getByText("Clicked is removed.").waitFor();
  await becomes("the focus is on the way back", () => page.evaluate(() => document.activeElement?.textContent), "Undo");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Change Clicked" }).waitFor();
  await page.getByRole("button", { name: "Remove Clicked" }).click();
  await press(page, "Save");
  // What is wrong is said, with its place; nothing is lost.
  await page.getByRole("alert").getByText("$nobody").first().waitFor();
  await page.getByRole("button", { name: "Change Top" }).click();
  await page.getByRole("dialog").locator("textarea").fill(SQL);
  await press(page, "Apply");
  // By keys: the size handle of one, then the move handle of another.
  const before = await places(page);
  await page.getByRole("button", { name: "Size of Top" }).focus();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowDown");
  await becomes("sized by keys", async () => (await places(page)).Top, "1 / span 7 / 1 / span 6");
  await page.getByRole("button", { name: "Move Buyers", exact: true }).focus();
  await page.keyboard.press("ArrowUp");
  await page.getByRole("status").filter({ hasText: /Buyers: column/ }).waitFor();
  await becomes("Buyers moved by keys", async () => (await places(page)).Buyers !== before.Buyers, true);
  await look(page, "boards-edit");
  // By pointer: to the right.
  const handle = await page.getByRole("button", { name: "Move Buyers", exact: true }).boundingBox();
  const grid = await page.locator(".board").boundingBox();
  await page.mouse.move(handle.x + 10, handle.y + 10);
  await page.mouse.down();
  for (let step = 1; step <= 8; step++) await page.mouse.move(handle.x + 10 + (step * grid.width) / 16, handle.y + 10, { steps: 2 });
  await page.mouse.up();
  await becomes("dragged to the right", async () => (await places(page)).Buyers.split(" /")[0], "7");
  await press(page, "Save");
  await page.getByRole("button", { name: "Edit", exact: true }).waitFor();
  await answered(page);
  const kept = await places(page);
  await page.reload();
  await title(page, "Sales");
  await answered(page);
  await becomes("kept places", () => places(page), kept);
  await page.getByLabel("plan", { exact: true }).selectOption("pro");
  await answered(page);
  const asked = (await post(page, "/v1/projects/shop/dashboards/sales/answers", { tile: "top", variables: { plan: "pro" } })).body.rows;
  await page.waitForFunction((times) => document.querySelector('[aria-label="Top"] .chart')?.innerHTML.length > 0 && times > 0, asked[0][1]);
  await becomes("the chart's CSV under a variable", async () => (await csvOf(page, "Top")).slice(1), asked.map((row) => row.map(String)));
  await look(page, "boards-sales");
}

/** The engines fail: each tile says so, and asking again helps. */
async function failures(page) {
  await page.route("**/dashboards/sales/answers", (route) => route.abort());
  await page.goto(`${url}/app/shop/dashboards/sales`);
  await page.getByRole("alert").first().waitFor();
  await look(page, "boards-failing");
  await page.unroute("**/dashboards/sales/answers");
  for (const tile of ["Top", "Buyers"]) {
    await tileNamed(page, tile).getByRole("button", { name: "Try again" }).click();
    await tileNamed(page, tile).getByRole("alert").waitFor({ state: "detached" });
  }
  await page.goto(`${url}/app/shop/dashboards/none`);
  await page.getByRole("alert").waitFor();
}

/** Asked again by itself while somebody looks. */
async function refreshed(page) {
  const tiles = [{ id: "one", x: 0, y: 0, width: 6, height: 4, ask: { sql: "SELECT count(*) AS times FROM activity" } }];
  await post(page, "/v1/projects/shop/dashboards", { key: "watched", dashboard: { footfall: "dashboard/1", title: "Watched", refresh_seconds: 10, tiles } });
  await board(page, "watched", "Watched");
  await page.waitForResponse((response) => response.url().endsWith("/dashboards/watched/answers") && response.ok());
}

/** What happened when, from a dashboard: written down, seen on its charts, taken back. */
async function annotated(page) {
  await board(page, "product-overview", "Product overview");
  await press(page, "Annotations");
  const dialog = page.getByRole("dialog", { name: "Annotations" });
  await dialog.getByText(/No annotations yet/).waitFor();
  const yesterday = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);
  await dialog.getByLabel("Day", { exact: true }).fill(yesterday);
  await dialog.getByLabel("What", { exact: true }).fill("A newsletter went out");
  await dialog.getByRole("button", { name: "Add", exact: true }).click();
  await dialog.getByRole("listitem").filter({ hasText: "A newsletter went out" }).waitFor();
  await look(page, "boards-annotations");
  await dialog.getByRole("button", { name: "Close" }).click();
  const chart = tileNamed(page, "People per day").locator("svg");
  await chart.getByText("A newsletter went out").waitFor();
  const told = await page.evaluate(async () => (await (await fetch("/v1/projects/shop/annotations")).json()).items.map(({ content }) => [content.at.slice(0, 10), content.text]));
  expect("what the API has", told, [[yesterday, "A newsletter went out"]]);
  await press(page, "Annotations");
  await dialog.getByRole("button", { name: "Remove A newsletter went out" }).click();
  await press(page, "Remove it");
  await dialog.getByText(/No annotations yet/).waitFor();
  await page.keyboard.press("Escape");
  await chart.getByText("A newsletter went out").waitFor({ state: "detached" });
}

async function tv(page) {
  await board(page, "sales", "Sales");
  await press(page, "TV mode");
  await page.getByRole("button", { name: "Leave TV mode" }).waitFor();
  await becomes("nothing but tiles", () => page.locator(".places").isVisible(), false);
  await look(page, "boards-tv");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Edit", exact: true }).waitFor();
}

/** Twelve tiles at once: from asking to the last answer, and until the page has drawn them. */
async function twelve(page) {
  const tiles = Array.from({ length: 12 }, (_, at) => ({
    id: `t${at}`, x: (at % 4) * 3, y: Math.floor(at / 4) * 4, width: 3, height: 4,
    ask: at % 2 ? { sql: `SELECT event, count(*) AS times FROM activity WHERE timestamp >= $from AND ${at} >= 0 GROUP BY event ORDER BY times DESC LIMIT 10` }
      : { insight: { question: "trend", bucket: "day", series: [{ select: { activities: [["browse", "cart", "purchase"][at % 3]] }, measures: [["people"], ["count"]][(at / 2) % 2] }] } },
  }));
  await post(page, "/v1/projects/shop/dashboards", { key: "twelve", dashboard: { footfall: "dashboard/1", title: "Twelve", tiles } });
  const api = await page.evaluate(async () => {
    const begun = performance.now();
    await Promise.all(Array.from({ length: 12 }, (_, at) => fetch("/v1/projects/shop/dashboards/twelve/answers", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ tile: `t${at}` }) }).then((answer) => answer.json())));
    return Math.round(performance.now() - begun);
  });
  const begun = Date.now();
  await page.goto(`${url}/app/shop/dashboards/twelve`);
  await page.waitForFunction(() => document.querySelectorAll(".tile .chart svg").length === 12);
  return { answers_ms: api, drawn_ms: Date.now() - begun };
}

/** Comments are kept by the file's editor; a dashboard that is removed is gone. */
async function fileAndEnd(page) {
  await board(page, "sales", "Sales");
  await press(page, "File");
  const area = page.getByRole("dialog").locator("textarea");
  await area.fill(`# A comment\n${await area.inputValue()}`.replace("title: Sales", "title: Sold"));
  await press(page, "Save the file");
  await title(page, "Sold");
  const text = await page.evaluate(async () => (await (await fetch("/v1/projects/shop/dashboards/sales")).json()).text);
  expect("the comment", text.startsWith("# A comment\n"), true);
  await press(page, "Edit");
  await press(page, "Remove the dashboard");
  await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
  await press(page, "Remove the dashboard");
  await press(page, "Remove it");
  await title(page, "Dashboards");
  await page.getByRole("region", { name: "In this project" }).getByText("From a file").waitFor();
  await becomes("it is gone", () => page.getByRole("link", { name: "Sold" }).count(), 0);
}

const main = () =>
  withPage(url, async (page, account) => {
    await page.setViewportSize({ width: 1280, height: 900 });
    await enter(page);
    await builtIn(page);
    await edited(page);
    await failures(page);
    await shared(page);
    await embedded(page);
    await annotated(page);
    await refreshed(page);
    await tv(page);
    const purchases = await fromSql(page);
    const twelveTiles = await twelve(page);
    await fileAndEnd(page);
    // A frame of a page that may not hold the dashboard says so.
    const known = (text) => text.startsWith("Failed to load resource") || /frame-ancestors/.test(text) || (text.startsWith("Applying inline style violates") && /\/app\/shop\/sql[?)]/.test(text));
    const strange = account.consoleErrors.filter((text) => !known(text));
    process.stdout.write(`${JSON.stringify({ walked: true, purchases, twelveTiles, consoleErrors: strange, pageErrors: account.pageErrors })}\n`);
  });

main().then(() => process.exit(0), (error) => {
  console.error(error);
  process.exit(1);
});
