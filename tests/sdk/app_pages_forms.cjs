// A walk through what an experiment may be beside its variations: saved groups, pages that send visitors, who keeps a variation, people
// compared within groups; and an experiment whose arms are not as planned, with the cause. Told by environment: PAGES_URL.
"use strict";
const { expect, look } = require("./account_pages_gear.cjs");
const { fill, press, title } = require("./account_pages_people.cjs");
const { choose, enter, settled, to } = require("./app_pages_enter.cjs");
const { LOST } = require("./app_pages_lost.cjs");
const { withPage } = require("./browser.cjs");
const { becomes } = require("./waits.cjs");

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
  // It is changed for all conditions at once, and keeps whom nobody touched.
  await all.getByRole("button", { name: "Change testers" }).click();
  const changed = page.getByRole("dialog", { name: "Change testers" });
  await changed.getByLabel("Values").fill(`${await changed.getByLabel("Values").inputValue()}\nperson-0004`);
  await changed.getByText(/4 so far/).waitFor();
  await changed.getByLabel("Reason for the change").fill("One more tests.");
  await look(page, "app-group-change");
  await changed.getByRole("button", { name: "Save the group" }).click();
  await all.getByText(/4 values · by id/).waitFor();
  expect("the list that was changed", (await ask(page, "saved-groups/testers")).definition, { ...list, values: [...list.values, "person-0004"] });
  expect("the cohort", [cohort.attribute, cohort.cohort], ["distinct_id", "reviewers"]);
  await all.getByRole("button", { name: "Close" }).click();
}

/** What people are divided by is an attribute that tells them apart: made with a fault on the way, changed, removed. */
async function attributes(page) {
  await press(page, "Attributes");
  const all = page.getByRole("dialog", { name: "Attributes" });
  await all.getByRole("button", { name: "New attribute" }).click();
  const form = page.getByRole("dialog", { name: "New attribute" });
  await form.getByLabel("Key of the attribute").fill("not a key!");
  await form.getByLabel("It is", { exact: true }).selectOption("boolean");
  const divides = form.getByLabel("People can be divided by it, in experiments and rollouts");
  expect("nobody is divided by true and false", await divides.isDisabled(), true);
  await form.getByLabel("It is", { exact: true }).selectOption("string");
  await divides.check();
  await form.getByRole("button", { name: "Make the attribute" }).click();
  await form.getByRole("alert").waitFor();
  await look(page, "app-attribute");
  await form.getByLabel("Key of the attribute").fill("customer");
  await form.getByRole("button", { name: "Make the attribute" }).click();
  await all.getByText("a text · people can be divided by it", { exact: true }).waitFor();
  await look(page, "app-attributes");
  await all.getByRole("button", { name: "Change customer" }).click();
  const changed = page.getByRole("dialog", { name: "Change customer" });
  await changed.getByLabel(/^No two people share a value/).check();
  await changed.getByLabel("What it says").fill("The number of a customer.");
  await changed.getByRole("button", { name: "Save the attribute" }).click();
  await all.getByText(/each has a value of their own · The number of a customer\./).waitFor();
  const { definition } = await ask(page, "attributes/customer");
  expect("what is kept", [definition.type, definition.identifies, definition.is_personal], ["string", true, true]);
  await all.getByRole("button", { name: "Close" }).click();
  await page.goto(`${url}/app/shop/experiments/~new`);
  await title(page, "New experiment");
  await page.getByRole("navigation", { name: "Steps" }).getByRole("button", { name: /Who takes part/ }).click();
  await becomes("what people can be divided by", () => page.getByLabel("Divided by", { exact: true }).locator("option").allTextContents(), ["id", "distinct_id", "customer"]);
  await to(page, "Flags");
  await press(page, "Attributes");
  await all.getByRole("button", { name: "Remove customer" }).click();
  await page.getByRole("dialog", { name: "Remove «customer»?" }).getByRole("button", { name: "Remove it" }).click();
  await all.getByText("customer", { exact: true }).waitFor({ state: "detached" });
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
  await rows(page);
  const counts = page.getByLabel("Whose activity counts", { exact: true });
  expect("whose activity counts at first", [await counts.inputValue(), await counts.locator("option").allTextContents()], ["production", ["activity in production", "activity in staging"]]);
  await counts.selectOption("staging");
  await settled(page);
  await look(page, "app-wizard-who");
  await press(page, "Save and go on");
  await page.getByRole("heading", { name: /^Goals/ }).waitFor();
  await choose(page, "Add to goals", "purchasses");
  await page.getByRole("region", { name: "Goals" }).getByText("There is no metric “purchasses”").waitFor();
  await choose(page, "Add to goals", "purchases");
  await page.getByText("There is no metric “purchasses”").waitFor({ state: "detached" });
  await page.getByLabel("People are compared").selectOption("country");
  await look(page, "app-wizard-strata");
  await press(page, "Save and go on");
  await page.getByRole("heading", { name: "Plan", exact: true }).waitFor();
  // Where nobody was, nothing is taken for a plan; a plan without people is none, and that is said.
  await press(page, "Take the numbers of the last 14 days");
  await page.getByText("Nobody did anything in the last 14 days in staging").waitFor();
  expect("people of a plan that nobody has made", await page.getByLabel("People a day").inputValue(), "0");
  await page.getByLabel("Mean of the first goal").fill("0.1");
  await page.getByText("Without people a day it is no plan, and is not kept.").waitFor();
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
  expect("whose activity counts, and the plan that is none", [definition.analysis.environment, definition.plan], ["staging", null]);
}

/** A row says what it lacks; what is no JSON is not saved as what stood there before; the focus stays on the page. */
async function rows(page) {
  const who = page.getByRole("group", { name: "Who can take part" });
  await who.getByRole("button", { name: "And", exact: true }).click();
  await who.getByText("Choose an attribute: without one this row says nothing, and is not saved.").waitFor();
  await who.getByRole("button", { name: "Remove the condition" }).last().focus();
  await page.keyboard.press("Enter");
  await becomes("what has the focus when a condition has gone", () => page.evaluate(() => document.activeElement.textContent), "Who takes part");
  await who.getByRole("button", { name: "As JSON" }).click();
  const text = who.getByLabel("Who can take part as JSON");
  const said = await text.inputValue();
  await text.fill("{");
  await press(page, "Save and go on");
  await becomes("what is no JSON is refused where it stands", () => text.evaluate((field) => field === document.activeElement && !field.validity.valid), true);
  await text.fill(said);
  await who.getByRole("button", { name: "As rows" }).click();
  await who.getByRole("button", { name: "And", exact: true }).waitFor();
}

/** Whose activity counts is shown, is there again when it is changed, and goes back to production without anything else. */
async function environment(page) {
  const facts = page.getByRole("region", { name: "How it is set up" });
  await facts.getByText("activity in staging counts").waitFor();
  await page.reload();
  await facts.getByText("activity in staging counts").waitFor();
  const { definition: before } = await ask(page, "experiments/landing");
  await page.getByRole("link", { name: "Change", exact: true }).click();
  await title(page, "Change landing");
  const open = (name) => page.getByRole("navigation", { name: "Steps" }).getByRole("button", { name }).click();
  await open(/Who takes part/);
  const counts = page.getByLabel("Whose activity counts", { exact: true });
  await becomes("whose activity counted", () => counts.inputValue(), "staging");
  await settled(page);
  await counts.scrollIntoViewIfNeeded();
  await look(page, "app-wizard-environment");
  // Saved as it is, it stays what it is.
  await press(page, "Save and go on");
  await page.getByRole("heading", { name: /^Goals/ }).waitFor();
  expect("what was saved again", (await ask(page, "experiments/landing")).definition, before);
  await open(/Who takes part/);
  await counts.selectOption("production");
  await press(page, "Save and go on");
  await page.getByRole("heading", { name: /^Goals/ }).waitFor();
  const { environment: _, ...others } = before.analysis;
  expect("production goes without saying", (await ask(page, "experiments/landing")).definition, { ...before, analysis: others });
  await page.goto(`${url}/app/shop/experiments/landing`);
  await facts.getByText("activity in production counts").waitFor();
  // What cannot be saved says so at every step, and leads to where it is mended.
  await page.getByRole("link", { name: "Change", exact: true }).click();
  await title(page, "Change landing");
  await open(/Variations/);
  await page.getByLabel("Weight, in %").first().fill("70");
  await open(/Plan/);
  await page.getByText("It cannot be saved yet.").getByRole("button", { name: "Variations" }).click();
  await page.getByRole("heading", { name: "Variations", exact: true }).waitFor();
  await page.getByText("The weights have to sum to 100 %.").waitFor();
  await press(page, "Equal weights");
}

/** What was left of an experiment that is on the server is found where it is changed, and not in the way of a new one. */
async function left(page) {
  await page.goto(`${url}/app/shop/experiments/~new`);
  await title(page, "New experiment");
  for (const [label, text] of [["Key", "left-behind"], ["Hypothesis", "It is found again."], ["Owner", "Olga Owner"]]) await fill(page, label, text);
  await press(page, "Save and go on");
  await page.getByRole("heading", { name: "Variations", exact: true }).waitFor();
  const name = page.getByRole("group", { name: "Variation 2" }).getByLabel("Name", { exact: true });
  await name.fill("The other one");
  const notice = page.getByRole("region", { name: "Left unsaved" });
  await page.goto(`${url}/app/shop/experiments/left-behind/change`);
  await title(page, "Change left-behind");
  await notice.getByRole("button", { name: "Bring them back" }).click();
  await page.getByRole("navigation", { name: "Steps" }).getByRole("button", { name: /Variations/ }).click();
  await becomes("what was typed", () => name.inputValue(), "The other one");
  await press(page, "Save and go on");
  await page.getByRole("heading", { name: "Who takes part" }).waitFor();
  expect("what was brought back is saved", (await ask(page, "experiments/left-behind")).definition.variations[1].name, "The other one");
  await page.goto(`${url}/app/shop/experiments/~new`);
  await title(page, "New experiment");
  await settled(page);
  expect("nothing is left of a new one", await notice.count(), 0);
  expect("it goes", await page.evaluate(async () => (await fetch("/v1/projects/shop/experiments/left-behind", { method: "DELETE", headers: { "if-match": "*" } })).status), 204);
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
    await attributes(page);
    await forms(page);
    await environment(page);
    await left(page);
    await mismatch(page);
    // Refusals were asked for.
    const strange = account.consoleErrors.filter((text) => !text.startsWith("Failed to load resource"));
    process.stdout.write(`${JSON.stringify({ walked: true, consoleErrors: strange, pageErrors: account.pageErrors })}\n`);
  });

main().then(() => process.exit(0), (error) => {
  console.error(error);
  process.exit(1);
});
