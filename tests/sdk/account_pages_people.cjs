// The people of the walks through the account pages, and what their hands do.
"use strict";
const { until } = require("./waits.cjs");

const { PAGES_URL: url } = process.env;
const OWNER = { email: "olga@example.org", name: "Olga Owner", password: "mein Rad hat drei Räder" };
const GUEST = { email: "gustav@example.org", name: "Gustav Guest", password: "vier Schafe im Regen" };
const NEW_PASSWORD = "fünf Schafe im Regen";

const title = (page, text) => page.getByRole("heading", { level: 1, name: text }).waitFor();
const press = (page, name) => page.getByRole("button", { name, exact: true }).click();
const fill = (page, label, text) => page.getByLabel(label, { exact: true }).fill(text);
const go = async (page, name) => {
  await page.getByRole("navigation").getByRole("link", { name, exact: true }).click();
  await page.waitForFunction(() => !document.querySelector(".later[aria-busy=true]"));
};
const onceShown = async (page, button) => {
  const dialog = page.getByRole("dialog").filter({ has: page.getByRole("button", { name: button, exact: true }) });
  const text = await until("what is shown once", () => dialog.locator(".command code").textContent(), (text) => text.length > 0);
  await press(page, button);
  return text;
};

/** Signs in, on the way to one's account. */
const signIn = async (page, { email, password }) => {
  await page.goto(`${url}/account/sign-in?next=/account`);
  await fill(page, "E-mail address", email);
  await fill(page, "Password", password);
  await press(page, "Sign in");
};
const signOut = async (page) => {
  await press(page, "Sign out");
  await title(page, "Sign in");
};

module.exports = { OWNER, GUEST, NEW_PASSWORD, title, press, fill, go, onceShown, signIn, signOut };
