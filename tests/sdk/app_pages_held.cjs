// A walk through what experiments know beside their effects: by days since exposure, their power so far, the groups that are compared,
// other environments; holdouts with their results, and what leaves their people out; and how SDK keys are served. Told by environment:
// PAGES_URL, PAGES_WRITE_KEY; the account, its experiments and the draft `landing` are there.
"use strict";
const { expect, look } = require("./account_pages_gear.cjs");
const { press, title } = require("./account_pages_people.cjs");
const { choose, csvOf, enter, settled, to } = require("./app_pages_enter.cjs");
const { withPage } = require("./browser.cjs");
const { becomes } = require("./waits.cjs");

const { PAGES_URL: url, PAGES_WRITE_KEY: key } = process.env;
const PEOPLE = 240;
const ask = (page, path, body) =>
  page.evaluate(async ([path, body]) => {
    const answer = await fetch(`/v1/projects/shop/${path}`, body ? { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) } : {});
    if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
    return answer.json();
  }, [path, body]);
const change = (page, path, body) =>
  page.evaluate(async ([path, body]) => {
    const answer = await fetch(`/v1/projects/shop/${path}`, { method: "PATCH", headers: { "content-type": "application/json", "if-match": "*" }, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  }, [path, body]);
const text = (value) => String(value ?? "");
const share = (value) => `${value > 0 ? "+" : value < 0 ? "−" : "±"}${Math.abs(value * 100).toFixed(1)} %`;

/** Effects by days since exposure, in the file and in the table, and the power of the plan: numbers of the API. */
async function since(page) {
  await page.goto(`${url}/app/shop/experiments/checkout-button`);
  await title(page, "checkout-button");
  const card = page.getByRole("region", { name: "Since exposure", exact: true });
  await card.getByRole("button", { name: "Does it wear off?" }).click();
  await card.locator(".chart svg path").first().waitFor();
  const { goals } = await ask(page, "experiments/checkout-button/results/novelty");
  const [{ metric, days, reading }] = goals;
  expect("the goals", goals.map(({ metric }) => metric), ["purchases"]);
  if (days.length < 10) throw new Error(`${days.length} days of ${metric}`);
  const told = days.map(({ day, people, effect, interval }) => [day + 1, people, effect, interval?.low, interval?.high].map(text));
  await becomes("days since exposure in the file", () => csvOf(page, card.getByRole("button", { name: "Since exposure as CSV" })), told);
  await card.getByText(reading).waitFor();
  await card.getByText("In numbers", { exact: true }).click();
  const shown = () => card.getByRole("region", { name: "Days since exposure in numbers" }).locator("tbody tr").evaluateAll((rows) => rows.map((row) => row.cells[2].textContent));
  await becomes("days since exposure in the table", shown, days.map(({ effect }) => (effect === null ? "–" : share(effect))));
  await settled(page);
  await card.scrollIntoViewIfNeeded();
  await look(page, "app-experiment-since");
  await page.reload();
  await card.getByText(reading).waitFor();

  const { metrics } = await ask(page, "experiments/checkout-button/results");
  const { power } = metrics.find(({ role }) => role === "goal").comparisons[0];
  expect("the effect of the plan", power.effect, 0.3);
  const goalsShown = page.getByRole("region", { name: "Goals", exact: true });
  await goalsShown.getByText(`would be seen now with a chance of ${(power.now * 100).toFixed(0)} %`).waitFor();
  const [line] = await csvOf(page, goalsShown.getByRole("button", { name: "Goals as CSV" }));
  expect("the power in the file", line.slice(-3), [power.effect, power.now, power.additional_people].map(text));
}

/** Whether the arms were alike before, and what other experiments do to it: what the API says. */
async function beside(page) {
  const { before_exposure } = await ask(page, "experiments/checkout-button/results");
  await page.getByRole("region", { name: "People", exact: true }).getByText(before_exposure.reading).waitFor();
  const card = page.getByRole("region", { name: "Other experiments", exact: true });
  await card.getByRole("button", { name: "Do they change it?" }).click();
  const told = await ask(page, "experiments/checkout-button/results/interactions");
  await card.getByRole("status").getByText(told.reading).waitFor();
  const wanted = told.others.flatMap(({ experiment, metrics }) => metrics.map((one) => [experiment, `${one.metric}, ${one.variation}`, text(one.people[3]), text(one.interaction)]));
  if (wanted.length === 0) throw new Error("no experiment of the same time");
  await becomes("what both do together, in the file", async () => (await csvOf(page, card.getByRole("button", { name: "Other experiments as CSV" }))).map((line) => [line[0], line[1], line[3], line[4]]), wanted);
  await settled(page);
  await card.scrollIntoViewIfNeeded();
  await look(page, "app-experiment-beside");
}

/** Within which groups people are compared, what that saves, and who does not count yet: what the API says. */
async function compared(page) {
  await ask(page, "metrics", { key: "came-back", definition: { measure: { retention: { source: { event: "app_opened" }, from_day: 1, to_day: 7 } } } });
  const { definition } = await ask(page, "experiments/checkout-button");
  await change(page, "experiments/checkout-button", { definition: { secondary: [...definition.secondary, "came-back"] } });
  await page.goto(`${url}/app/shop/experiments/checkout-button`);
  await title(page, "checkout-button");
  const card = page.getByRole("region", { name: "How people are compared", exact: true });
  await card.waitFor();
  const { environment, metrics } = await ask(page, "experiments/checkout-button/results");
  const wanted = metrics.flatMap(({ key, arms, people_not_mature, comparisons }) => comparisons.flatMap(({ variation, post_stratified }) => {
    const all = [arms[0], arms.find((arm) => arm.variation === variation)].map(({ people }) => people);
    const groups = post_stratified?.strata ?? [{ stratum: "all people", people: all }];
    return groups.map(({ stratum, people }) => [key, variation, stratum, ...people, post_stratified?.variance_left, people_not_mature].map(text));
  }));
  await becomes("groups in the file", () => csvOf(page, card.getByRole("button", { name: "How people are compared as CSV" })), wanted);
  const { post_stratified } = metrics.find(({ key }) => key === "purchases").comparisons[0];
  expect("groups of the goal", post_stratified?.strata.map(({ stratum }) => stratum).sort(), ["active before", "not active before"]);
  const saved = 1 - post_stratified.variance_left;
  const size = `${Math.abs(saved * 100).toFixed(1)} %`;
  const said = size === "0.0 %" ? "changes the variance by less than 0.1 %" : saved > 0 ? `saves ${size} of the variance` : `adds ${size} to the variance`;
  await card.locator("p").filter({ hasText: "purchases" }).filter({ hasText: "Compared within 2 groups" }).filter({ hasText: said }).waitFor();
  const back = metrics.find(({ key }) => key === "came-back");
  if (!(back.people_not_mature > 0)) throw new Error("everybody's days are over");
  const all = back.people_not_mature + back.arms.reduce((sum, { people }) => sum + people, 0);
  await card.getByText(`${back.people_not_mature.toLocaleString("en")} of ${all.toLocaleString("en")} people do not count yet`).waitFor();
  await card.getByText("In numbers", { exact: true }).click();
  const shown = () => card.getByRole("region", { name: "Groups that are compared, in numbers" }).locator("tbody tr").evaluateAll((rows) => rows.map((row) => [0, 1, 2].map((at) => row.cells[at].textContent)));
  await becomes("groups in the table", shown, wanted.map((line) => line.slice(0, 3)));
  expect("the environment", environment, "production");
  await page.getByRole("region", { name: "People", exact: true }).getByText("People count who were exposed in production.").waitFor();
  await settled(page);
  await card.scrollIntoViewIfNeeded();
  await look(page, "app-experiment-groups");
}

/** Another environment is looked at, also by its address, and the page says whose results these are. */
async function elsewhere(page) {
  const choice = page.getByRole("combobox", { name: "Environment", exact: true });
  const notice = page.getByRole("region", { name: "Environment", exact: true });
  expect("the environment that is shown first", [await choice.inputValue(), await notice.count()], ["production", 0]);
  await choice.selectOption("staging");
  const there = await ask(page, "experiments/checkout-button/results?environment=staging");
  expect("the environment of the answer", there.environment, "staging");
  await notice.getByRole("heading", { name: "These are the results in staging" }).waitFor();
  const people = page.getByRole("region", { name: "People", exact: true });
  await people.getByText("People count who were exposed in staging.").waitFor();
  await becomes("people there", async () => (await people.locator("dd").allTextContents()).map((text) => Number(text.split(" ")[0].replaceAll(",", ""))), there.variations.map(({ people }) => people));
  await settled(page);
  await look(page, "app-experiment-elsewhere");
  await page.reload();
  await notice.getByText("The experiment is decided by those in production.").waitFor();
  expect("the environment of the address", await choice.inputValue(), "staging");
  await choice.selectOption("production");
  await notice.waitFor({ state: "detached" });
  await people.getByText("People count who were exposed in production.").waitFor();
}

/** A flag that is off in one environment and on in another is switched off as well as on. */
async function switched(page) {
  await change(page, "features/checkout_button", { definition: { off_in: ["staging"] } });
  await to(page, "Flags");
  const row = page.getByRole("region", { name: "All flags" }).getByRole("listitem").filter({ hasText: "checkout_button" });
  await row.getByText("off in staging", { exact: true }).waitFor();
  const buttons = () => row.getByRole("button").allTextContents();
  await becomes("both ways", buttons, ["Switch off", "Switch on"]);
  for (const [way, left, offIn] of [["off", ["Switch on"], ["production", "staging"]], ["on", ["Switch off"], []]]) {
    await row.getByRole("button", { name: `Switch ${way}: checkout_button`, exact: true }).click();
    await page.getByRole("dialog").getByRole("button", { name: `Switch ${way}` }).click();
    await becomes(`what is left when it was switched ${way}`, buttons, left);
    expect("where it is off", (await ask(page, "features/checkout_button")).definition.off_in, offIn);
  }
}

/** A flag is to be switched off tomorrow; it is taken back. A time that is over is refused. */
async function planned(page) {
  await page.goto(`${url}/app/shop/flags/checkout_button`);
  await title(page, "checkout_button");
  const card = page.getByRole("region", { name: "At a later time" });
  await card.getByText("Nothing is planned.").waitFor();
  await card.getByRole("button", { name: "Plan a change" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("What happens").selectOption("is switched off everywhere");
  await dialog.getByLabel("When").fill("2020-01-01T08:00");
  await dialog.getByLabel("Reason").fill("The campaign is over.");
  await dialog.getByRole("button", { name: "Plan it" }).click();
  await dialog.getByRole("alert").getByText(/future/).first().waitFor();
  await look(page, "app-planned-refused");
  await dialog.getByLabel("When").fill("2090-01-01T08:00");
  await dialog.getByRole("button", { name: "Plan it" }).click();
  await dialog.waitFor({ state: "detached" });
  await card.getByText("The campaign is over.").waitFor();
  await look(page, "app-flag-planned");
  const waiting = async () => (await ask(page, "scheduled-changes")).items.map(({ kind, key, change, outcome }) => [kind, key, Array.isArray(change.patch.off_in), outcome]);
  expect("what waits", await waiting(), [["feature", "checkout_button", true, ""]]);
  await card.getByRole("button", { name: /^Take back/ }).click();
  await dialog.getByRole("button", { name: "Take it back" }).click();
  await card.getByText("Nothing is planned.").waitFor();
  expect("what waits then", await waiting(), []);
}

const send = (page, items) =>
  page.evaluate(async ([key, items]) => {
    const answer = await fetch("/v1/activity", { method: "POST", headers: { authorization: `Bearer ${key}`, "content-type": "application/json" }, body: JSON.stringify(items) });
    return (await answer.json()).accepted;
  }, [key, items]);
const count = async (page, event) => (await ask(page, "sql", { sql: "SELECT count(*) FROM activity WHERE event = $1", params: [event] })).rows[0][0];

/** Half of them are held out. A third of those buys, and half of the others, who alone see the badge that is new. */
async function live(page) {
  const people = Array.from({ length: PEOPLE }, (_, number) => ({ id: `held-${number}`, isHeld: number % 2 === 0, place: number >> 1 }));
  const exposed = people.map(({ id, isHeld }) => ({ event: "Experiment Viewed", userId: id, messageId: `seen-${id}`, properties: { experimentId: "$holdout:autumn", variationId: isHeld ? "holdoutcontrol" : "holdouttreatment" } }));
  expect("exposures taken", await send(page, exposed), PEOPLE);
  const viewed = "SELECT count(*) FROM activity WHERE event = 'Experiment Viewed' AND properties->>'experimentId' = '$holdout:autumn'";
  await becomes("exposures that are seen", async () => (await ask(page, "sql", { sql: viewed })).rows[0][0], PEOPLE);
  const bought = people.filter(({ isHeld, place }) => place % (isHeld ? 3 : 2) === 0).map(({ id }) => ({ event: "purchase", userId: id, messageId: `bought-${id}`, properties: { amount: 10, method: "card" } }));
  const seen = people.filter(({ isHeld, place }) => !isHeld && place % 4 === 0).map(({ id }) => ({ event: "badge_seen", userId: id, messageId: `badge-${id}` }));
  expect("what they did", await send(page, [...bought, ...seen]), bought.length + seen.length);
  await becomes("badges that are seen", () => count(page, "badge_seen"), seen.length);
}

/** Made by clicking, with a fault on the way; its results are those of the API, also where the held out have none of it. */
async function holdout(page) {
  await ask(page, "metrics", { key: "badge", definition: { measure: { conversion: { source: { event: "badge_seen" } } } } });
  await to(page, "Experiments");
  await page.getByRole("link", { name: "Holdouts", exact: true }).click();
  await title(page, "Holdouts");
  await page.getByText(/There is none yet/).waitFor();
  await press(page, "New holdout");
  const dialog = page.getByRole("dialog", { name: "New holdout" });
  await dialog.getByLabel("Key of the holdout").fill("not a key");
  await dialog.getByLabel("Share of people held out, in %").fill("10");
  await choose(page, "Add a metric", "purchases", dialog);
  await dialog.getByRole("button", { name: "Make the holdout" }).click();
  await dialog.getByRole("alert").waitFor();
  await look(page, "app-holdout-refused");
  await dialog.getByLabel("Key of the holdout").fill("autumn");
  await dialog.getByLabel("What it is for").fill("What all of the autumn is worth.");
  await dialog.getByRole("button", { name: "Make the holdout" }).click();
  await title(page, "autumn");
  await live(page);

  await page.getByRole("radio", { name: "Change" }).check();
  const form = page.getByRole("form", { name: "Change" });
  await choose(page, "Add a metric", "badge", form);
  await form.getByLabel("Reason for the change").fill("The badge came with it.");
  await press(page, "Save the holdout");
  const people = page.getByRole("region", { name: "People", exact: true });
  await becomes("who is compared", () => people.locator("dt").allTextContents(), ["held out", "with all that is new"]);
  const told = await ask(page, "holdouts/autumn/results");
  expect("people of the arms", told.variations.map(({ people }) => people), [PEOPLE / 2, PEOPLE / 2]);
  await becomes("people on the page", async () => (await people.locator("dd").allTextContents()).map((one) => Number(one.split(" ")[0])), [PEOPLE / 2, PEOPLE / 2]);
  const goals = page.getByRole("region", { name: "Goals", exact: true });
  const lines = await csvOf(page, goals.getByRole("button", { name: "Goals as CSV" }));
  const wanted = told.metrics.map(({ key, comparisons: [one] }) => [key, text(one.effect), text(one.absolute?.estimate), text(one.absolute?.interval?.low)]);
  expect("effects of everything together", lines.map((line) => [line[0], line[4], line[10], line[11]]), wanted);
  const badge = told.metrics.find(({ key }) => key === "badge").comparisons[0];
  expect("nothing is a share of nothing", [badge.effect, badge.absolute.estimate], [null, 0.25]);
  await goals.locator(".forest").getByText(/^\+0\.25 a person/).waitFor();
  await page.getByRole("heading", { name: /^What is new is worth it|^Nothing is decided yet/ }).waitFor();
  expect("no groups and no days of a holdout", await page.getByRole("region", { name: /^(Among whom|Since exposure)$/ }).count(), 0);
  await settled(page);
  await look(page, "app-holdout");
}

/** An experiment leaves its people out, and the holdout says so; it is kept as long as it is named. */
async function leftOut(page) {
  await page.goto(`${url}/app/shop/experiments/landing/change`);
  await page.getByRole("navigation", { name: "Steps" }).getByRole("button", { name: /Who takes part/ }).click();
  await page.getByLabel("Left out", { exact: true }).selectOption("autumn");
  await look(page, "app-wizard-left-out");
  await press(page, "Save and go on");
  await page.getByRole("heading", { name: /^Goals/ }).waitFor();
  await page.goto(`${url}/app/shop/experiments/landing`);
  await page.getByRole("region", { name: "How it is set up" }).getByRole("link", { name: "autumn" }).click();
  await title(page, "autumn");
  await page.getByRole("region", { name: "How it is set up" }).getByRole("link", { name: "landing" }).waitFor();
  await press(page, "Remove");
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Remove the holdout" }).click();
  await dialog.getByRole("alert").getByText(/landing/).waitFor();
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("radio", { name: "History" }).check();
  await page.getByText("The badge came with it.").waitFor();
  await page.goto(`${url}/app/shop/flags/~new`);
  await page.getByLabel("Left out", { exact: true }).waitFor();
}

/** The server tells exposures for the SDKs of one key, and the list says for which. */
async function keys(page) {
  await to(page, "Flags");
  await press(page, "SDK keys");
  const all = page.getByRole("dialog", { name: "SDK keys" });
  await all.getByRole("listitem").first().waitFor();
  await settled(page);
  await look(page, "app-sdk-keys");
  const before = await all.getByRole("listitem").count();
  // An environment is made where keys are given theirs.
  await all.getByRole("region", { name: "Environments" }).getByText("production, staging", { exact: true }).waitFor();
  await all.getByRole("button", { name: "New environment" }).click();
  const made = page.getByRole("dialog", { name: "New environment" });
  await made.getByLabel("Key of the environment").fill("not a key");
  await made.getByRole("button", { name: "Make the environment" }).click();
  await made.getByRole("alert").waitFor();
  await made.getByLabel("Key of the environment").fill("beta");
  await made.getByLabel("What it is for").fill("Whoever looks at it first.");
  await look(page, "app-environment");
  await made.getByRole("button", { name: "Make the environment" }).click();
  await all.getByRole("region", { name: "Environments" }).getByText("production, beta, staging", { exact: true }).waitFor();
  expect("what is kept of it", (await ask(page, "environments/beta")).definition, { description: "Whoever looks at it first." });
  await all.getByRole("button", { name: /^Change / }).first().click();
  const form = page.getByRole("dialog", { name: /^How .* is served$/ });
  await form.getByLabel("Tell exposures for SDKs that tell none").check();
  await form.getByLabel("Environment").selectOption("staging");
  await form.getByLabel("Reason").fill("The app speaks OpenFeature.");
  await look(page, "app-sdk-key");
  await form.getByRole("button", { name: "Save" }).click();
  await all.getByText("tells exposures", { exact: true }).waitFor();
  expect("keys that are listed", await all.getByRole("listitem").count(), before);
  const { items } = await ask(page, "sdk-connections");
  expect("what the API says", items.map(({ environment, records_exposures, is_remote }) => [environment, records_exposures, is_remote]), [["staging", true, false]]);
  await all.getByRole("button", { name: "Close" }).click();
}

const main = () =>
  withPage(url, async (page, account) => {
    await page.setViewportSize({ width: 1280, height: 900 });
    await enter(page);
    await since(page);
    await beside(page);
    await compared(page);
    await elsewhere(page);
    await switched(page);
    await planned(page);
    await holdout(page);
    await leftOut(page);
    await keys(page);
    // Refusals were asked for.
    const strange = account.consoleErrors.filter((text) => !text.startsWith("Failed to load resource"));
    process.stdout.write(`${JSON.stringify({ walked: true, consoleErrors: strange, pageErrors: account.pageErrors })}\n`);
  });

main().then(() => process.exit(0), (error) => {
  console.error(error);
  process.exit(1);
});
