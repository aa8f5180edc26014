// A walk through the metrics of experiments and the steps of one: made with filters, window and cap, changed, brought back, refused, removed; an
// experiment that somebody else approves, that is started, gets a new phase, is stopped and rolled back. Told by environment: PAGES_URL; the
// account and its metrics are there.
"use strict";
const { expect, look } = require("./account_pages_gear.cjs");
const { press, title } = require("./account_pages_people.cjs");
const { choose, enter, enterAs, invite, join, settled, to } = require("./app_pages_enter.cjs");
const { withPage } = require("./browser.cjs");
const { becomes } = require("./waits.cjs");

const { PAGES_URL: url } = process.env;
const ERIK = { email: "erik@example.org", name: "Erik Experimenter", password: "acht Enten am Teich" };
const ask = (page, path, body) =>
  page.evaluate(async ([path, body]) => {
    const answer = await fetch(`/v1/projects/shop/${path}`, body ? { method: "POST", headers: { "content-type": "application/json", "if-match": "*" }, body: JSON.stringify(body) } : {});
    if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
    return answer.json();
  }, [path, body]);
/** With members in one order. */
const inOrder = (value) => (typeof value === "object" && value !== null && !Array.isArray(value) ? Object.fromEntries(Object.keys(value).sort().map((name) => [name, inOrder(value[name])])) : Array.isArray(value) ? value.map(inOrder) : value);
const definition = async (page, path) => (await ask(page, path)).definition;

/** The page of metrics, and one of them with everything that it may have. */
async function metrics(page) {
  await to(page, "Experiments");
  await page.getByRole("link", { name: "Metrics", exact: true }).click();
  await title(page, "Metrics");
  const list = page.getByRole("region", { name: "All metrics" });
  await list.getByRole("listitem").filter({ hasText: "purchases" }).getByText("whether purchase happened").waitFor();
  await look(page, "app-metrics");
  await page.getByLabel("Find").fill("amount");
  await becomes("metrics of the amount", () => list.getByRole("link").allTextContents(), ["revenue"]);
  await page.reload();
  await becomes("metrics that the address finds", () => list.getByRole("link").allTextContents(), ["revenue"]);
  await page.getByLabel("Find").fill("nobody");
  await list.getByText("No metric is called so.").waitFor();
  await press(page, "New metric");
  const dialog = page.getByRole("dialog", { name: "New metric" });
  await dialog.getByLabel("Key of the metric").fill("not a key");
  await dialog.getByLabel("It measures").selectOption("sum");
  await choose(page, "Of activity", "purchase", dialog);
  await choose(page, "Property", "amount", dialog);
  await dialog.getByRole("button", { name: "Filter", exact: true }).click();
  await choose(page, "Filtered by", "method", dialog);
  await dialog.getByRole("combobox", { name: "Values", exact: true }).click();
  await dialog.getByRole("listbox", { name: "Values", exact: true }).getByRole("option", { name: "card" }).click();
  await dialog.getByLabel("Not before so many hours after exposure").fill("1");
  await dialog.getByLabel("Within so many hours after exposure").fill("48");
  await dialog.getByLabel("Extreme values").selectOption("at");
  expect("a cut without a number", await dialog.getByLabel("Cut at", { exact: true }).evaluate((field) => field.validity.valid), false);
  await dialog.getByLabel("Cut at", { exact: true }).fill("100");
  await dialog.getByLabel("Fewest people of a variation").fill("10");
  await dialog.getByLabel("Owner of the metric").fill("Olga Owner");
  await dialog.getByRole("button", { name: "Make the metric" }).click();
  await dialog.getByRole("alert").waitFor();
  await look(page, "app-metric-refused");
  await dialog.getByLabel("Key of the metric").fill("paid-by-card");
  await dialog.getByRole("button", { name: "Make the metric" }).click();
  await title(page, "paid-by-card");
  const facts = page.getByRole("region", { name: "What it measures" });
  await facts.getByText("sum of amount of purchase (method is card)").waitFor();
  await facts.getByText("from 1 h after exposure, for 2 d").waitFor();
  await facts.getByText("no person counts for more than 100").waitFor();
  expect("what is kept", inOrder(await definition(page, "metrics/paid-by-card")), inOrder({
    measure: { sum: { source: { event: "purchase", filters: [{ property: "method", is: { one_of: ["card"] } }] }, operand: { property: "amount" } } },
    window: { delay_hours: 1, hours: 48 }, cap: { at: 100 }, lower_is_better: false, minimum_sample: 10, owner: "Olga Owner", description: "",
  }));
  await changed(page, facts);
}

/** A new revision, and the way back; what experiments name is not removed. */
async function changed(page, facts) {
  await page.getByRole("radio", { name: "Change" }).check();
  const form = page.getByRole("form", { name: "Change" });
  const within = form.getByLabel("Within so many hours after exposure");
  await within.fill("72");
  // Left for another page, and found again.
  await page.getByRole("link", { name: "All metrics" }).click();
  await title(page, "Metrics");
  await page.getByRole("region", { name: "All metrics" }).getByRole("link", { name: "paid-by-card" }).click();
  await title(page, "paid-by-card");
  await page.getByRole("radio", { name: "Change" }).check();
  await page.getByRole("region", { name: "Left unsaved" }).getByRole("button", { name: "Bring them back" }).click();
  await becomes("what was typed", () => within.inputValue(), "72");
  await form.getByLabel("Extreme values").selectOption("quantile");
  await form.getByLabel("Cut at", { exact: true }).fill("2");
  await form.getByLabel("Reason for the change").fill("A few buy very much.");
  await press(page, "Save the metric");
  await form.getByRole("alert").getByText(/0\.9999/).first().waitFor();
  await form.getByLabel("Cut at", { exact: true }).fill("0.99");
  await look(page, "app-metric-change");
  await press(page, "Save the metric");
  await facts.getByText("values beyond the quantile 0.99 of all people are cut").waitFor();
  await facts.getByText("from 1 h after exposure, for 3 d").waitFor();
  await page.getByRole("radio", { name: "History" }).check();
  const history = page.getByRole("region", { name: "History" });
  await history.getByText("A few buy very much.").waitFor();
  await look(page, "app-metric-history");
  await history.getByRole("button", { name: "Go back to this: revision 1" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Go back" }).click();
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await page.getByRole("radio", { name: "What it measures" }).check();
  await facts.getByText("no person counts for more than 100").waitFor();
  const remove = async (name) => {
    await press(page, "Remove");
    const dialog = page.getByRole("dialog", { name: `Remove ${name}?` });
    await dialog.getByLabel("Reason").fill("Nobody looks at it.");
    await dialog.getByRole("button", { name: "Remove the metric" }).click();
    return dialog;
  };
  await remove("paid-by-card");
  await title(page, "Metrics");
  const list = page.getByRole("region", { name: "All metrics" });
  await list.getByRole("link", { name: "purchases" }).click();
  await title(page, "purchases");
  await facts.getByRole("link", { name: "checkout-button" }).waitFor();
  const refused = await remove("purchases");
  await refused.getByRole("alert").waitFor();
  await refused.getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("link", { name: "All metrics" }).click();
  await becomes("the metrics that are left", () => list.getByRole("link").allTextContents(), ["purchases", "revenue", "reviews"]);
}

/** One step by its button, with a reason. */
async function step(page, does, reason, fill) {
  await press(page, does);
  const dialog = page.getByRole("dialog");
  await fill?.(dialog);
  await dialog.getByLabel("Reason").fill(reason);
  await dialog.getByRole("button", { name: does, exact: true }).click();
  return dialog;
}

/** Review, approval by another, start, another phase, stop, back to control. Each is in the history with its reason. */
async function steps(page) {
  const variations = [{ key: "control", weight: 0.5 }, { key: "short", weight: 0.5 }];
  await ask(page, "experiments", { key: "short-form", definition: { hypothesis: "A shorter form lets more people buy.", owner: "Olga Owner", goals: ["purchases"], variations } });
  const values = variations.map(({ key }) => ({ variation: key, value: key }));
  await ask(page, "features", { key: "form", definition: { value_type: "string", default_value: "control", rules: [{ id: "form", serve: { experiment: { experiment: "short-form", values } } }] } });
  const open = async () => {
    await page.goto(`${url}/app/shop/experiments/short-form`);
    await title(page, "short-form");
    await settled(page);
  };
  const status = (name) => page.locator(".page-actions").getByText(name, { exact: true }).waitFor();
  await open();
  await step(page, "Ask for a review", "Ready to be looked at.");
  await status("in review");
  const own = await step(page, "Approve", "I like it.");
  await own.getByRole("alert").getByText(/somebody else/).waitFor();
  await look(page, "app-approval-refused");
  await own.getByRole("button", { name: "Cancel" }).click();
  await enterAs(page, ERIK);
  await open();
  await step(page, "Approve", "The flag is in the app.");
  await status("approved");
  await step(page, "Start", "The team is here.");
  await status("running");
  await becomes("phases after the start", async () => (await ask(page, "experiments/short-form")).state.phases.length, 1);
  const share = async (dialog) => {
    await dialog.getByLabel("Share that takes part, in %").fill("50");
    await dialog.getByLabel("Weight of control, in %").fill("40");
  };
  // What was typed and cancelled is gone, and an empty share is not everybody.
  await press(page, "New phase");
  const asked = page.getByRole("dialog");
  await share(asked);
  await asked.getByLabel("Share that takes part, in %").fill("");
  await asked.getByText("Say a share.").waitFor();
  expect("a phase without a share", await asked.getByRole("button", { name: "New phase", exact: true }).isDisabled(), true);
  await asked.getByRole("button", { name: "Cancel" }).click();
  await press(page, "New phase");
  await becomes("the share and weights of now", () => asked.getByRole("spinbutton").evaluateAll((fields) => fields.map(({ value }) => value)), ["100", "50", "50"]);
  await asked.getByRole("button", { name: "Cancel" }).click();
  const uneven = await step(page, "New phase", "Half of them first.", share);
  await uneven.getByRole("alert").waitFor();
  await look(page, "app-phase-refused");
  await uneven.getByLabel("Weight of short, in %").fill("60");
  await uneven.getByRole("button", { name: "New phase", exact: true }).click();
  const phases = page.getByLabel("Phase", { exact: true });
  await becomes("the phases to choose from", () => phases.locator("option").count(), 2);
  await settled(page);
  await look(page, "app-experiment-phases");
  const told = page.waitForResponse((response) => response.url().includes("/short-form/results?phase=0"));
  await phases.selectOption("0");
  await told;
  await becomes("the phase in the address", () => new URL(page.url()).searchParams.get("phase"), "1");
  await page.reload();
  await becomes("the phase of the address", () => phases.inputValue(), "0");
  await phases.selectOption("1");
  await becomes("the last phase needs no address", () => new URL(page.url()).searchParams.has("phase"), false);
  await step(page, "Stop", "Two weeks are over.");
  await status("stopped");
  // The button that was pressed has gone, and the focus has not.
  await becomes("what has the focus when it was stopped", () => page.evaluate(() => document.activeElement.tagName), "H1");
  await settled(page);
  await look(page, "app-experiment-stopped");
  await step(page, "Go on", "One more week.");
  await status("running");
  await becomes("the phases when it goes on", () => phases.locator("option").count(), 3);
  await step(page, "Stop", "Now they are over.");
  await status("stopped");
  await step(page, "Roll back", "It was no better.");
  await status("rolled back");
  const decision = page.getByRole("region", { name: "Decision" });
  await decision.getByRole("heading", { name: "It was rolled back to control" }).waitFor();
  await decision.getByText("It was no better.").waitFor();
  const history = page.getByRole("region", { name: "History" });
  const done = () => history.getByRole("listitem").locator(".row-text > span:first-child > b").allTextContents();
  await becomes("what was done, the newest first", done, ["Rolled back to control", "Stopped", "New phase", "Stopped", "New phase", "Started", "Approved", "Review asked for", "Made"]);
  for (const reason of ["The flag is in the app.", "Half of them first.", "Two weeks are over.", "One more week."]) await history.getByText(reason, { exact: true }).waitFor();
  await settled(page);
  await look(page, "app-experiment-rolled-back");
  const { state } = await ask(page, "experiments/short-form");
  expect("what the API says", [state.status, state.phases.map(({ coverage, weights }) => [coverage, ...weights]), state.decision.outcome], ["rolled_back", [[1, 0.5, 0.5], [0.5, 0.4, 0.6], [0.5, 0.4, 0.6]], "roll_back"]);
}

const main = () =>
  withPage(url, async (page, account) => {
    await page.setViewportSize({ width: 1280, height: 900 });
    await enter(page);
    const link = await invite(page, ERIK, "experimenter");
    await page.goto(`${url}/app/shop/insights`);
    await metrics(page);
    const owner = await page.context().cookies();
    await join(page, link, ERIK);
    await page.context().clearCookies();
    await page.context().addCookies(owner);
    await steps(page);
    // Refusals were asked for.
    const strange = account.consoleErrors.filter((text) => !text.startsWith("Failed to load resource"));
    process.stdout.write(`${JSON.stringify({ walked: true, consoleErrors: strange, pageErrors: account.pageErrors })}\n`);
  });

main().then(() => process.exit(0), (error) => {
  console.error(error);
  process.exit(1);
});
