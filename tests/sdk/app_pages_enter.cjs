// The way into the web application, and what the hands of the walks do there.
"use strict";
const { OWNER, fill, press, title } = require("./account_pages_people.cjs");

const { PAGES_URL: url, PAGES_LINK: link } = process.env;

/** To `/app` without a session: to the sign-in page and back. With a link the account is made before. */
exports.enter = async (page) => {
  if (link) {
    await page.goto(link);
    for (const [label, text] of [["E-mail address", OWNER.email], ["Your name", OWNER.name], ["New password", OWNER.password], ["Organisation", "Example"], ["First project", "shop"]]) {
      await fill(page, label, text);
    }
    await press(page, "Make the account");
    await title(page, `Welcome, ${OWNER.name}`);
    await page.context().clearCookies();
  }
  await page.goto(`${url}/app`);
  await page.waitForURL(/account\/sign-in\?next=/);
  await fill(page, "E-mail address", OWNER.email);
  await fill(page, "Password", OWNER.password);
  await press(page, "Sign in");
  await title(page, "Insights");
};

exports.to = async (page, name) => {
  await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name, exact: true }).click();
  await title(page, name);
};

/** Nothing is on its way any more. */
exports.settled = (page) => page.waitForFunction(() => !document.querySelector(".loading") && !document.querySelector('[aria-busy="true"]'));

/** Takes a text into a field with proposals. */
exports.choose = async (page, label, text, within = page) => {
  const field = within.getByRole("combobox", { name: label, exact: true }).last();
  await field.fill(text);
  await field.press("Enter");
};
