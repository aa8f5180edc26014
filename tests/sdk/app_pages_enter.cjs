// The way into the web application, and what the hands of the walks do there.
"use strict";
const fs = require("node:fs");
const { linkOf } = require("./account_pages_gear.cjs");
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

/** Signs in and out of the web application as somebody who is there. */
exports.enterAs = async (page, { email, password }) => {
  await page.context().clearCookies();
  await page.goto(`${url}/account/sign-in?${new URLSearchParams({ next: "/app" })}`);
  await fill(page, "E-mail address", email);
  await fill(page, "Password", password);
  await press(page, "Sign in");
  await title(page, "Insights");
};

/** The owner invites somebody, soon after signing in: later the password is asked for again. The link of the mail. */
exports.invite = async (page, { email }, role) => {
  const organisation = await page.evaluate(async () => (await (await fetch("/v1/organisations")).json()).items[0].id);
  await page.goto(`${url}/account/organisations/${organisation}/members`);
  await press(page, "Invite somebody");
  await fill(page, "E-mail address", email);
  await page.getByLabel("Role", { exact: true }).selectOption(role);
  await press(page, "Send the invitation");
  await page.getByText(`the one to ${email} is written into a file there`).waitFor();
  return linkOf(page, `${process.env.FOOTFALL_DATA_DIR}/mails`, email, "invitation");
};

/** Makes the account of a link, and is signed in by it. */
exports.join = async (page, link, { name, password }) => {
  await page.context().clearCookies();
  await page.goto(link);
  await press(page, "Accept the invitation");
  await fill(page, "Your name", name);
  await fill(page, "New password", password);
  await press(page, "Join");
  await title(page, "Insights");
};

/** What a button brings as a file. */
const fileOf = async (page, button) => {
  const download = page.waitForEvent("download");
  await button.click();
  return fs.readFileSync(await (await download).path());
};
exports.fileOf = fileOf;
/** The cells of the lines of a CSV file, without its head. */
exports.cellsOf = (text) => text.trim().split("\r\n").slice(1).map((line) => [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain));
exports.csvOf = async (page, button) => exports.cellsOf((await fileOf(page, button)).toString("utf8"));

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
