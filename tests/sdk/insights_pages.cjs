// A walk through the page of insights in Chromium: every kind and what its builder can say, saved cohorts, what happened when, the people
// behind numbers of charts and tiles, and what is taken along, whose numbers are the API's. Told by environment: PAGES_URL; the account is there.
"use strict";
const fs = require("node:fs");
const { expect, look } = require("./account_pages_gear.cjs");
const { press, title } = require("./account_pages_people.cjs");
const { choose, enter, settled } = require("./app_pages_enter.cjs");
const { withPage } = require("./browser.cjs");

const { PAGES_URL: url } = process.env;
const steps = (...activities) => activities.map((activity) => ({ activity }));
const answered = async (page) => {
  await page.waitForFunction(() => document.querySelector('[aria-label="Answer"][aria-busy="false"]'));
  await settled(page);
};
const ask = async (page, question) => {
  await page.goto(`${url}/app/shop/insights?${new URLSearchParams({ q: JSON.stringify({ days: 30, bucket: "day", ...question }) })}`);
  await answered(page);
  expect(`faults of ${question.kind}`, await page.getByRole("alert").allTextContents(), []);
};
const fileOf = async (page, button) => {
  const download = page.waitForEvent("download");
  await button.click();
  return fs.readFileSync(await (await download).path());
};
const taken = async (page, name, within = page) => (await fileOf(page, within.getByRole("button", { name, exact: true }))).toString("utf8");
const rowsOf = (csv) => csv.trim().split("\r\n").slice(1).map((line) => line.split(","));
const rows = async (page, sql) => {
  const asked = await page.evaluate(async (sql) => {
    const answer = await fetch("/v1/projects/shop/sql", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ sql }) });
    return { status: answer.status, body: await answer.json() };
  }, sql);
  if (asked.status !== 200) throw new Error(`${asked.status} ${JSON.stringify(asked.body)} for ${sql}`);
  return asked.body.rows;
};

/** The statement that each chart gives away answers with the chart's numbers. */
async function sameNumbers(page) {
  const kinds = {
    trend: [{ steps: steps("purchase"), breakdown: ["activity.os"] }, (csv) => csv.flatMap((line) => line.slice(1).map(Number)), (sql) => sql.map((row) => row[4])],
    funnel: [{ steps: steps("browse", "cart", "purchase") }, (csv) => csv.map((line) => Number(line[1])), (sql) => sql.map((row) => row[2])],
    retention: [{ bucket: "week", steps: steps("app_installed", "app_opened") }, (csv) => csv.flatMap((line) => line.slice(2).filter(Boolean).map(Number)), (sql) => sql.map((row) => row[3])],
    paths: [{ steps: steps("browse") }, (csv) => csv.map((line) => Number(line[1])), (sql) => sql.map((row) => row[1])],
    lifecycle: [{}, (csv) => csv.flatMap((line) => line.slice(1).map(Number)), (sql) => sql.flatMap((row) => row.slice(1))],
    stickiness: [{}, (csv) => csv.map((line) => Number(line[1])), (sql) => sql.map((row) => row[1])],
    sessions: [{}, (csv) => csv.map((line) => Number(line[1])), (sql) => sql.map((row) => row[1])],
    active_people: [{}, (csv) => csv.flatMap((line) => line.slice(1, 4).map(Number)), (sql) => sql.flatMap((row) => row.slice(1))],
    ranking: [{}, (csv) => csv.map((line) => Number(line[1])), (sql) => sql.map((row) => row[2])],
  };
  const sorted = (numbers) => [...numbers].sort((a, b) => a - b);
  let compared = 0;
  for (const [kind, [question, ofCsv, ofSql]] of Object.entries(kinds)) {
    await ask(page, { kind, steps: steps(""), ...question });
    const shown = sorted(ofCsv(rowsOf(await taken(page, "CSV"))));
    const told = sorted(ofSql(await rows(page, (await taken(page, "SQL")).trim().replace(/;$/, ""))));
    if (shown.length === 0) throw new Error(`${kind} has no numbers`);
    expect(`numbers of ${kind} and of its SQL`, shown, told);
    compared += shown.length;
  }
  return compared;
}

/** Kinds and choices that the builder has beside the usual. */
async function kinds(page) {
  const more = {
    "trend-formula": { kind: "trend", steps: steps("browse", "purchase"), formulas: ["B / A * 100"], running: "average7" },
    "funnel-time": { kind: "funnel", steps: steps("browse", "purchase"), isOverTime: true },
    "funnel-by": { kind: "funnel", steps: steps("browse", "cart", "purchase"), breakdown: ["activity.os"], touch: "last_touch", exclusions: [{ activity: "review", after: 1 }] },
    "retention-by": { kind: "retention", bucket: "week", steps: steps("app_installed", "purchase"), breakdown: ["plan"], isRecurring: true, isUnbounded: true },
    "paths-beginning": { kind: "paths", anchor: "beginning", shorter: true, length: 3 },
    correlation: { kind: "correlation", steps: steps("browse", "purchase"), factors: ["product", "list"], traits: ["plan"] },
    compare: { kind: "compare", steps: steps("browse", "purchase"), who: [{ kind: "did", activity: "review", times: 1 }] },
    places: { kind: "places", resolution: 4 },
  };
  for (const [name, question] of Object.entries(more)) {
    await ask(page, question);
    await page.locator(".chart svg").first().waitFor();
    await look(page, `app-${name}`);
  }
  await page.getByRole("link", { name: "On the map" }).click();
  await title(page, "Places");
  await page.locator(".map svg path").first().waitFor();
  await page.getByRole("link", { name: "Visits and how long they stayed" }).click();
  await title(page, "Insights");
  await answered(page);
  // By hand, and into the address.
  await ask(page, { kind: "funnel", steps: steps("browse", "purchase") });
  await page.getByLabel("Order", { exact: true }).selectOption("strict");
  await page.getByRole("button", { name: "Ended by …" }).click();
  await choose(page, "Ended by 1", "cart");
  await choose(page, "Broken down by", "plan");
  await page.getByRole("group", { name: "Activity 1", exact: true }).getByRole("button", { name: "Filter", exact: true }).click();
  await page.getByLabel("Looked at").selectOption("session");
  await choose(page, "Property", "rows");
  await page.getByLabel("Test", { exact: true }).selectOption("at_least");
  await choose(page, "Value", "3");
  await answered(page);
  const kept = JSON.parse(new URL(page.url()).searchParams.get("q"));
  expect("the address", [kept.order, kept.exclusions[0].activity, kept.breakdown, kept.steps[0].filters[0]], ["strict", "cart", ["plan"], { of: "session", property: "rows", test: "at_least", value: "3" }]);
  // Wrong input: refused with its place, and mended.
  await page.getByLabel("Test", { exact: true }).selectOption("regex");
  await choose(page, "Value", "(");
  await page.getByRole("alert").first().waitFor();
  await choose(page, "Value", "^[0-9]+$");
  await page.getByRole("alert").first().waitFor({ state: "detached" });
}

/** A group is saved, divides a trend, filters it, and is changed and removed. */
async function cohorts(page) {
  await ask(page, { kind: "cohort", who: [{ kind: "did", activity: "purchase", times: 3 }] });
  const people = Number((await page.getByText(/people belong/).textContent()).match(/^[\d,]+/)[0].replaceAll(",", ""));
  await press(page, "Save as a cohort");
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Name", { exact: true }).fill("Keen");
  await look(page, "app-cohort-save");
  await dialog.getByRole("button", { name: "Save it" }).click();
  await dialog.getByText("It is saved as keen").waitFor();
  await dialog.getByRole("button", { name: "Close" }).click();
  await ask(page, { kind: "cohort", who: [{ kind: "in", cohort: "keen" }] });
  expect("people of the saved cohort", Number((await page.getByText(/people belong/).textContent()).match(/^[\d,]+/)[0].replaceAll(",", "")), people);
  await ask(page, { kind: "trend", steps: steps("purchase"), cohorts: ["keen"] });
  expect("the trend's head", (await taken(page, "CSV")).split("\r\n")[0], "day,purchase · keen");
  await page.getByRole("button", { name: "Saved cohorts" }).click();
  await dialog.getByText(`${people} people now`).waitFor();
  await dialog.getByRole("button", { name: "A list of ids" }).click();
  await dialog.getByLabel("Name", { exact: true }).fill("By hand");
  await dialog.getByLabel("Ids of persons").fill("nobody-1, nobody-2");
  await dialog.getByRole("button", { name: "Save it" }).click();
  await dialog.getByRole("button", { name: "Change By hand" }).click();
  await dialog.getByLabel("Definition, as JSON").fill("{");
  await dialog.getByRole("button", { name: "Save it" }).click();
  await dialog.getByRole("alert").waitFor();
  await dialog.getByLabel("Definition, as JSON").fill('{"listed": ["nobody-3"]}');
  await dialog.getByLabel("Description").fill("Invited.");
  await dialog.getByRole("button", { name: "Save it" }).click();
  await dialog.getByText("Invited.").waitFor();
  await look(page, "app-cohorts");
  page.once("dialog", (asked) => asked.accept());
  await dialog.getByRole("button", { name: "Remove By hand" }).click();
  await dialog.getByText("By hand").waitFor({ state: "detached" });
  await page.keyboard.press("Escape");
  return people;
}

/** What happened when: said below a chart, seen on it and on dashboards, and taken back. */
async function happened(page) {
  await ask(page, { kind: "trend", steps: steps("purchase") });
  await press(page, "Say what happened");
  await page.getByLabel("What", { exact: true }).fill("Version 2.4 is out");
  await page.getByLabel("When", { exact: true }).selectOption("12");
  await press(page, "Add");
  await page.getByRole("region", { name: "What happened when" }).getByText("Version 2.4 is out").waitFor();
  await page.locator(".chart svg").getByText("Version 2.4 is out").waitFor();
  await look(page, "app-happened");
  await page.goto(`${url}/app/shop/dashboards/product-overview`);
  await page.getByRole("region", { name: "People per day" }).locator("svg").getByText("Version 2.4 is out").waitFor();
  await ask(page, { kind: "trend", steps: steps("purchase") });
  await page.getByRole("button", { name: "Remove Version 2.4 is out" }).click();
  await page.locator(".chart svg").getByText("Version 2.4 is out").waitFor({ state: "detached" });
}

/** From a number of a tile to its people, by the number itself and by the chart; and what is taken along of a tile. */
async function tiles(page) {
  await page.goto(`${url}/app/shop/dashboards/retention`);
  const table = page.getByRole("region", { name: "Cohorts in numbers", exact: true });
  const asked = table.locator("button.behind").first();
  await asked.waitFor();
  const people = (await asked.textContent()).trim();
  await asked.click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("link", { name: /^person-/ }).first().waitFor();
  expect("as many people as the tile says", (await dialog.getByRole("status").textContent()).trim(), `${people} people`);
  await look(page, "app-tile-behind");
  await page.keyboard.press("Escape");
  await page.goto(`${url}/app/shop/dashboards/product-overview`);
  const tile = page.getByRole("region", { name: "People per day", exact: true });
  await tile.locator(".chart svg").waitFor();
  const numbers = rowsOf(await taken(page, "People per day as CSV")).map((line) => Number(line.at(-2)));
  const sql = await taken(page, "People per day as SQL");
  expect("numbers of the tile and of its SQL", (await rows(page, sql.trim().replace(/;$/, ""))).filter((row) => row[3] === 0).map((row) => row[4]).slice(0, numbers.length), numbers);
  const picture = await fileOf(page, tile.getByRole("button", { name: "People per day as PNG" }));
  expect("a picture", picture.subarray(1, 4).toString(), "PNG");
  await tile.locator(".chart svg").click({ position: { x: 200, y: 60 } });
  await dialog.getByRole("status").waitFor();
  await page.keyboard.press("Escape");
  // A click on one of several bars means that bar.
  await ask(page, { kind: "funnel", steps: steps("browse", "purchase"), breakdown: ["plan"] });
  const groups = rowsOf(await taken(page, "CSV")).filter((line) => line[1] === "1 browse");
  const bars = await page.locator(".chart svg g rect").all();
  await bars[2].click();
  await dialog.getByRole("status").filter({ hasText: /people$/ }).waitFor();
  expect("people of the second bar", (await dialog.getByRole("status").textContent()).trim(), `${groups[1][2]} people`);
  await page.keyboard.press("Escape");
}

/** A question that takes long tells how far it is, and can be stopped and asked again. */
async function progress(page) {
  await page.addInitScript(() => {
    const real = window.fetch;
    window.fetch = (input, more) => {
      const request = new Request(input, more);
      if (!window.isSlow || !request.url.includes("/insights/")) return real(request);
      const told = 'event: progress\ndata: {"state":"asking","segments_done":3,"segments_all":4}\n\n';
      return Promise.resolve(new Response(new ReadableStream({ start: (stream) => { stream.enqueue(new TextEncoder().encode(told)); request.signal.addEventListener("abort", () => { window.wasGivenUp = true; stream.error(request.signal.reason); }); } }), { headers: { "content-type": "text/event-stream" } }));
    };
  });
  await ask(page, { kind: "trend", steps: steps("purchase") });
  await page.evaluate(() => { window.isSlow = true; });
  await page.getByRole("radio", { name: "7 days" }).check({ force: true });
  await page.getByText("Working it out · 75 %").waitFor();
  await look(page, "app-progress");
  await press(page, "Stop");
  await page.getByText("It was stopped.").waitFor();
  expect("the question was given up", await page.evaluate(() => window.wasGivenUp), true);
  await page.evaluate(() => { window.isSlow = false; });
  await press(page, "Ask again");
  await answered(page);
  expect("days of the answer", rowsOf(await taken(page, "CSV")).length, 7);
}

const main = () =>
  withPage(url, async (page, account) => {
    await page.setViewportSize({ width: 1280, height: 900 });
    await enter(page);
    const compared = await sameNumbers(page);
    await kinds(page);
    const keen = await cohorts(page);
    await happened(page);
    await tiles(page);
    await progress(page);
    const strange = account.consoleErrors.filter((text) => !text.startsWith("Failed to load resource"));
    process.stdout.write(`${JSON.stringify({ walked: true, compared, keen, consoleErrors: strange, pageErrors: account.pageErrors })}\n`);
  });

main().then(() => process.exit(0), (error) => {
  console.error(error);
  process.exit(1);
});
