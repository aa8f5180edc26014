// The walk from the page of SQL to a dashboard.
"use strict";
const { look } = require("./account_pages_gear.cjs");
const { OWNER, press, title } = require("./account_pages_people.cjs");
const { answered, post } = require("./boards_pages_gear.cjs");
const { becomes } = require("./waits.cjs");

const { PAGES_URL: url } = process.env;

/** From the page of SQL to a dashboard, with a parameter; and asked by itself. */
async function fromSql(page) {
  await page.goto(`${url}/app/shop/sql`);
  const editor = page.getByRole("textbox", { name: "SQL" });
  await editor.click();
  await page.keyboard.press("ControlOrMeta+A");
  await page.keyboard.insertText("SELECT count(*) AS purchases FROM activity WHERE event = $event AND timestamp >= $from");
  await page.getByLabel("$event").fill("purchase");
  await press(page, "Save");
  await page.getByRole("dialog").getByLabel("Title", { exact: true }).fill("Purchases");
  await page.getByRole("dialog").getByLabel("On the dashboard").selectOption({ label: "Sales" });
  await press(page, "Save it");
  await page.getByRole("link", { name: "Go to the dashboard" }).click();
  await title(page, "Sales");
  await answered(page);
  const count = (await post(page, "/v1/projects/shop/questions/purchases/answers", {})).body.rows[0][0];
  if (!(count > 0)) throw new Error(`${count} purchases`);
  await page.goto(`${url}/app/shop/sql`);
  await page.getByRole("button", { name: "Purchases", exact: true }).click();
  await becomes("the saved default", () => page.getByLabel("$event").inputValue(), "purchase");
  await press(page, "Schedules and alerts");
  await page.getByRole("radio", { name: "Alert below" }).check({ force: true });
  await page.getByRole("dialog").getByLabel("Title", { exact: true }).fill("Few purchases");
  await page.getByLabel("Threshold").fill("1000000000");
  await page.getByLabel("E-mail to members").fill("nobody@example.net");
  await press(page, "Create");
  await page.getByRole("alert").getByText("member").first().waitFor();
  await page.getByLabel("E-mail to members").fill(OWNER.email);
  await press(page, "Create");
  await page.getByRole("button", { name: "Run now: Few purchases" }).click();
  const fate = () => page.evaluate(async () => (await (await fetch("/v1/projects/shop/schedules/few-purchases/runs")).json()).items[0]?.fate);
  await becomes("what became of the alert", fate, "alarmed");
  await page.getByText("Past runs").click();
  await page.getByText("alarmed").first().waitFor();
  await look(page, "boards-schedules");
  await page.keyboard.press("Escape");
  return count;
}

module.exports = { fromSql };
