// What a product manager makes by clicking: a metric, an experiment with the flag that runs it, and its start. Told by environment: PAGES_URL, PAGES_LINK.
"use strict";
const { expect, look } = require("./account_pages_gear.cjs");
const { fill, press, title } = require("./account_pages_people.cjs");
const { choose, enter, settled, to } = require("./app_pages_enter.cjs");
const { withPage } = require("./browser.cjs");

const { PAGES_URL: url } = process.env;

async function metric(page, key, kind, event) {
  await page.getByRole("button", { name: "New metric" }).first().click();
  const dialog = page.getByRole("dialog", { name: "New metric" });
  await dialog.getByLabel("Key of the metric").fill(key);
  await dialog.getByLabel("It measures").selectOption(kind);
  await choose(page, "Of activity", event, dialog);
  await dialog.getByRole("button", { name: "Make the metric" }).click();
  await dialog.waitFor({ state: "detached" });
}

async function experiment(page) {
  await to(page, "Experiments");
  await page.getByRole("link", { name: "New experiment" }).click();
  await title(page, "New experiment");
  await fill(page, "Key", "checkout-button");
  await fill(page, "Hypothesis", "A bigger button lets more people buy.");
  await fill(page, "Owner", "Olga Owner");
  await look(page, "app-wizard");
  await press(page, "Save and go on");
  // Wrong input is refused at its place, and mended.
  await page.getByLabel("Weight, in %").first().fill("70");
  await page.getByText("The weights have to sum to 100 %.").waitFor();
  await press(page, "Equal weights");
  await page.getByLabel("Variation 1", { exact: true }).last().fill("big_button");
  await fill(page, "Flag", "checkout_button");
  await page.getByLabel("Its values are").selectOption("string");
  await press(page, "Save and go on");
  await page.getByRole("heading", { name: "Who takes part" }).waitFor();
  await press(page, "Add a condition");
  await choose(page, "Attribute", "country");
  await page.getByRole("button", { name: "a text" }).click();
  await page.getByText("country is no attribute yet").waitFor({ state: "detached" });
  await press(page, "Remove the condition");
  await press(page, "Save and go on");
  await page.getByRole("heading", { name: /^Goals/ }).waitFor();
  await metric(page, "purchases", "conversion", "purchase");
  await page.getByRole("region", { name: "Goals" }).getByText("purchases").waitFor();
  await page.getByRole("region", { name: "Secondary" }).getByRole("button", { name: "New metric" }).click();
  const dialog = page.getByRole("dialog", { name: "New metric" });
  await dialog.getByLabel("Key of the metric").fill("revenue");
  await dialog.getByLabel("It measures").selectOption("sum");
  await choose(page, "Of activity", "purchase", dialog);
  await choose(page, "Property", "amount", dialog);
  await look(page, "app-metric");
  await dialog.getByRole("button", { name: "Make the metric" }).click();
  await dialog.waitFor({ state: "detached" });
  await page.getByRole("region", { name: "Guardrails" }).getByRole("button", { name: "New metric" }).click();
  await dialog.getByLabel("Key of the metric").fill("reviews");
  await choose(page, "Of activity", "review", dialog);
  await dialog.getByRole("button", { name: "Make the metric" }).click();
  await dialog.waitFor({ state: "detached" });
  await page.getByRole("region", { name: "Guardrails" }).getByText("reviews").waitFor();
  await look(page, "app-wizard-metrics");
  await press(page, "Save and go on");
  await press(page, "Take the numbers of the last 14 days");
  await page.getByText(/people did something in the last 14 days/).waitFor();
  await page.getByLabel("Least effect worth seeing, in %").fill("30");
  await press(page, "Save and estimate");
  await page.getByRole("status", { name: "Estimate" }).or(page.getByLabel("Estimate")).first().waitFor();
  await look(page, "app-wizard-plan");
  await page.getByLabel("Start although the power may be below 80 %").check();
  await press(page, "Save and look at it");
  await title(page, "checkout-button");
  await press(page, "Start without review");
  const asked = page.getByRole("dialog");
  await asked.getByLabel("Reason").fill("The team has looked at it.");
  await look(page, "app-start");
  await asked.getByRole("button", { name: "Start without review" }).click();
  await page.getByText("running", { exact: true }).waitFor();
  await settled(page);
  await page.getByText("The team has looked at it.", { exact: true }).waitFor();
}

/** A second experiment, through the API: of what it exposes, something is lost (app_pages_lost.cjs). */
async function second(page) {
  await page.evaluate(async () => {
    const ask = async (path, body) => {
      const answer = await fetch(`/v1/projects/shop/${path}`, { method: "POST", headers: { "content-type": "application/json", "if-match": "*" }, body: JSON.stringify(body) });
      if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
    };
    const variations = [{ key: "control", weight: 0.5 }, { key: "new_box", weight: 0.5 }];
    await ask("experiments", { key: "search-box", definition: { hypothesis: "A larger search box lets more people buy.", owner: "Olga Owner", goals: ["purchases"], variations } });
    const values = variations.map(({ key }) => ({ variation: key, value: key }));
    await ask("features", { key: "search_box", definition: { value_type: "string", default_value: "control", rules: [{ id: "search", serve: { experiment: { experiment: "search-box", values } } }] } });
    await ask("experiments/search-box/start", { without_review: true });
  });
}

const main = () =>
  withPage(url, async (page, account) => {
    await page.setViewportSize({ width: 1280, height: 900 });
    await enter(page);
    await experiment(page);
    await second(page);
    await page.goto(`${url}/app/shop/flags/checkout_button`);
    await title(page, "checkout_button");
    await page.getByText("big_button: “big_button”").waitFor();
    expect("page errors", account.pageErrors, []);
    process.stdout.write(`${JSON.stringify({ made: true })}\n`);
  });

main().then(() => process.exit(0), (error) => {
  console.error(error);
  process.exit(1);
});
