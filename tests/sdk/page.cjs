// The first page in headless Chromium: a wrong key, the right key, an activity that arrives, a question.
"use strict";
const plan = require("./plan.cjs");
const { withPage } = require("./browser.cjs");

const post = (event) =>
  fetch(`${plan.url}/v1/activity`, {
    method: "POST",
    headers: { authorization: `Bearer ${plan.writeKey}`, "content-type": "application/json" },
    body: JSON.stringify({ event, distinctId: plan.person }),
  });

plan.run(async () => {
  await withPage(plan.url, async (tab, account) => {
    await tab.goto(plan.url);
    await tab.fill("#key", "ffr_wrong");
    await tab.click("#key-form button[type=submit]");
    await tab.waitForSelector("#key-fault:not([hidden])");
    const refused = await tab.textContent("#key-fault");
    account.consoleErrors.length = 0; // Chromium reports the 401 just asked for

    await tab.fill("#key", process.env.FOOTFALL_READ_KEY);
    await tab.click("#key-form button[type=submit]");
    await tab.waitForSelector("#board:not([hidden])");
    await tab.waitForSelector('#status[data-state="live"]');
    const answer = await post("arrived just now");
    if (!answer.ok) throw new Error(`POST /v1/activity: ${answer.status}`);
    await tab.waitForFunction(() => document.querySelector("#board").innerText.includes("arrived just now"));

    await tab.fill("#question", "SELECT count(*) AS total FROM activity");
    await tab.click("#run");
    await tab.waitForFunction(() => /\b31\b/.test(document.querySelector("#result")?.innerText ?? ""));
    plan.report({
      live: true,
      refused,
      answer: await tab.innerText("#result"),
      consoleErrors: account.consoleErrors,
      errors: account.pageErrors,
    });
  });
});
