// What the walks through dashboards have in common: a dashboard that has answered, its tiles, and what the API says of them.
"use strict";
const fs = require("node:fs");
const { title } = require("./account_pages_people.cjs");

const { PAGES_URL: url } = process.env;

const answered = (page) => page.waitForFunction(() => document.querySelector(".tile") && !document.querySelector('.tile .loading, .tile [aria-busy="true"]') && !document.querySelector(".loading"));
const board = async (page, key, name) => {
  await page.goto(`${url}/app/shop/dashboards/${key}`);
  await title(page, name);
  await answered(page);
};
const post = (page, path, body) => page.evaluate(async ({ path, body }) => {
  const answer = await fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  return { status: answer.status, body: await answer.json() };
}, { path, body });
const tileNamed = (page, name) => page.getByRole("region", { name, exact: true });
const csvOf = async (page, name) => {
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: `${name} as CSV` }).click();
  return fs.readFileSync(await (await download).path(), "utf8").trim().split("\r\n").map((line) => line.split(","));
};

module.exports = { answered, board, csvOf, post, tileNamed };
