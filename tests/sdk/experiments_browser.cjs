// @growthbook/growthbook in headless Chromium, from another origin than the server's: payload, and a change pushed by the stream.
"use strict";
const fs = require("node:fs");
const http = require("node:http");
const { chromium } = require("playwright-core");
const { told } = require("./told.cjs");
const env = process.env;

const main = async () => {
  const bundle = require.resolve("@growthbook/growthbook").replace(/dist.*$/, "dist/bundles/index.js");
  const page = `<!doctype html><meta charset="utf-8"><title>shop</title><script>${fs.readFileSync(bundle, "utf8").replaceAll("</script", "<\\/script")}</script>`;
  const shop = http.createServer((_, answer) => answer.setHeader("content-type", "text/html").end(page)).listen(0, "127.0.0.1");
  await new Promise((done) => shop.once("listening", done));
  const browser = await chromium.launch({ executablePath: env.FOOTFALL_CHROMIUM, args: ["--no-sandbox"] });
  try {
    const tab = await browser.newPage();
    const errors = [];
    tab.on("pageerror", (error) => errors.push(String(error)));
    await tab.goto(`http://127.0.0.1:${shop.address().port}/`);
    const before = await tab.evaluate(
      async ([apiHost, clientKey]) => {
        window.sdk = new window.growthbook.GrowthBook({ apiHost, clientKey, attributes: { id: "ada", country: "DE" } });
        await window.sdk.init({ streaming: true, timeout: 60_000 });
        const variation = window.sdk.evalFeature("checkout").experimentResult?.key;
        await window.sdk.setAttributes({ id: "ada" });
        return { variation, colour: window.sdk.getFeatureValue("colour", "none") };
      },
      [env.FLAGS_URL, env.FLAGS_CLIENT],
    );
    const started = Date.now();
    const answer = await fetch(`${env.FLAGS_URL}/v1/projects/shop/features/colour`, {
      method: "PATCH",
      headers: { authorization: `Bearer ${env.FLAGS_TOKEN}`, "content-type": "application/json", "if-match": "*" },
      body: JSON.stringify({ definition: { default_value: "violet" } }),
    });
    if (!answer.ok) throw new Error(`${answer.status}`);
    await tab.waitForFunction(() => window.sdk.getFeatureValue("colour", "none") === "violet", undefined, { polling: 10, timeout: 60_000 });
    return { ...before, pushed_ms: Date.now() - started, errors };
  } finally {
    await browser.close();
    shop.close();
  }
};

told(main);
