// A walk through the page of SQL in Chromium: where something is wrong, saved questions with bound parameters kept, changed, shared and removed,
// how a result is drawn, a statement that is stopped, alerts with their bounds, and a hundred thousand rows. Told by environment: PAGES_URL.
"use strict";
const { expect, look } = require("./account_pages_gear.cjs");
const { OWNER, press, title } = require("./account_pages_people.cjs");
const { enter, settled, to } = require("./app_pages_enter.cjs");
const { withPage } = require("./browser.cjs");
const { becomes } = require("./waits.cjs");

const { PAGES_URL: url } = process.env;
const open = async (page, query = "") => {
  await page.goto(`${url}/app/shop/sql${query}`);
  await title(page, "SQL");
  await page.getByRole("textbox", { name: "SQL" }).waitFor();
  await settled(page);
};
/** The lines that are in the editor. */
const holds = (page, text) => becomes("what is in the editor", () => page.locator(".cm-line").allTextContents(), text.split("\n"));
const write = async (page, text) => {
  await page.getByRole("textbox", { name: "SQL" }).click();
  await page.keyboard.press("ControlOrMeta+A");
  await (text ? page.keyboard.insertText(text) : page.keyboard.press("Delete"));
  await holds(page, text);
};
/** Types the beginning of a word, waits for the whole one to be proposed first, takes it, and has the text `then`. */
const completed = async (page, begun, word, then, meanwhile) => {
  await page.keyboard.type(begun);
  const chosen = page.locator(".cm-tooltip-autocomplete:not(.cm-tooltip-autocomplete-disabled) li[aria-selected=true]");
  await becomes(`the first proposal after ${begun}`, async () => (await chosen.locator(".cm-completionLabel").allTextContents()).join(), word);
  await meanwhile?.();
  // Keys that come right after a list has opened were meant for the text: the editor takes nothing for 75 ms.
  await page.waitForTimeout(100);
  await page.keyboard.press("Enter");
  await holds(page, then);
};
const run = async (page, rows) => {
  await press(page, "Run");
  await page.getByText(new RegExp(`^${rows} rows? in`)).waitFor();
};

/** The editor underlines the word that the server did not know, and forgets it once it is mended. */
async function wrong(page) {
  await open(page);
  await write(page, "SELECT event,\n  plann FROM activity");
  await press(page, "Run");
  await page.getByRole("alert").waitFor();
  const marked = page.locator(".cm-lintRange-error");
  await marked.waitFor();
  await becomes("what is underlined", () => marked.textContent(), "plann");
  await page.getByLabel("Line 2, column 3").waitFor();
  await look(page, "app-sql-wrong");
  await write(page, "SELECT event FROM activity LIMIT 2");
  await run(page, 2);
  await becomes("nothing is underlined", () => marked.count(), 0);
}

/** The editor knows tables, columns and words; what was asked before is there after the page was left. */
async function helped(page) {
  await open(page);
  await write(page, "SELECT ");
  await completed(page, "activity.dis", "distinct_id", "SELECT activity.distinct_id", () => look(page, "app-sql-completion"));
  await completed(page, " FROM activi", "activity", "SELECT activity.distinct_id FROM activity");
  await page.keyboard.type(" LIMIT 3");
  await holds(page, "SELECT activity.distinct_id FROM activity LIMIT 3");
  await page.keyboard.press("Escape");
  await run(page, 3);
  await write(page, "SELECT 2 AS two");
  await run(page, 1);
  await open(page);
  const before = page.locator(".history button");
  await becomes("asked before, the newest first", async () => (await before.allTextContents()).slice(0, 2), ["SELECT 2 AS two", "SELECT activity.distinct_id FROM activity LIMIT 3"]);
  await before.nth(1).click();
  await holds(page, "SELECT activity.distinct_id FROM activity LIMIT 3");
}

/** Whoever types and asks without a pause asks what was typed, to the last letter; however quick the letters come, and the page is slow. */
async function quick(page) {
  await open(page);
  const typed = "SELECT 1 AS one, 2 AS two, 3 AS three, 'as typed' AS four";
  for (const pause of [0, 4]) {
    await write(page, "");
    await page.evaluate(async ({ typed, pause }) => {
      for (const letter of typed) {
        document.execCommand("insertText", false, letter);
        await new Promise((go) => setTimeout(go, pause));
      }
    }, { typed, pause });
    await holds(page, typed);
  }
  await write(page, typed.slice(0, 6));
  await page.keyboard.type(typed.slice(6));
  await page.keyboard.press("ControlOrMeta+Enter");
  const heads = page.getByRole("region", { name: "Result as a table" }).getByRole("columnheader");
  await becomes("the columns", () => heads.evaluateAll((heads) => heads.map((head) => head.firstChild.textContent)), ["one", "two", "three", "four"]);
  await page.getByRole("region", { name: "Result as a table" }).getByText("as typed", { exact: true }).waitFor();
}

/** Kept with a typed parameter, opened by an address, changed, and removed. What is bound is no part of the text. */
async function saved(page) {
  await open(page);
  await write(page, "SELECT count(*) AS times FROM activity WHERE event = $event");
  await page.getByLabel("$event").fill("purchase' OR 1=1 --");
  await run(page, 1);
  await becomes("nothing is spliced", () => page.locator(".grid tbody td").first().textContent(), "0");
  await page.getByLabel("$event").fill("purchase");
  await press(page, "Save");
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Title", { exact: true }).fill("How many");
  await dialog.getByRole("button", { name: "Save it" }).click();
  await dialog.getByText("It is saved.").waitFor();
  await dialog.getByRole("button", { name: "Close" }).click();
  await open(page, "?saved=how-many");
  await page.waitForFunction(() => document.querySelector("input[placeholder=null]")?.value === "purchase");
  await holds(page, "SELECT count(*) AS times FROM activity WHERE event = $event");
  await page.getByLabel("Type of event").selectOption("number");
  await page.getByLabel("Type of event").selectOption("text");
  await page.getByLabel("$event").fill("cart");
  await press(page, "Change «How many» to this");
  await page.getByRole("button", { name: /^Change «/ }).waitFor({ state: "detached" });
  const kept = () => page.evaluate(async () => (await (await fetch("/v1/projects/shop/questions/how-many")).json()).content.parameters[0]);
  await becomes("the parameter", async () => (({ name, ...more }) => [name, more.default])(await kept()), ["event", "cart"]);
  await look(page, "app-sql-saved");
}

/** A chart whose column and shape are chosen. */
async function chart(page) {
  await open(page);
  await write(page, "SELECT event, os, count(*) AS times, count(DISTINCT person_id) AS people FROM activity GROUP BY event, os ORDER BY event, os LIMIT 12");
  await run(page, 12);
  await press(page, "Chart");
  await page.getByLabel("Shape", { exact: true }).selectOption("lines");
  await page.getByLabel("Along", { exact: true }).selectOption({ label: "os" });
  await page.getByLabel("Number", { exact: true }).selectOption({ label: "people" });
  await page.locator("figure .chart svg path").first().waitFor();
  await becomes("one line", () => page.locator("figure .legend button").count(), 0);
  await look(page, "app-sql-chart");
}

/** An address has the statement, the values, and how it is drawn; whoever follows it sees the same. */
async function shared(page) {
  await open(page);
  const statement = "SELECT event, count(*) AS times, count(DISTINCT person_id) AS people FROM activity WHERE os = $os GROUP BY event ORDER BY event";
  await write(page, statement);
  await page.getByLabel("$os").fill("iOS");
  await press(page, "Run");
  await page.getByText(/^\d+ rows in/).waitFor();
  await press(page, "Chart");
  await page.getByLabel("Shape", { exact: true }).selectOption("lines");
  await page.getByLabel("Number", { exact: true }).selectOption({ label: "people" });
  const cells = () => page.getByRole("region", { name: "Result as a table" }).locator("tbody td").allTextContents();
  const [address, told] = [await page.evaluate(() => location.href), await cells()];
  await page.goto("about:blank");
  await page.goto(address);
  await title(page, "SQL");
  await holds(page, statement);
  await becomes("the value of the address", () => page.getByLabel("$os").inputValue(), "iOS");
  await press(page, "Run");
  await becomes("the rows of the address", cells, told);
  await becomes("how it is drawn", async () => [await page.getByLabel("Shape", { exact: true }).inputValue(), await page.getByLabel("Number", { exact: true }).locator("option:checked").textContent()], ["lines", "people"]);
  await page.locator("figure .chart svg path").first().waitFor();
  await press(page, "Hide the chart");
  await becomes("no chart in the address", () => new URL(page.url()).searchParams.has("chart"), false);
  await page.goto(`${url}/app/shop/sql?${new URLSearchParams({ sql: "SELECT 1 AS one", values: "{", chart: '{"shape": "pie", "number": 9}' })}`);
  await title(page, "SQL");
  await run(page, 1);
}

/** From a number to its rows, which another statement lists on the same page; and back to the one before. */
async function onward(page) {
  await open(page);
  const statement = "SELECT event, count(*) AS times FROM activity WHERE event = 'purchase' GROUP BY event";
  await write(page, statement);
  await run(page, 1);
  await page.getByRole("region", { name: "Result as a table" }).getByTitle("Which rows are these?").click();
  await holds(page, "SELECT *\nFROM activity\nWHERE (event = 'purchase')\n  AND (event) = 'purchase'\nORDER BY timestamp DESC\nLIMIT 1000");
  await page.getByText(/^[\d,]+ rows? in/).waitFor();
  await becomes("the title has the focus", () => page.evaluate(() => document.activeElement?.tagName), "H1");
  await page.goBack();
  await holds(page, statement);
}

/** What takes long can be stopped; the next question is answered. */
async function stopped(page) {
  await open(page);
  const held = [];
  await page.route("**/v1/projects/shop/sql", (route) => held.push(route));
  await write(page, "SELECT 1 AS one");
  await press(page, "Run");
  await press(page, "Stop");
  await page.getByText("Stopped", { exact: true }).waitFor();
  await page.unroute("**/v1/projects/shop/sql");
  for (const route of held) await route.abort().catch(() => undefined);
  await run(page, 1);
}

/** A saved question is a file: read, and kept to the byte as it is given; what is wrong is said with its line. */
async function filed(page) {
  const dialog = page.getByRole("dialog", { name: "how-many.yaml" });
  await page.getByRole("button", { name: "File of How often" }).click();
  const area = dialog.locator("textarea");
  const text = await area.inputValue();
  expect("what the file begins with", text.split("\n").slice(0, 2), ["footfall: question/1", "title: How often"]);
  await area.fill(text.replace("footfall: question/1", "footfall: question/2"));
  await dialog.getByRole("button", { name: "Save the file" }).click();
  await dialog.getByRole("alert").getByText(/must be question\/1.*line 1/).first().waitFor();
  await area.fill(`# How often they come.\n${text}`);
  await look(page, "app-question-file");
  await dialog.getByRole("button", { name: "Save the file" }).click();
  await dialog.waitFor({ state: "detached" });
  expect("the file", await page.evaluate(async () => (await (await fetch("/v1/projects/shop/questions/how-many")).json()).text), `# How often they come.\n${text}`);
}

/** Somebody was faster: both are shown, and whoever changes it chooses. */
async function conflict(page) {
  const faster = (sql) => page.evaluate(async (sql) => {
    const one = "/v1/projects/shop/questions/how-many";
    const { content } = await (await fetch(one)).json();
    return (await fetch(one, { method: "PUT", headers: { "content-type": "application/json", "if-match": "*" }, body: JSON.stringify({ content: { ...content, ask: { sql } } }) })).status;
  }, sql);
  const kept = () => page.evaluate(async () => (await (await fetch("/v1/projects/shop/questions/how-many")).json()).content.ask.sql);
  await open(page, "?saved=how-many");
  await page.getByRole("button", { name: "How often", exact: true }).waitFor();
  for (const [choice, wanted] of [["Leave it as it is now", "SELECT 1 AS theirs"], ["Save yours over it", "SELECT 2 AS mine"]]) {
    expect("somebody is faster", await faster("SELECT 1 AS theirs"), 200);
    await write(page, "SELECT 2 AS mine");
    await press(page, "Change «How often» to this");
    const dialog = page.getByRole("dialog", { name: "«How often» was changed meanwhile" });
    await dialog.getByRole("region", { name: "As it is saved now" }).getByText("SELECT 1 AS theirs").waitFor();
    await dialog.getByRole("region", { name: "Yours" }).getByText("SELECT 2 AS mine").waitFor();
    if (choice.startsWith("Leave")) await look(page, "app-conflict");
    await dialog.getByRole("button", { name: choice }).click();
    await dialog.waitFor({ state: "detached" });
    await becomes(choice, kept, wanted);
  }
}

/** What was typed and not asked is there again for whoever comes back. */
async function left(page) {
  await write(page, "SELECT 'not asked yet' AS typed");
  await to(page, "Data");
  await open(page);
  const notice = page.getByRole("region", { name: "Left unsaved" });
  await notice.getByText(/You left SQL unsaved here/).waitFor();
  await look(page, "app-left");
  await notice.getByRole("button", { name: "Bring it back" }).click();
  await holds(page, "SELECT 'not asked yet' AS typed");
  await notice.waitFor({ state: "detached" });
  await page.reload();
  await notice.getByRole("button", { name: "Throw it away" }).click();
  await notice.waitFor({ state: "detached" });
  await page.reload();
  await title(page, "SQL");
  expect("nothing is offered any more", await notice.count(), 0);
}

/** An alert on what is open, when it is unusual. */
async function alert(page) {
  await open(page, "?saved=how-many");
  await page.waitForFunction(() => document.querySelector("input[placeholder=null]")?.value === "cart");
  await press(page, "Schedules and alerts");
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("radio", { name: "Alert when unusual" }).check({ force: true });
  await becomes("what is open is chosen", () => dialog.getByLabel("Question", { exact: true }).inputValue(), "how-many");
  await dialog.getByLabel("Title", { exact: true }).fill("Odd carts");
  await dialog.getByLabel("Deviations").fill("3");
  await dialog.getByLabel("Earlier numbers").fill("14");
  await dialog.getByLabel("Runs", { exact: true }).selectOption("monday");
  await dialog.getByLabel("at", { exact: true }).selectOption("9");
  await dialog.getByLabel("E-mail to members").fill(OWNER.email);
  await look(page, "app-sql-alert");
  await dialog.getByRole("button", { name: "Create" }).click();
  await dialog.getByText("Mondays at 9:00 UTC, alert when more than 3 deviations from the last 14").waitFor();
  // Changed: what stands there is shown, and the rest of it stays.
  await dialog.getByRole("button", { name: "Change Odd carts" }).click();
  const form = dialog.getByRole("form", { name: "Change Odd carts" });
  const fields = async () => [await form.getByLabel("Title", { exact: true }).inputValue(), await form.getByLabel("Deviations").inputValue(), await form.getByLabel("Earlier numbers").inputValue(), await form.getByLabel("Runs", { exact: true }).inputValue(), await form.getByLabel("at", { exact: true }).inputValue(), await form.getByLabel("E-mail to members").inputValue()];
  await becomes("what the alert was", fields, ["Odd carts", "3", "14", "monday", "9", OWNER.email]);
  await form.getByRole("radio", { name: "Alert below" }).check({ force: true });
  await form.getByLabel("Threshold").fill("2.5");
  await form.getByLabel("Runs", { exact: true }).selectOption("15");
  await form.getByLabel("E-mail to members").fill("nobody@example.net");
  await form.getByRole("button", { name: "Save changes" }).click();
  await form.getByRole("alert").waitFor();
  await form.getByLabel("E-mail to members").fill(OWNER.email);
  await look(page, "app-sql-alert-change");
  await form.getByRole("button", { name: "Save changes" }).click();
  await dialog.getByText("every 15 minutes, alert below 2.5").waitFor();
  await dialog.getByRole("form", { name: "New schedule or alert" }).waitFor();
  const changed = await page.evaluate(async () => (await (await fetch("/v1/projects/shop/schedules/odd-carts")).json()).content);
  expect("what the API has", [changed.title, changed.question, changed.every, changed.task, changed.is_enabled], ["Odd carts", "how-many", { minutes: 15 }, { alert: { below: 2.5 } }, true]);
  await dialog.getByRole("button", { name: "Switch off: Odd carts" }).click();
  await dialog.getByText("off", { exact: true }).waitFor();
  // Escape says no to the question alone, and leads back to what asked it.
  await dialog.getByRole("button", { name: "Remove Odd carts" }).click();
  const asked = page.getByRole("dialog", { name: "Remove «Odd carts»?" });
  await asked.waitFor();
  await page.keyboard.press("Escape");
  await asked.waitFor({ state: "detached" });
  await becomes("the focus is back", () => page.evaluate(() => document.activeElement?.getAttribute("aria-label")), "Remove Odd carts");
  await page.keyboard.press("Enter");
  await press(page, "Remove it");
  await dialog.getByText("Odd carts", { exact: true }).waitFor({ state: "detached" });
  await dialog.getByRole("radio", { name: "Send as PDF" }).check({ force: true });
  await dialog.getByLabel("Title", { exact: true }).fill("Carts to print");
  await dialog.getByLabel("E-mail to members").fill(OWNER.email);
  await dialog.getByRole("button", { name: "Create" }).click();
  await dialog.getByRole("button", { name: "Run now: Carts to print" }).click();
  const fate = () => page.evaluate(async () => (await (await fetch("/v1/projects/shop/schedules/carts-to-print/runs")).json()).items[0]?.fate);
  await becomes("what became of it", fate, "sent");
  // The program of this walk has no mail server, and says so.
  await dialog.getByText(/This server sends no mails yet/).waitFor();
  await becomes("what became of it in words", () => page.evaluate(async () => (await (await fetch("/v1/projects/shop/schedules/carts-to-print/runs")).json()).items[0]?.detail.includes("set mail.url")), true);
  await dialog.getByRole("button", { name: "Remove Carts to print" }).click();
  await press(page, "Remove it");
  await dialog.getByText("Carts to print", { exact: true }).waitFor({ state: "detached" });
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Rename How many" }).click();
  await dialog.getByLabel("Title", { exact: true }).fill("How often");
  await dialog.getByRole("button", { name: "Rename it" }).click();
  await dialog.waitFor({ state: "detached" });
  await filed(page);
  await conflict(page);
  await left(page);
  await page.getByRole("button", { name: "Remove How often" }).click();
  await press(page, "Remove it");
  await page.getByRole("region", { name: "Saved questions" }).waitFor({ state: "detached" });
}

/** Rows are there before the answer is: the first of them while the server works on, all of them at its end; and it says so where it breaks off. */
async function coming(page) {
  await open(page);
  await write(page, "SELECT event, count(*) AS times FROM activity GROUP BY event");
  const answers = () => page.evaluate(() => {
    const own = window.fetch;
    window.fetch = (input, init) => {
      if (!(input instanceof Request) || !input.url.endsWith("/sql")) return own(input, init);
      const words = new TextEncoder();
      const stream = new ReadableStream({
        start: (to) => {
          to.enqueue(words.encode('{"columns":[{"name":"event","type":"text"},{"name":"times","type":"bigint"}],"rows":[["brow'));
          window.more = () => to.enqueue(words.encode('se",7],["cart",3],["cart",3],["ca'));
          window.goOn = () => (to.enqueue(words.encode('rt",2]],"row_count":4}')), to.close());
          window.breakOff = () => to.error(new Error("gone"));
        },
      });
      return Promise.resolve(new Response(stream, { status: 200, headers: { "content-type": "application/json" } }));
    };
  });
  await answers();
  const begun = async () => {
    await press(page, "Run");
    await page.getByRole("progressbar", { name: "The answer is on its way" }).waitFor();
    await page.evaluate(() => window.more());
    await page.getByText("3 rows so far …").waitFor();
  };
  await begun();
  const table = page.getByRole("region", { name: "Result as a table" });
  await becomes("rows that are there", () => table.locator("tbody tr").evaluateAll((rows) => rows.map((row) => row.cells[0].textContent)), ["browse", "cart", "cart"]);
  await look(page, "app-sql-coming");
  await page.evaluate(() => window.goOn());
  await page.getByText(/^4 rows in/).waitFor();
  await begun();
  await page.evaluate(() => window.breakOff());
  await page.getByRole("alert").getByText(/^After \d+ rows something failed/).waitFor();
}

/** From the first to the last of many rows, with few of them in the page. */
async function many(page) {
  await open(page);
  await write(page, "SELECT value, value * 2 AS twice, value % 7 AS rest FROM generate_series(1, 100000) ORDER BY value");
  await run(page, "100,000");
  const table = page.getByRole("region", { name: "Result as a table" });
  await table.locator("tbody tr").first().waitFor();
  const last = table.getByText("200000", { exact: true });
  await table.focus();
  await page.keyboard.press("End");
  await last.waitFor();
  const drawn = await table.locator("tbody tr").count();
  if (drawn > 200) throw new Error(`${drawn} rows of 100,000 are in the page`);
}

const main = () =>
  withPage(url, async (page, account) => {
    await page.setViewportSize({ width: 1280, height: 900 });
    await enter(page);
    for (const part of [wrong, helped, quick, saved, chart, shared, onward, stopped, alert, coming, many]) await part(page);
    const known = (text) => text.startsWith("Failed to load resource") || (text.startsWith("Applying inline style violates") && /\/app\/shop\/sql[?)]/.test(text));
    const strange = account.consoleErrors.filter((text) => !known(text));
    process.stdout.write(`${JSON.stringify({ walked: true, consoleErrors: strange, pageErrors: account.pageErrors })}\n`);
  });

main().then(() => process.exit(0), (error) => {
  console.error(error);
  process.exit(1);
});
