// A walk through what an experiment may be beside its variations: saved groups, pages that send visitors, who keeps a variation, people
// compared within groups; and an experiment whose arms are not as planned, with the cause. Told by environment: PAGES_URL.
"use strict";
const { expect, look } = require("./account_pages_gear.cjs");
const { fill, press, title } = require("./account_pages_people.cjs");
const { choose, enter, settled, to } = require("./app_pages_enter.cjs");
const { LOST } = require("./app_pages_lost.cjs");
const { withPage } = require("./browser.cjs");

const { PAGES_URL: url } = process.env;
const ask = (page, path, body) =>
  page.evaluate(async ([path, body]) => {
    const answer = await fetch(`/v1/projects/shop/${path}`, body ? { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) } : {});
    if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
    return answer.json();
  }, [path, body]);

/** A group of a list, with a fault on the way, and one of a cohort; the API has them as they were typed. */
async function groups(page) {
  await to(page, "Flags");
  await press(page, "Saved groups");
  const all = page.getByRole("dialog", { name: "Saved groups" });
  await all.getByText(/There is none yet/).waitFor();
  await all.getByRole("button", { name: "New group" }).click();
  const form = page.getByRole("dialog", { name: "New group" });
  await form.getByLabel("Key of the group").fill("not a key");
  await form.getByLabel("Values").fill("person-0001\nperson-0002, person-0003\n\nperson-0001");
  await form.getByText(/3 so far/).waitFor();
  await form.getByRole("button", { name: "Make the group" }).click();
  await form.getByRole("alert").waitFor();
  await form.getByLabel("Key of the group").fill("testers");
  await look(page, "app-group-list");
  await form.getByRole("button", { name: "Make the group" }).click();
  await all.getByText("testers").waitFor();
  await all.getByText(/3 values · by id/).waitFor();
  await all.getByRole("button", { name: "New group" }).click();
  await form.getByLabel("Key of the group").fill("reviewing-people");
  await form.getByRole("radio", { name: "A saved cohort" }).check();
  await form.getByLabel("Cohort", { exact: true }).selectOption("reviewers");
  await form.getByLabel("By attribute").selectOption("distinct_id");
  await look(page, "app-group-cohort");
  await form.getByRole("button", { name: "Make the group" }).click();
  await all.getByText(/people of the cohort reviewers/).waitFor();
  await look(page, "app-groups");
  const [list, cohort] = [await ask(page, "saved-groups/testers"), await ask(page, "saved-groups/reviewing-people")].map(({ definition }) => definition);
  expect("the list", [list.attribute, list.values], ["id", ["person-0001", "person-0002", "person-0003"]]);
  expect("the cohort", [cohort.attribute, cohort.cohort], ["distinct_id", "reviewers"]);
  await all.getByRole("button", { name: "Close" }).click();
}

/** Five steps with pages, versions of buckets and strata; what the server refuses is shown at its step. */
async function forms(page) {
  await to(page, "Experiments");
  await page.getByRole("link", { name: "New experiment" }).click();
  await title(page, "New experiment");
  await fill(page, "Key", "landing");
  await fill(page, "Hypothesis", "The new landing page sells more.");
  await fill(page, "Owner", "Olga Owner");
  await press(page, "Save and go on");
  await page.getByRole("heading", { name: "Variations", exact: true }).waitFor();
  await press(page, "Send visitors to other pages");
  const pages = page.getByRole("region", { name: "Pages", exact: true });
  await pages.getByLabel("Pattern").fill("https://shop.example/start*");
  await pages.getByRole("button", { name: "Add a page" }).click();
  await pages.getByLabel("Counts as").last().selectOption("out");
  await pages.getByLabel("Pattern").last().fill("^https://shop\\.example/start/(legal|privacy)");
  await pages.getByLabel("Read as").last().selectOption("regex");
  await pages.getByLabel("treatment is sent to").fill("javascript:alert(1)");
  await press(page, "Save and go on");
  await page.getByRole("alert").getByText(/http or https/).first().waitFor();
  await pages.getByLabel("treatment is sent to").fill("https://shop.example/new");
  await pages.getByLabel("production", { exact: true }).uncheck();
  await look(page, "app-wizard-pages");
  await pages.scrollIntoViewIfNeeded();
  await press(page, "Save and go on");
  await page.getByRole("heading", { name: "Who takes part" }).waitFor();
  const kept = page.getByRole("region", { name: "Who keeps a variation" });
  await kept.getByLabel("Version of the buckets").fill("1");
  await kept.getByLabel("Blocked below version").fill("2");
  await press(page, "Save and go on");
  await page.getByRole("alert").getByText(/must be at most bucket_version/).first().waitFor();
  await kept.getByLabel("Blocked below version").fill("1");
  await press(page, "Add a condition");
  await choose(page, "Attribute", "id");
  await page.getByLabel("Test").last().selectOption("$inGroup");
  await page.getByRole("button", { name: "New group" }).click();
  const form = page.getByRole("dialog", { name: "New group" });
  await form.getByLabel("Key of the group").fill("friends");
  await form.getByLabel("Values").fill("person-0004");
  await form.getByRole("button", { name: "Make the group" }).click();
  await form.waitFor({ state: "detached" });
  await settled(page);
  await look(page, "app-wizard-who");
  await press(page, "Save and go on");
  await page.getByRole("heading", { name: /^Goals/ }).waitFor();
  await choose(page, "Add to goals", "purchases");
  await page.getByLabel("People are compared").selectOption("country");
  await look(page, "app-wizard-strata");
  await press(page, "Save and go on");
  await page.getByRole("heading", { name: "Plan", exact: true }).waitFor();
  await press(page, "Save and look at it");
  await title(page, "landing");
  await page.getByText(/with those of the same country/).waitFor();
  await page.getByText(/not \^https.*→ treatment: https:\/\/shop.example\/new, in staging/).waitFor();
  await page.getByText("version 1, blocked below 1", { exact: true }).waitFor();
  await settled(page);
  await look(page, "app-experiment-facts");
  const { definition } = await ask(page, "experiments/landing");
  expect("where visitors are sent", definition.redirects, {
    pages: [
      { by: "simple", pattern: "https://shop.example/start*", excludes: false },
      { by: "regex", pattern: "^https://shop\\.example/start/(legal|privacy)", excludes: true },
    ],
    addresses: { treatment: "https://shop.example/new" }, keeps_query: true, environments: ["staging"],
  });
  expect("who keeps a variation", definition.sticky, { bucket_version: 1, min_bucket_version: 1, is_off: false });
  expect("among whom people are compared", [definition.analysis.stratified_by, definition.condition], ["country", { id: { $inGroup: "friends" } }]);
}

/** The page names the operating system whose exposures are lost, with the numbers of the API. */
async function mismatch(page) {
  await page.goto(`${url}/app/shop/experiments/search-box`);
  await title(page, "search-box");
  const people = page.getByRole("region", { name: "People", exact: true });
  await people.getByText("The arms do not have the people that they should have.").waitFor();
  const rows = await people.getByRole("region", { name: "Where the people are off" }).locator("tbody tr").evaluateAll((rows) => rows.map((row) => [row.cells[0].textContent, row.cells[1].textContent]));
  const { sample_ratio } = await ask(page, "experiments/search-box/results");
  expect("the suspects", rows, sample_ratio.suspects.map(({ dimension, level }) => [dimension, level]));
  expect("the first of them", [rows[0], sample_ratio.is_off], [["operating system", LOST], true]);
  await people.getByText(new RegExp(LOST)).first().waitFor();
  await settled(page);
  await people.scrollIntoViewIfNeeded();
  await look(page, "app-experiment-mismatch");
  await to(page, "Experiments");
  await page.getByText("people are off", { exact: true }).waitFor();
}

const main = () =>
  withPage(url, async (page, account) => {
    await page.setViewportSize({ width: 1280, height: 900 });
    await enter(page);
    await ask(page, "environments", { key: "staging", definition: {} });
    const ids = (await ask(page, "sql", { sql: "SELECT DISTINCT person_id FROM activity WHERE event = 'review' ORDER BY person_id LIMIT 5" })).rows.map(([id]) => id);
    await ask(page, "cohorts", { key: "reviewers", name: "Reviewers", definition: { listed: ids } });
    await groups(page);
    await forms(page);
    await mismatch(page);
    // Refusals were asked for.
    const strange = account.consoleErrors.filter((text) => !text.startsWith("Failed to load resource"));
    process.stdout.write(`${JSON.stringify({ walked: true, consoleErrors: strange, pageErrors: account.pageErrors })}\n`);
  });

main().then(() => process.exit(0), (error) => {
  console.error(error);
  process.exit(1);
});
