// A walk through the page of insights in Chromium: every kind and what its builder can say, saved cohorts, what happened when, the people
// behind numbers of charts and tiles, and what is taken along, whose numbers are the API's. Told by environment: PAGES_URL; the account is there.
"use strict";
const fs = require("node:fs");
const { expect, look } = require("./account_pages_gear.cjs");
const { GUEST, press, title } = require("./account_pages_people.cjs");
const { cellsOf, choose, enter, fileOf, invite, join, settled } = require("./app_pages_enter.cjs");
const { withPage } = require("./browser.cjs");
const { becomes } = require("./waits.cjs");

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
/** The question that is in the address. */
const asked = (page) => JSON.parse(new URL(page.url()).searchParams.get("q"));
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

/** Midnight of the browser's day so many days ago. */
const daysAgo = (page, days) => page.evaluate((days) => { const day = new Date(); day.setHours(0, 0, 0, 0); day.setDate(day.getDate() - days); return day.toISOString(); }, days);

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
    active_people: [{}, (csv) => csv.flatMap((line) => line.slice(1, 4).map(Number)), (sql) => sql.flatMap((row) => row.slice(1, 4))],
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

/** Numbers on the page, and what the same question is answered by the API. */
async function asTheApi(page) {
  const ranks = ({ percentiles_ms }) => percentiles_ms.map(String);
  const share = (value) => `${(value * 100).toFixed(2)} %`;
  const trimmed = (bins) => bins.slice(bins.findIndex((count) => count > 0), bins.findLastIndex((count) => count > 0) + 1);
  const kinds = {
    distribution: [{ steps: steps("purchase"), property: "amount" }, (csv) => csv.map(([, times]) => Number(times)), ({ histogram }) => trimmed(histogram)],
    "distribution ": [{ steps: steps("purchase") }, (csv) => csv.map(([, people]) => Number(people)), ({ histogram }) => trimmed(histogram)],
    time_between: [{ steps: steps("cart", "purchase") }, (csv) => csv.map(([, , ms]) => ms), ranks],
    correlation: [{ steps: steps("browse", "purchase"), factors: ["product", "list"], traits: ["plan"] }, (csv) => csv.map((line) => [Number(line[1]), Number(line[2]), Number(line[5])]), ({ factors }) => factors.map((one) => [one.converted_with, one.dropped_with, Number(one.odds_ratio.toPrecision(3))])],
    compare: [{ steps: steps("browse", "purchase"), who: [{ kind: "did", activity: "review", times: 1 }] }, (csv) => csv.map(([, people, mean]) => [Number(people), mean]), ({ segments }) => segments.map(({ people, mean }) => [people, share(mean)])],
    places: [{ steps: steps(""), resolution: 4 }, (csv) => csv.map((line) => [line[0], ...line.slice(1, 5).map(Number)]), ({ places }) => places.map((one) => [one.cell, one.people, one.people_again, one.visits, one.rows])],
    cohort: [{ steps: steps(""), who: [{ kind: "did", activity: "purchase", times: 3 }] }, (csv) => csv.map(([person]) => person), ({ listed }) => listed],
  };
  let compared = 0;
  for (const [named, [question, ofCsv, ofAnswer]] of Object.entries(kinds)) {
    const kind = named.trim();
    await ask(page, { kind, ...question });
    // The definition, as the page gives it away.
    const given = (await taken(page, "SQL")).match(/\('(.*)'\)/s)[1].replaceAll("''", "'");
    const body = kind === "cohort" ? { cohort: JSON.parse(given), list: 200 } : JSON.parse(given);
    const answer = await page.evaluate(async ([kind, body]) => (await (await fetch(`/v1/projects/shop/insights/${kind}`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) })).json()).answer, [kind, body]);
    const [shown, told] = [ofCsv(cellsOf(await taken(page, "CSV"))), ofAnswer(answer)];
    if (told.length === 0) throw new Error(`${kind} has no numbers`);
    expect(`numbers of ${kind} and of the API`, shown, told);
    compared += told.flat().length;
    // What is said beside the numbers.
    if (kind === "cohort") await page.getByText(new RegExp(`^${answer.people.toLocaleString("en")} people belong to this group`)).waitFor();
    if (kind === "compare") await page.getByText(answer.absolute.can_be_said).waitFor();
    if (kind === "distribution") await page.getByText(new RegExp(`^${answer.count.toLocaleString("en")} ${question.property ? "times" : "people"}; least`)).waitFor();
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
    "places-cells": { kind: "places", resolution: 4 },
  };
  for (const [name, question] of Object.entries(more)) {
    await ask(page, question);
    await page.locator(".chart svg").first().waitFor();
    await look(page, `app-${name}`);
  }
  await page.getByRole("link", { name: "On the map" }).click();
  await title(page, "Places");
  await page.locator(".map svg path").first().waitFor();
  await page.getByRole("link", { name: "Visits and time spent" }).click();
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
  const kept = () => (({ order, exclusions, breakdown, steps }) => [order, exclusions[0].activity, breakdown, steps[0].filters[0]])(asked(page));
  await becomes("the address", kept, ["strict", "cart", ["plan"], { of: "session", property: "rows", test: "at_least", value: "3" }]);
  await conditions(page);
  // Wrong input: refused with its place, and mended.
  await page.getByLabel("Test", { exact: true }).selectOption("regex");
  await choose(page, "Value", "(");
  await page.getByRole("alert").first().waitFor();
  await choose(page, "Value", "^[0-9]+$");
  await page.getByRole("alert").first().waitFor({ state: "detached" });
}

/** What is proposed: activities and values, those that come most often first. */
async function proposals(page) {
  await ask(page, { kind: "trend", steps: steps("purchase") });
  const listed = async (name) => {
    const field = page.getByRole("combobox", { name, exact: true }).last();
    await field.click();
    const options = page.getByRole("listbox", { name, exact: true }).last().getByRole("option");
    await options.first().waitFor();
    return [field, options];
  };
  const [activity, known] = await listed("Activity A");
  const often = (await rows(page, "SELECT event, count(*) AS times FROM activity GROUP BY event ORDER BY times DESC LIMIT 3")).map(([event]) => event);
  await becomes("activities, the most frequent first", async () => (await known.locator("span").allTextContents()).slice(0, 3), often);
  await activity.pressSequentially("purch");
  await becomes("activities with these letters", () => known.locator("span").allTextContents(), ["purchase"]);
  await activity.press("ArrowDown");
  await activity.press("Enter");
  await page.getByRole("group", { name: "Activity A", exact: true }).getByRole("button", { name: "Filter", exact: true }).click();
  await choose(page, "Property", "method");
  const [value, values] = await listed("Value");
  const counted = await rows(page, "SELECT properties->>'method' AS value, count(*) AS times FROM (SELECT * FROM activity ORDER BY timestamp DESC LIMIT 20000) WHERE properties->>'method' IS NOT NULL GROUP BY 1 ORDER BY times DESC");
  await becomes("values, the most frequent first", () => values.locator("span").allTextContents(), counted.map(([value]) => value));
  await look(page, "app-proposals");
  await value.press("ArrowDown");
  await value.press("Enter");
  await answered(page);
  await becomes("the filter", () => asked(page).steps[0].filters[0].value, counted[0][0]);
}

/** Conditions on groups and in SQL: the numbers are SQL's. */
async function conditions(page) {
  const address = page.url();
  await ask(page, { kind: "trend", steps: [{ activity: "purchase", measure: "count" }] });
  const group = page.getByRole("group", { name: "Activity A", exact: true });
  await group.getByRole("button", { name: "Filter", exact: true }).click();
  await page.getByLabel("Looked at").selectOption("sql");
  const expression = page.getByLabel("Expression of SQL");
  await expression.fill("person_id = 'x'");
  await expression.press("Enter");
  await page.getByRole("alert").first().waitFor();
  await look(page, "app-filter-sql-refused");
  await expression.fill("os = 'iOS'");
  await expression.press("Enter");
  await page.getByRole("alert").first().waitFor({ state: "detached" });
  await answered(page);
  const since = Date.parse(await page.evaluate(() => { const day = new Date(); day.setHours(0, 0, 0, 0); day.setDate(day.getDate() - 29); return day.toISOString(); }));
  const counted = await page.evaluate(async (since) => {
    const body = JSON.stringify({ sql: "SELECT count(*) FROM activity WHERE event = 'purchase' AND os = 'iOS' AND timestamp >= $since", params: { since: new Date(since).toISOString() } });
    return (await (await fetch("/v1/projects/shop/sql", { method: "POST", headers: { "content-type": "application/json" }, body })).json()).rows[0][0];
  }, since);
  const sum = async () => (await taken(page, "CSV")).trim().split("\r\n").slice(1).reduce((sum, line) => sum + Number(line.match(/,(\d+)$/)[1]), 0);
  await becomes("a condition in SQL", async () => [await sum(), counted > 0], [counted, true]);
  await look(page, "app-filter-sql");
  await page.getByLabel("Looked at").selectOption("group");
  await choose(page, "Group", "company");
  await choose(page, "Value", "acme");
  await answered(page);
  await becomes("a condition on a group", () => asked(page).steps[0].filters[0], { of: "group", property: "", group: "company", test: "is", value: "acme" });
  await page.goto(address);
  await answered(page);
}

/** A group is saved, divides a trend, filters it, and is changed and removed. */
async function cohorts(page) {
  await ask(page, { kind: "cohort", who: [{ kind: "did", activity: "purchase", times: 3 }] });
  const belonging = async () => Number((await page.getByText(/people belong/).textContent()).match(/^[\d,]+/)[0].replaceAll(",", ""));
  const people = await belonging();
  await press(page, "Save as a cohort");
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Name", { exact: true }).fill("Keen");
  await look(page, "app-cohort-save");
  await dialog.getByRole("button", { name: "Save it" }).click();
  await dialog.getByText("It is saved as keen").waitFor();
  await dialog.getByRole("button", { name: "Close" }).click();
  await ask(page, { kind: "cohort", who: [{ kind: "in", cohort: "keen" }] });
  await becomes("people of the saved cohort", belonging, people);
  await ask(page, { kind: "trend", steps: steps("purchase"), cohorts: ["keen"] });
  await becomes("the trend's head", async () => (await taken(page, "CSV")).split("\r\n")[0], "day,purchase · keen");
  await page.getByRole("button", { name: "Saved cohorts" }).click();
  await dialog.getByText(`${people} people now`, { exact: true }).waitFor();
  await dialog.getByRole("button", { name: "New list of ids" }).click();
  await dialog.getByLabel("Name", { exact: true }).fill("By hand");
  await dialog.getByLabel("Ids", { exact: true }).fill("user_id\nperson-0004\nperson-0005\n");
  await dialog.getByRole("button", { name: "Save it" }).click();
  await dialog.getByText("2 people now", { exact: true }).waitFor();
  await dialog.getByRole("button", { name: "Edit list: By hand" }).click();
  await dialog.getByLabel("A file").setInputFiles({ name: "more.csv", mimeType: "text/csv", buffer: Buffer.from("person-0005,x\nperson-0006,y\n") });
  await dialog.getByRole("button", { name: "Upload" }).click();
  await dialog.getByText("1 added, 0 removed; 3 in the list.").waitFor();
  await look(page, "app-cohort-list");
  await dialog.getByLabel("Kind of ids").selectOption("person");
  await dialog.getByRole("button", { name: "Upload" }).click();
  await dialog.getByText(/is no id of a person/).first().waitFor();
  await dialog.getByRole("button", { name: "Back" }).click();
  await dialog.getByText("3 people now", { exact: true }).waitFor();
  await dialog.getByRole("button", { name: "Change By hand" }).click();
  await dialog.getByLabel("Definition, as JSON").fill("{");
  await dialog.getByRole("button", { name: "Save it" }).click();
  await dialog.getByRole("alert").waitFor();
  await dialog.getByLabel("Definition, as JSON").fill('{"listed": ["nobody-3"]}');
  await dialog.getByLabel("Description").fill("Invited.");
  await dialog.getByRole("button", { name: "Save it" }).click();
  await dialog.getByText("Invited.").waitFor();
  await look(page, "app-cohorts");
  await dialog.getByRole("button", { name: "Remove By hand" }).click();
  await press(page, "Remove it");
  await dialog.getByText("By hand by-hand").waitFor({ state: "detached" });
  await page.keyboard.press("Escape");
  return people;
}

/** The time before, and a time from a day to a day: their numbers are SQL's. */
async function times(page) {
  await ask(page, { kind: "trend", steps: [{ activity: "purchase", measure: "count" }], days: 7 });
  await page.getByLabel("Compare with the previous period").check();
  await answered(page);
  const [today, week, two] = [await daysAgo(page, -1), await daysAgo(page, 6), await daysAgo(page, 13)];
  const counted = async (from, until) => (await rows(page, `SELECT count(*) FROM activity WHERE event = 'purchase' AND timestamp >= '${from}' AND timestamp < '${until}'`))[0][0];
  const sums = async () => cellsOf(await taken(page, "CSV")).reduce((sums, [, ...numbers]) => numbers.map((number, at) => (sums[at] ?? 0) + Number(number)), []);
  await becomes("this week and the one before", sums, [await counted(week, today), await counted(two, week)]);
  await page.locator("figure .legend button").filter({ hasText: "purchase (before)" }).waitFor();
  await page.locator('.chart svg path[stroke-dasharray="5 4"]').first().waitFor();
  await look(page, "app-trend-before");
  // People of the week before are told as well.
  const before = page.getByRole("button", { name: /^[\d,]+, purchase \(before\):/ }).first();
  await before.waitFor();
  await page.getByLabel("Compare with the previous period").uncheck();
  await answered(page);
  await page.getByRole("radio", { name: "Custom" }).check({ force: true });
  const day = (days) => page.evaluate((days) => new Date(Date.now() - days * 86_400_000).toLocaleDateString("sv-SE"), days);
  await page.getByLabel("from", { exact: true }).fill(await day(20));
  await page.getByLabel("until", { exact: true }).fill(await day(11));
  await answered(page);
  await becomes("days of the range", async () => cellsOf(await taken(page, "CSV")).length, 10);
  await becomes("the number of the range", sums, [await counted(await daysAgo(page, 20), await daysAgo(page, 10))]);
  await look(page, "app-trend-range");
  await page.reload();
  await answered(page);
  await becomes("the range of the address", async () => [await page.getByLabel("from", { exact: true }).inputValue(), cellsOf(await taken(page, "CSV")).length], [await day(20), 10]);
  // The wrong way round it is the same time.
  await page.getByLabel("until", { exact: true }).fill(await day(25));
  await answered(page);
  await becomes("days of the range, turned", async () => cellsOf(await taken(page, "CSV")).length, 6);
}

/** Whoever closes the dialog without saving has saved nothing: what was chosen is offered again. */
async function notSaved(page) {
  await ask(page, { kind: "trend", steps: steps("purchase") });
  await page.getByRole("radio", { name: "Lifecycle" }).check({ force: true });
  await answered(page);
  await press(page, "Save");
  await page.getByRole("dialog").waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await page.goto(`${url}/app/shop/insights`);
  const notice = page.getByRole("region", { name: "Left unsaved" });
  await notice.getByText(/You left a question unsaved here/).waitFor();
  await notice.getByRole("button", { name: "Throw it away" }).click();
  await notice.waitFor({ state: "detached" });
}

/** A question is saved, opened from the list and by its address alone, changed, renamed and removed; what cannot be chosen is asked as it is. */
async function saved(page) {
  await ask(page, { kind: "funnel", steps: [{ activity: "browse", filters: [{ of: "activity", property: "activity.os", test: "is", value: "iOS" }] }, { activity: "purchase" }], windowDays: 3, who: [{ kind: "did", activity: "cart", times: 2 }] });
  const numbers = await taken(page, "CSV");
  await press(page, "Save");
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Title", { exact: true }).fill("Who buys on iOS");
  await dialog.getByRole("button", { name: "Save it" }).click();
  await dialog.getByText("It is saved.").waitFor();
  await page.keyboard.press("Escape");
  const list = page.getByRole("region", { name: "Saved questions" });
  const kept = () => page.evaluate(async () => (await (await fetch("/v1/projects/shop/questions/who-buys-on-ios")).json()).content);
  await ask(page, { kind: "lifecycle" });
  await list.getByText("Saved questions").click();
  await look(page, "app-saved-insights");
  await list.getByRole("link", { name: "Who buys on iOS" }).click();
  await list.getByText("«Who buys on iOS» is open").waitFor();
  await answered(page);
  await becomes("the numbers of what is opened", () => taken(page, "CSV"), numbers);
  await becomes("its steps, window and people", () => (({ kind, steps, windowDays, who }) => [kind, steps.map(({ activity }) => activity), steps[0].filters[0].value, windowDays, who[0].times])(asked(page)), ["funnel", ["browse", "purchase"], "iOS", 3, 2]);
  await page.getByRole("radio", { name: "7 days" }).check({ force: true });
  await page.getByLabel("Within", { exact: true }).selectOption("14");
  await answered(page);
  await press(page, "Change «Who buys on iOS» to this");
  await page.getByRole("button", { name: /^Change «/ }).waitFor({ state: "detached" });
  await becomes("what is kept", async () => (({ days, ask }) => [days, ask.insight.window_ms])(await kept()), [7, 14 * 86_400_000]);
  await list.getByRole("button", { name: "Rename Who buys on iOS" }).click();
  await dialog.getByLabel("Title", { exact: true }).fill("Buying on iOS");
  await dialog.getByLabel("Description").fill("For the release.");
  await dialog.getByRole("button", { name: "Rename it" }).click();
  await list.getByText("For the release.").waitFor();
  await becomes("its new title", async () => (({ title, days }) => [title, days])(await kept()), ["Buying on iOS", 7]);
  // By its address alone.
  await page.goto(`${url}/app/shop/insights?saved=who-buys-on-ios`);
  await list.getByText("«Buying on iOS» is open").waitFor();
  await answered(page);
  await becomes("the window of what is opened", () => page.getByLabel("Within", { exact: true }).inputValue(), "14");
  // Of two activities at once: nobody can choose that here.
  const series = [{ select: { activities: ["cart", "purchase"] }, measures: ["count"] }];
  await page.evaluate((series) => fetch("/v1/projects/shop/questions", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ key: "both", content: { title: "Carts and purchases", days: 7, ask: { insight: { question: "trend", bucket: "day", series } } } }) }), series);
  await page.reload();
  await list.getByText("Saved questions").click();
  await list.getByRole("link", { name: "Carts and purchases" }).click();
  await page.getByText(/is asked as it was saved/).waitFor();
  await answered(page);
  const [[times]] = await rows(page, `SELECT count(*) FROM activity WHERE event IN ('cart', 'purchase') AND timestamp >= '${await daysAgo(page, 6)}'`);
  await becomes("numbers of what was saved elsewhere", async () => rowsOf(await taken(page, "CSV")).reduce((sum, line) => sum + Number(line.at(-1)), 0), times);
  await look(page, "app-saved-as-it-is");
  for (const title of ["Buying on iOS", "Carts and purchases"]) {
    await page.getByRole("button", { name: `Remove ${title}` }).click();
    await press(page, "Remove it");
    await page.getByRole("button", { name: `Remove ${title}` }).waitFor({ state: "detached" });
  }
}

/** What happened when: said below a chart, seen on it and on dashboards, and taken back. */
async function happened(page) {
  await ask(page, { kind: "trend", steps: steps("purchase") });
  await press(page, "Add an annotation");
  await page.getByLabel("What", { exact: true }).fill("Version 2.4 is out");
  await page.getByLabel("When", { exact: true }).selectOption("12");
  await press(page, "Add");
  await page.getByRole("region", { name: "Annotations" }).getByText("Version 2.4 is out").waitFor();
  await page.locator(".chart svg").getByText("Version 2.4 is out").waitFor();
  await look(page, "app-happened");
  await page.goto(`${url}/app/shop/dashboards/product-overview`);
  await page.getByRole("region", { name: "People per day" }).locator("svg").getByText("Version 2.4 is out").waitFor();
  await ask(page, { kind: "trend", steps: steps("purchase") });
  await page.getByRole("button", { name: "Remove Version 2.4 is out" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
  await page.locator(".chart svg").getByText("Version 2.4 is out").waitFor();
  await page.getByRole("button", { name: "Remove Version 2.4 is out" }).click();
  await press(page, "Remove it");
  await page.locator(".chart svg").getByText("Version 2.4 is out").waitFor({ state: "detached" });
}

/** A click that comes before a chart is drawn means nothing: it is tried again. */
const opens = (dialog, click) =>
  becomes("people are told", async () => {
    if ((await dialog.count()) === 0) await click().then(() => dialog.waitFor({ timeout: 5000 }));
    return (await dialog.getByRole("status").count()) > 0;
  }, true);

/** From a number of a tile to its people, by the number itself and by the chart; and what is taken along of a tile. */
async function tiles(page) {
  await page.goto(`${url}/app/shop/dashboards/retention`);
  const table = page.getByRole("region", { name: "Cohorts in numbers", exact: true });
  const number = table.locator("button.behind").first();
  await number.waitFor();
  const people = (await number.textContent()).trim();
  await number.click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("link", { name: /^person-/ }).first().waitFor();
  await becomes("as many people as the tile says", async () => (await dialog.getByRole("status").textContent()).trim(), `${people} people`);
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
  await opens(dialog, () => tile.locator(".chart svg").click({ position: { x: 200, y: 60 }, timeout: 5000 }));
  await page.keyboard.press("Escape");
  // A click on one of several bars means that bar.
  await ask(page, { kind: "funnel", steps: steps("browse", "purchase"), breakdown: ["plan"] });
  const groups = rowsOf(await taken(page, "CSV")).filter((line) => line[1] === "1 browse");
  await opens(dialog, () => page.locator(".chart svg g rect").nth(2).click({ timeout: 5000 }));
  await becomes("people of the second bar", async () => (await dialog.getByRole("status").textContent()).trim(), `${groups[1][2]} people`);
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
  await page.getByText("Stopped.").waitFor();
  await becomes("the question was given up", () => page.evaluate(() => window.wasGivenUp), true);
  await page.evaluate(() => { window.isSlow = false; });
  await press(page, "Ask again");
  await answered(page);
  await becomes("days of the answer", async () => rowsOf(await taken(page, "CSV")).length, 7);
}

/** Whoever looks and asks no SQL gets the same proposals; and is told when there are none, and why. */
async function viewer(page, link) {
  const listed = async (name) => {
    const field = page.getByRole("combobox", { name, exact: true }).last();
    await field.click();
    const options = page.getByRole("listbox", { name, exact: true }).last().getByRole("option");
    await options.first().waitFor();
    return options.locator("span").allTextContents();
  };
  const often = (await rows(page, "SELECT event, count(*) AS times FROM activity GROUP BY event ORDER BY times DESC, event LIMIT 3")).map(([event]) => event);
  const methods = (await rows(page, "SELECT DISTINCT properties->>'method' FROM (SELECT * FROM activity ORDER BY timestamp DESC LIMIT 20000) WHERE properties->>'method' IS NOT NULL")).map(([method]) => method);
  await join(page, link, GUEST);
  const refused = await page.evaluate(async () => (await fetch("/v1/projects/shop/sql", { method: "POST", headers: { "content-type": "application/json" }, body: '{"sql": "SELECT 1"}' })).status);
  expect("a viewer who asks in SQL", refused, 403);
  await ask(page, { kind: "trend", steps: [{ activity: "purchase", filters: [{ of: "activity", property: "method", test: "is", value: "" }] }] });
  await becomes("pages of a viewer", () => page.getByRole("navigation", { name: "Pages" }).getByRole("link").allTextContents(), ["Insights", "Dashboards", "Experiments", "Flags"]);
  expect("a viewer's activities", (await listed("Activity A")).slice(0, 3), often);
  if (!(await listed("Property")).includes("method")) throw new Error("a viewer is not told of the property");
  expect("a viewer's values", (await listed("Value")).sort(), methods.sort());
  await look(page, "app-viewer");
  // What is not proposed is told why.
  await page.route("**/v1/projects/shop/names?**", (route) => route.fulfill({ status: 403, contentType: "application/problem+json", body: JSON.stringify({ type: "about:blank", title: "Not for you.", status: 403, code: "permission_missing", detail: "Your role may not do this." }) }));
  await page.reload();
  await answered(page);
  await page.getByRole("combobox", { name: "Activity A", exact: true }).click();
  await page.getByText("There are no proposals: Your role may not do this. What you type counts all the same.").waitFor();
  await look(page, "app-proposals-refused");
  await choose(page, "Activity A", "cart");
  await answered(page);
  await becomes("what was typed", () => asked(page).steps[0].activity, "cart");
  await page.unroute("**/v1/projects/shop/names?**");
}

const main = () =>
  withPage(url, async (page, account) => {
    await page.setViewportSize({ width: 1280, height: 900 });
    await enter(page);
    const link = await invite(page, GUEST, "viewer");
    const compared = (await sameNumbers(page)) + (await asTheApi(page));
    await kinds(page);
    await proposals(page);
    const keen = await cohorts(page);
    await times(page);
    await notSaved(page);
    await saved(page);
    await happened(page);
    await tiles(page);
    await progress(page);
    await viewer(page, link);
    const strange = account.consoleErrors.filter((text) => !text.startsWith("Failed to load resource"));
    process.stdout.write(`${JSON.stringify({ walked: true, compared, keen, consoleErrors: strange, pageErrors: account.pageErrors })}\n`);
  });

main().then(() => process.exit(0), (error) => {
  console.error(error);
  process.exit(1);
});
