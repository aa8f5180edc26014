// A walk through the web application in Chromium, with the activity of a shop (app_pages_shop.cjs) in the project. Told by
// environment: PAGES_URL. The account and the experiment are there (app_pages_made.cjs). Prints one line of JSON.
"use strict";
const fs = require("node:fs");
const { expect, look } = require("./account_pages_gear.cjs");
const { OWNER, press, title } = require("./account_pages_people.cjs");
const { choose, csvOf, enter, fileOf, settled, to } = require("./app_pages_enter.cjs");
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
  await armPeople(page, told);
  const compared = await effects(page);
  await page.getByRole("radio", { name: "Bayesian" }).check();
  await page.getByText(/to win/).first().waitFor();
  await look(page, "app-experiment-bayesian");
  // A link shows what was looked at.
  await page.reload();
  await becomes("the view of the address", () => page.getByRole("radio", { name: "Bayesian" }).isChecked(), true);
  expect("credible intervals", await effects(page, "credible_interval"), compared);
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

/** From the people of a variation to who they are, and to those of them who converted: as many as the result counts. */
async function armPeople(page, told) {
  const result = await page.evaluate(async () => (await (await fetch("/v1/projects/shop/experiments/checkout-button/results")).json()));
  const [{ key: variation }] = result.variations;
  await page.getByRole("region", { name: "People", exact: true }).locator("dd button.behind").first().click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("link").first().waitFor();
  const status = () => dialog.getByRole("status").textContent();
  await becomes("as many people as the arm has", status, `${told[0].toLocaleString("en")} people`);
  await look(page, "app-experiment-people");
  // Of shares: a person counts once or not at all.
  const metric = result.metrics.find(({ arms }) => arms.every(({ mean, variance }) => mean > 0 && Math.abs(variance - mean * (1 - mean)) < 1e-9));
  if (metric) {
    const { sum } = metric.arms.find((arm) => arm.variation === variation);
    await dialog.getByLabel("People", { exact: true }).selectOption(metric.key);
    await becomes(`as many as ${metric.key} counts`, status, `${sum.toLocaleString("en")} ${sum === 1 ? "person" : "people"}`);
  }
  await dialog.getByRole("button", { name: "Close" }).click();
}

/** Effects and their intervals, in files and in the table, are those of the API. How many were compared. */
async function effects(page, interval = "interval") {
  const { metrics } = await page.evaluate(async () => (await fetch("/v1/projects/shop/experiments/checkout-button/results")).json());
  const text = (value) => String(value ?? "");
  let compared = 0;
  for (const [role, name] of [["goal", "Goals"], ["guardrail", "Guardrails"], ["secondary", "Secondary"]]) {
    const region = page.getByRole("region", { name, exact: true });
    const shown = (await csvOf(page, region.getByRole("button", { name: `${name} as CSV` }))).map((line) => line.slice(0, 9));
    const told = metrics.filter((metric) => metric.role === role).flatMap(({ key, arms, comparisons }) => comparisons.map((one) => {
      const mean = (variation) => text(arms.find((arm) => arm.variation === variation)?.mean);
      const sure = interval === "interval" ? [one.p_value, one.p_value_holm] : [one.chance_to_win, one.expected_loss];
      return [key, one.variation, mean(arms[0].variation), mean(one.variation), text(one.effect), text(one[interval]?.low), text(one[interval]?.high), ...sure.map(text)];
    }));
    if (told.length === 0) throw new Error(`no ${name}`);
    expect(`effects of ${name}`, shown, told);
    await region.getByText("In numbers", { exact: true }).click();
    const written = told.map(([, , , , effect]) => `${effect > 0 ? "+" : effect < 0 ? "−" : "±"}${Math.abs(effect * 100).toFixed(1)} %`);
    await becomes(`effects in the table of ${name}`, () => region.locator("tbody tr").evaluateAll((rows) => rows.map((row) => row.cells[4].textContent)), written);
    compared += told.length;
  }
  return compared;
}

/** The effect day by day, by groups of people, and where it differs: numbers of the API. */
async function segments(page) {
  const daily = page.getByRole("region", { name: "Day by day" });
  await daily.locator(".chart svg path").first().waitFor();
  const { metrics } = await page.evaluate(async () => (await fetch("/v1/projects/shop/experiments/checkout-button/results")).json());
  for (const key of ["purchases", "revenue"]) {
    await daily.getByLabel("Metric", { exact: true }).selectOption(key);
    const [{ curve }] = metrics.find((metric) => metric.key === key).comparisons;
    const told = curve.map(({ day, effect, interval }) => [day.slice(0, 10), effect, interval?.low, interval?.high].map((value) => String(value ?? "")));
    if (told.length < 20) throw new Error(`${told.length} days of ${key}`);
    await becomes(`the curve of ${key}`, () => csvOf(page, daily.getByRole("button", { name: "Day by day as CSV" })), told);
  }
  const among = page.getByRole("region", { name: "Among whom" });
  await among.getByLabel("People by").selectOption("operating_system");
  await among.locator(".forest svg").waitFor();
  await among.getByText("In numbers", { exact: true }).click();
  const shownGroups = () => among.getByRole("region", { name: "Groups in numbers", includeHidden: true }).locator("tbody tr").evaluateAll((rows) => rows.map((row) => [row.cells[0].textContent, Number(row.cells[1].textContent.replaceAll(",", ""))]));
  const told = await page.evaluate(async () => (await (await fetch("/v1/projects/shop/experiments/checkout-button/results/breakdown?dimension=operating_system")).json()).metrics[0].levels.map(({ level, people }) => [level, people[0]]));
  await becomes("people of the groups", shownGroups, told);
  const groups = (await csvOf(page, among.getByRole("button", { name: "Groups as CSV" }))).map((line) => [line[0], Number(line[1])]);
  expect("people of the groups in the file", groups, told);
  const [system, effect] = await page.evaluate(async () => (({ level, effect }) => [level, effect])((await (await fetch("/v1/projects/shop/experiments/checkout-button/results/breakdown?dimension=operating_system")).json()).metrics[0].levels[0]));
  expect("the effect on the first group", (await csvOf(page, among.getByRole("button", { name: "Groups as CSV" })))[0].filter((_, at) => at === 0 || at === 5), [system, String(effect)]);
  expect("the systems of the shop", told.map(([level]) => level).filter((level) => ["iOS", "Android", "macOS", "Windows"].includes(level)).length, 4);
  await among.getByRole("button", { name: "Where does it differ?" }).click();
  await among.getByRole("region", { name: "Where it differs" }).getByRole("status").waitFor();
  await settled(page);
  await look(page, "app-experiment-segments");
  // By its address: the groups, the curve and the search are there again.
  await page.reload();
  await becomes("the groups of the address", shownGroups, told);
  await becomes("the curve of the address", () => daily.getByLabel("Metric", { exact: true }).inputValue(), "revenue");
  await among.getByRole("region", { name: "Where it differs" }).getByRole("status").waitFor();
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
  await changedFlag(page);
  await numbers(page);
}

/** A number is typed digit by digit, as people do; a share below one percent is told as it is. */
async function numbers(page) {
  const ask = (method, key, body) => page.evaluate(async ([method, key, body]) => {
    const answer = await fetch(`/v1/projects/shop/features${key ? `/${key}` : ""}`, { method, headers: { "if-match": "*", ...(body && { "content-type": "application/json" }) }, ...(body && { body: JSON.stringify(body) }) });
    return method === "GET" ? answer.json() : answer.status;
  }, [method, key, body]);
  await at(page, "flags/~new");
  await title(page, "New flag");
  await page.getByLabel("Key", { exact: true }).fill("depth");
  await page.getByLabel("Values are").selectOption("number");
  const value = page.getByLabel("Default", { exact: true });
  await value.fill("");
  expect("no number is none", await value.evaluate((field) => field.validity.valid), false);
  await value.pressSequentially("-1.05");
  expect("what was typed", await value.inputValue(), "-1.05");
  await press(page, "Make the flag");
  await title(page, "depth");
  expect("what is kept", (await ask("GET", "depth")).definition.default_value, -1.05);
  const rules = [{ id: "few", serve: { rollout: { value: 2, coverage: 0.005, hash_attribute: "id" } } }];
  expect("a rollout to few", await ask("POST", "", { key: "few", definition: { value_type: "number", default_value: 1, rules } }), 201);
  await at(page, "flags/few");
  await page.getByText(/to 0\.5 %$/).waitFor();
  await page.getByRole("radio", { name: "Change" }).check();
  await page.getByRole("region", { name: "Rule 1" }).getByText("0.5 %", { exact: true }).waitFor();
  for (const key of ["depth", "few"]) expect(`${key} goes`, await ask("DELETE", key), 204);
}

/** What a flag needs of another, what it gives while it is off, a rule taken out and back, a draft that was left, out of use and back. */
async function neededFlag(page) {
  const definition = (key) => page.evaluate(async (key) => (await (await fetch(`/v1/projects/shop/features/${key}`)).json()).definition, key);
  const status = await page.evaluate(async () => (await fetch("/v1/projects/shop/features", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ key: "beta_ring", definition: { value_type: "string", default_value: "none" } }) })).status);
  expect("another flag", status, 201);
  await page.reload();
  await page.getByRole("radio", { name: "Change" }).check();
  await page.getByLabel("While it is off").selectOption("own");
  const needs = page.getByRole("region", { name: "What it needs" });
  await needs.getByRole("button", { name: "Only where another flag …" }).click();
  await needs.getByText("Choose a flag.").waitFor();
  await needs.getByRole("combobox", { name: "Flag 1 that it needs" }).fill("beta_ring");
  await page.keyboard.press("Enter");
  await needs.getByText("Say which value.").waitFor();
  await press(page, "Save the flag");
  await page.getByRole("alert").getByText(/Say which value/).waitFor();
  await needs.getByRole("combobox", { name: "Value" }).fill("inner");
  await page.keyboard.press("Enter");
  // Left for another page, and found again.
  await page.getByRole("link", { name: "All flags" }).click();
  await title(page, "Flags");
  await page.getByRole("link", { name: "new_search" }).click();
  await page.getByRole("radio", { name: "Change" }).check();
  const left = page.getByRole("region", { name: "Left unsaved" });
  await left.getByRole("button", { name: "Bring them back" }).click();
  await becomes("what was typed", () => needs.getByRole("combobox", { name: "Value" }).inputValue(), "inner");
  await page.getByRole("button", { name: "Remove rule 1" }).click();
  await page.getByRole("region", { name: "Removed" }).getByRole("button", { name: "Undo" }).click();
  await page.getByRole("region", { name: "Rule 1" }).waitFor();
  await look(page, "app-flag-needs");
  await press(page, "Save the flag");
  await page.getByText("Where not beta_ring is inner").waitFor();
  const kept = await definition("new_search");
  expect("what it needs, and gives while it is off", [kept.prerequisites, kept.off_value, kept.rules.length], [[{ feature: "beta_ring", condition: { value: "inner" } }], true, 1]);
  await page.getByRole("radio", { name: "Change" }).check();
  expect("a saved draft is none", await left.count(), 0);
  // What others need stays in use.
  await at(page, "flags/beta_ring");
  await press(page, "Archive");
  await page.getByRole("dialog").getByText(/new_search needs it/).waitFor();
  expect("it cannot be archived", await page.getByRole("dialog").getByRole("button", { name: "Archive it" }).isDisabled(), true);
  await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
  await at(page, "flags/new_search");
  for (const [button, does, isArchived] of [["Archive", "Archive it", true], ["Bring it back", "Bring it back", false]]) {
    await page.getByRole("button", { name: button, exact: true }).click();
    await page.getByRole("dialog").getByRole("button", { name: does }).click();
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await becomes(does, async () => (await definition("new_search")).is_archived, isArchived);
    await becomes("what the page says", () => page.locator(".page-actions .badge").count(), isArchived ? 1 : 0);
  }
  await page.getByRole("radio", { name: "Change" }).check();
  await page.getByRole("button", { name: "Remove beta_ring from what it needs" }).click();
  await press(page, "Save the flag");
  await page.getByText("Where not beta_ring is inner").waitFor({ state: "detached" });
  expect("the other flag goes", await page.evaluate(async () => (await fetch("/v1/projects/shop/features/beta_ring", { method: "DELETE", headers: { "if-match": "*" } })).status), 204);
}

/** The same flag is changed, with a reason, and then removed; what asks for it gets nothing any more. */
async function changedFlag(page) {
  await neededFlag(page);
  await page.getByRole("radio", { name: "Change" }).check();
  await page.getByLabel("What it is for").fill("A search that knows synonyms.");
  await page.getByRole("region", { name: "Rule 1" }).getByLabel("Share", { exact: true }).fill("0.25");
  await press(page, "Add a rule");
  await page.getByRole("region", { name: "Rule 2" }).getByLabel("Value", { exact: true }).selectOption("true");
  await page.getByRole("button", { name: "Move rule 2 up" }).click();
  await page.getByLabel("Reason for the change").fill("A quarter is enough.");
  await look(page, "app-flag-change");
  await press(page, "Save the flag");
  await becomes("the flag is saved", () => page.getByRole("radio", { name: "What it gives" }).isChecked(), true);
  await page.getByText("to 25 %").waitFor();
  const definition = await page.evaluate(async () => (await (await fetch("/v1/projects/shop/features/new_search")).json()).definition);
  expect("the rules in their order", definition.rules.map(({ serve }) => serve.rollout?.coverage ?? serve.force?.value), [true, 0.25]);
  expect("what it is for", definition.description, "A search that knows synonyms.");
  await page.getByRole("radio", { name: "History" }).check();
  await page.getByText("A quarter is enough.", { exact: true }).waitFor();
  await press(page, "Remove");
  await page.getByRole("dialog").getByLabel("Reason").fill("It became the only search.");
  await page.getByRole("dialog").getByRole("button", { name: "Remove the flag" }).click();
  await title(page, "Flags");
  await page.getByRole("link", { name: "checkout_button" }).waitFor();
  await becomes("the removed flag", () => page.getByRole("link", { name: "new_search" }).count(), 0);
  expect("what the API says of it", await page.evaluate(async () => (await fetch("/v1/projects/shop/features/new_search")).status), 404);
}

async function data(page) {
  await to(page, "Data");
  await settled(page);
  await look(page, "app-data");
  const weekly = page.getByRole("link", { name: /, last 7 days: purchase$/ });
  const ofWeek = await weekly.textContent();
  await weekly.click();
  await title(page, "SQL");
  await page.getByText(new RegExp(`^${ofWeek} rows? in`)).waitFor();
  await page.goBack();
  await title(page, "Data");
  await page.getByRole("link", { name: "purchase", exact: true }).click();
  await title(page, "purchase");
  await settled(page);
  await page.getByRole("button", { name: "method" }).click();
  await page.getByRole("dialog").getByText("invoice").waitFor();
  await page.getByRole("button", { name: "Close" }).click();
  await look(page, "app-activity");
  const daily = page.getByRole("region", { name: "Day by day" });
  const sums = (await csvOf(page, daily.getByRole("button", { name: "Day by day as CSV" }))).reduce(([times, days], line) => [times + Number(line[1]), days + 1], [0, 0]);
  const counted = await page.evaluate(async () => {
    const since = new Date((Math.floor(Date.now() / 86_400_000) - 59) * 86_400_000).toISOString();
    const body = JSON.stringify({ sql: "SELECT count(*) FROM activity WHERE event = 'purchase' AND timestamp >= $since", params: { since } });
    return (await (await fetch("/v1/projects/shop/sql", { method: "POST", headers: { "content-type": "application/json" }, body })).json()).rows[0][0];
  });
  expect("the days of the activity", sums, [counted, 60]);
  const statement = (await fileOf(page, daily.getByRole("button", { name: "Day by day as SQL" }))).toString("utf8");
  const asked = await page.evaluate(async (sql) => (await (await fetch("/v1/projects/shop/sql", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ sql }) })).json()).rows, statement);
  expect("the statement of the days", asked.reduce((sum, [, times]) => sum + times, 0), counted);
  const used = page.getByRole("region", { name: "Properties", exact: true });
  await used.getByRole("columnheader", { name: "first seen" }).waitFor();
  await used.getByText(/cover all of it/).waitFor();
  const properties = await csvOf(page, used.getByRole("button", { name: "Properties as CSV" }));
  const whole = await page.evaluate(async () => {
    const sql = "SELECT name, count(*) AS times, min(timestamp) AS first_at, max(timestamp) AS last_at FROM (SELECT timestamp, unnest(json_object_keys(properties)) AS name FROM activity WHERE event = 'purchase') GROUP BY name ORDER BY times DESC, name";
    return (await (await fetch("/v1/projects/shop/sql", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ sql }) })).json()).rows;
  });
  const moments = (row) => [row[0], Number(row[1]), new Date(row.at(-2)).getTime(), new Date(row.at(-1)).getTime()];
  expect("properties over all of it", properties.map(moments), whole.map(moments));
  // From the number to the people: asked in SQL, with ways to them.
  const inNumbers = page.getByRole("region", { name: "In numbers" }).getByRole("link").nth(1);
  const people = (await inNumbers.textContent()).trim();
  await inNumbers.click();
  await title(page, "SQL");
  await press(page, "Run");
  await page.getByText(`${people} rows`).first().waitFor();
  await page.getByRole("region", { name: "Result as a table" }).getByRole("link").first().waitFor();
  await page.goBack();
  await title(page, "purchase");
  await planned(page);
  await at(page, "data?part=quarantine");
  await page.getByRole("button", { name: /^Replay/ }).first().waitFor();
  await settled(page);
  await look(page, "app-quarantine");
  await page.getByRole("button", { name: /^Replay/ }).first().click();
  await page.getByRole("dialog").getByRole("button", { name: "Replay" }).click();
  await page.getByText(/still cannot be read/).waitFor();
}

/** An activity is described and held against a schema; what does not fit is counted, then refused, then read again. */
async function planned(page) {
  const meant = page.getByRole("region", { name: "Tracking plan" });
  const change = async (button, act) => {
    await meant.getByRole("button", { name: button }).click();
    const dialog = page.getByRole("dialog");
    await act(dialog);
    return dialog;
  };
  const keep = async (dialog) => {
    await dialog.getByRole("button", { name: "Save" }).click();
    await dialog.waitFor({ state: "detached" });
  };
  const described = await change("Describe", async (dialog) => {
    await dialog.getByLabel("Description").fill("Somebody paid.");
    await dialog.getByRole("button", { name: "Generate from recent activity" }).click();
    await page.waitForFunction(() => document.querySelector("dialog textarea[rows='10']")?.value.includes('"method"'));
    await dialog.getByLabel("Schema of its properties").fill('{"properties": {"method": {"$ref": "#/x"}}}');
    await dialog.getByRole("button", { name: "Save" }).click();
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
    return (await meant.getByText("method is not one of the allowed values").count()) > 0;
  }, true);
  await meant.getByText("Latest example").first().click();
  await meant.getByText(/in kind/).first().waitFor();
  await settled(page);
  await look(page, "app-planned");
  await keep(await change("Change", (dialog) => dialog.getByLabel("When an activity does not match").selectOption("refuse")));
  await meant.getByText("Activities that do not match are quarantined.").waitFor();
  expect("what does not fit is refused now", await send("odd-2", "in kind"), 0);
  await keep(await change("Change", (dialog) => dialog.getByLabel("Schema of its properties").fill('{"required": ["method"]}')));
  await meant.getByRole("button", { name: "History" }).click();
  await page.getByRole("dialog").getByText("Revision 3").first().waitFor();
  await look(page, "app-plan-history");
  await page.getByRole("button", { name: "Close" }).click();
  await at(page, "data?part=plan");
  await page.getByRole("region", { name: "Violations" }).getByText(/once quarantined/).first().waitFor();
  await page.getByLabel("Activities that are not in the plan").selectOption("count");
  await settled(page);
  await look(page, "app-plan");
  await at(page, "data?part=quarantine");
  await page.getByRole("button", { name: "Replay: plan_violated" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Replay" }).click();
  await page.getByText("1 became activity, 0 still cannot be read.").waitFor();
}

/** One person: two ids are joined, and taken apart again. */
async function people(page) {
  await to(page, "People");
  await page.getByLabel("Find by the beginning of an id").fill("person-0001");
  await page.getByRole("link", { name: "person-0001" }).waitFor();
  await becomes("the search in the address", () => new URL(page.url()).searchParams.get("find"), "person-0001");
  await page.reload();
  await becomes("people who are found by the address", () => page.getByRole("region", { name: "People found" }).getByRole("link").allTextContents(), ["person-0001"]);
  await page.getByRole("link", { name: "person-0001" }).click();
  await title(page, "person-0001");
  await page.locator(".timeline li").first().waitFor();
  await settled(page);
  await page.getByRole("region", { name: "Flags and experiments" }).getByText("checkout_button").first().waitFor();
  await look(page, "app-person");
  await equalTimes(page);
  await press(page, "Merge another id");
  await page.getByRole("dialog").getByLabel("Id").fill("person-0002");
  await page.getByRole("dialog").getByRole("button", { name: "Merge" }).click();
  await page.getByRole("dialog").waitFor({ state: "detached" });
  const back = page.getByRole("button", { name: /^Undo:/ });
  await back.waitFor();
  await settled(page);
  await look(page, "app-person-joined");
  await back.click();
  await page.getByRole("dialog").getByRole("button", { name: "Undo the merge" }).click();
  await page.getByText(/undone/).waitFor();
  await forgetting(page);
}

/** Activities of one moment fill more than a page of the timeline: none is left out, none comes twice. */
async function equalTimes(page) {
  const [person, all] = ["person-busy", 230];
  const timestamp = new Date(Date.now() - 3_600_000).toISOString();
  const items = Array.from({ length: all }, (_, index) => ({ event: "tick", distinctId: person, timestamp, messageId: `tick-${index}` }));
  await page.evaluate(async ([key, body]) => fetch("/v1/activity", { method: "POST", headers: { authorization: `Bearer ${key}`, "content-type": "application/json" }, body }), [process.env.PAGES_WRITE_KEY, JSON.stringify(items)]);
  const count = () => page.evaluate(async (person) => {
    const body = JSON.stringify({ sql: "SELECT count(*) FROM activity WHERE distinct_id = $person", params: { person } });
    return (await (await fetch("/v1/projects/shop/sql", { method: "POST", headers: { "content-type": "application/json" }, body })).json()).rows[0][0];
  }, person);
  await becomes("activities of one moment", count, all);
  await to(page, "People");
  await page.getByLabel("Find by the beginning of an id").fill(person);
  await page.getByRole("link", { name: person }).click();
  await title(page, person);
  const shown = page.locator(".timeline > li");
  for (const count of [100, 200, all]) {
    await becomes("activities on the timeline", () => shown.count(), count);
    if (count < all) await press(page, "Earlier");
  }
  await becomes("a way to earlier ones", () => page.getByRole("button", { name: "Earlier" }).count(), 0);
  await to(page, "People");
  await page.getByLabel("Find by the beginning of an id").fill("person-0001");
  await page.getByRole("link", { name: "person-0001" }).click();
  await title(page, "person-0001");
}

/** The next request of this kind is refused as one of an old sign-in. */
async function asOfLongAgo(page, pattern, method) {
  let isRefused = false;
  await page.route(pattern, (route) => {
    if (route.request().method() !== method || isRefused) return route.continue();
    isRefused = true;
    return route.fulfill({ status: 403, contentType: "application/problem+json", body: JSON.stringify({ type: "about:blank", title: "Confirm that it is you.", code: "step_up_required", status: 403 }) });
  });
}

/** The password once more, a wrong one first. */
async function confirmed(page) {
  const dialog = page.getByRole("dialog", { name: "Confirm that it is you" });
  await dialog.getByLabel("Password", { exact: true }).fill("a wrong password");
  await dialog.getByRole("button", { name: "Confirm" }).click();
  await dialog.getByRole("alert").waitFor();
  await look(page, "app-step-up");
  await dialog.getByLabel("Password", { exact: true }).fill(OWNER.password);
  await dialog.getByRole("button", { name: "Confirm" }).click();
  await dialog.waitFor({ state: "detached" });
}

/** The same person's everything as a file; then they are forgotten, by name, and the list says so. */
async function forgetting(page) {
  const file = page.waitForEvent("download");
  await asOfLongAgo(page, "**/persons/*/export", "POST");
  await press(page, "Export all data");
  await confirmed(page);
  const lines = fs.readFileSync(await (await file).path(), "utf8").trim().split("\n").map((line) => JSON.parse(line));
  expect("the last line says that it is all", lines.at(-1), { rows: lines.length - 1, table: "end" });
  await press(page, "Delete this person");
  const dialog = page.getByRole("dialog", { name: "Delete this person?" });
  await dialog.getByText("person-0001").waitFor();
  await look(page, "app-person-forget");
  await asOfLongAgo(page, "**/v1/projects/shop/persons/*", "DELETE");
  await dialog.getByRole("button", { name: "Delete permanently" }).click();
  // Closed, it says why nothing happened.
  await page.getByRole("dialog", { name: "Confirm that it is you" }).getByRole("button", { name: "Cancel" }).click();
  await dialog.getByRole("alert").getByText("Confirm that it is you").waitFor();
  await asOfLongAgo(page, "**/v1/projects/shop/persons/*", "DELETE");
  await dialog.getByRole("button", { name: "Delete permanently" }).click();
  await confirmed(page);
  await dialog.waitFor({ state: "detached" });
  await page.getByRole("region", { name: "Deleted people" }).getByRole("status").first().waitFor();
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
  const inCell = page.getByLabel("People of the cell").getByRole("heading");
  await inCell.waitFor();
  await settled(page);
  await look(page, "app-places-near");
  // A link leads to the same place of the map, and to the same people.
  const [told, step] = [await inCell.textContent(), await page.locator(".map-tools .badge").textContent()];
  await page.waitForFunction(() => /^-?[\d.]+,-?[\d.]+,\d+(\.\d+)?$/.test(new URL(location.href).searchParams.get("view") ?? ""));
  await page.reload();
  await becomes("the chosen cell of the address", () => inCell.textContent(), told);
  await becomes("how near the map is", () => page.locator(".map-tools .badge").textContent(), step);
  await page.locator(".map").focus();
  await page.keyboard.press("0");
  await becomes("the whole world needs no address", () => new URL(page.url()).searchParams.has("view"), false);
  await numbersOfPlaces(page);
}

/** From the whole world to the smallest cells: nobody is lost, and the cells are those of the insight. */
async function numbersOfPlaces(page) {
  const asked = (path, body) => page.evaluate(async ([path, body]) => (await fetch(`/v1/projects/shop/${path}`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) })).json(), [path, body]);
  const [from, until] = await page.evaluate(() => {
    const at = new Date();
    at.setHours(0, 0, 0, 0);
    return [1, -29].map((days) => new Date(at.getFullYear(), at.getMonth(), at.getDate() + days).getTime()).reverse();
  });
  const where = "latitude IS NOT NULL AND longitude IS NOT NULL AND timestamp >= $from AND timestamp < $until";
  const params = { from: new Date(from).toISOString(), until: new Date(until).toISOString() };
  const [[people, times]] = (await asked("sql", { sql: `SELECT count(DISTINCT person_id), count(*) FROM activity WHERE ${where}`, params })).rows;
  const map = page.getByRole("region", { name: "Map", exact: true });
  const step = page.locator(".map-tools .badge");
  for (const near of [0, 16]) {
    await page.locator(".map").focus();
    for (let turn = 0; turn < near; turn++) await page.keyboard.press("+");
    await settled(page);
    const resolution = Number((await step.textContent()).match(/\d+$/)[0]);
    if (near && resolution < 7) throw new Error(`cells of step ${resolution} are not the smallest`);
    const { answer } = await asked("insights/places", { scope: { from_ms: from, until_ms: until, zone: "UTC" }, select: {}, resolution, latitude: "activity.latitude", longitude: "activity.longitude", top: 5000 });
    const cells = new Map(answer.places.map((place) => [place.cell, [place.people, place.rows]]));
    await becomes(`people in cells of step ${resolution}`, () => map.getByRole("heading", { level: 2 }).textContent(), `${people.toLocaleString("en")} people in ${answer.cells.toLocaleString("en")} cells`);
    const rows = await csvOf(page, map.getByRole("button", { name: "CSV" }));
    expect(`cells of step ${resolution}`, rows.map(([cell, people, times]) => [cell, Number(people), Number(times)]).filter(([cell, ...counts]) => JSON.stringify(cells.get(cell)) !== JSON.stringify(counts)), []);
    expect(`activities in cells of step ${resolution}`, rows.reduce((sum, [, , times]) => sum + Number(times), 0), times);
  }
  await map.getByRole("region", { name: "Cells as a table" }).getByRole("button").first().click();
  const [told] = (await page.getByLabel("People of the cell").getByRole("heading").textContent()).match(/^[\d,]+/);
  await press(page, "Show people");
  const dialog = page.getByRole("dialog");
  await becomes("the people of the cell", () => dialog.getByRole("status").textContent(), `${told} ${told === "1" ? "person" : "people"}`);
  await dialog.getByRole("link").first().waitFor();
  await dialog.getByRole("button", { name: "Close" }).click();
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
  const everybody = await csvOf(page, dialog.getByRole("button", { name: "CSV of all" }));
  expect("people of the file", [everybody.length.toLocaleString("en"), new Set(everybody.map(([id]) => id)).size], [people, everybody.length]);
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
  await becomes("nothing waits", () => figure("Answers lag by").textContent(), "0 activities, 0 ms");
  await page.waitForFunction(() => Number(document.querySelector('[aria-label="Now"] dd')?.textContent) >= 2);
  await look(page, "app-live");
  const status = (lag, checks) => page.route("**/v1/status", (route) => route.fulfill({ json: { ready: checks.every(({ ok }) => ok), checks, lag } }));
  await status({ records_behind: 1200, seconds_behind: 7.25 }, [{ name: "log", ok: true }, { name: "jobs", ok: false, detail: "the job that fills the tables has ended" }]);
  await becomes("how far answers are behind", () => figure("Answers lag by").textContent(), "1,200 activities, 7.25 s");
  await parts.getByText("is not ready", { exact: true }).waitFor();
  await parts.getByRole("listitem").filter({ hasText: "Job" }).getByText("does not work").waitFor();
  await look(page, "app-live-behind");
  await page.unroute("**/v1/status");
  await parts.getByText("is ready", { exact: true }).waitFor();
  // A refusal (a full house, a proxy that fails) is no end: the page connects again by itself.
  await page.route("**/v1/projects/shop/live", (route) => route.fulfill({ status: 503, body: "" }));
  await page.reload();
  await page.getByText(/^Connection lost; reconnecting/).first().waitFor();
  await page.unroute("**/v1/projects/shop/live");
  await page.getByText(/^Live ·/).waitFor();
  await becomes("people who wave are seen again", async () => {
    await wave();
    return stream.getByText("wave").nth(1).waitFor({ timeout: 3000 }).then(() => true);
  }, true);
  await press(page, "Pause");
  await page.getByText(/^Paused ·/).waitFor();
  await press(page, "Resume");
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
