// The first page in headless Chromium: a wrong key, the right key, an activity that arrives, a question.
"use strict";
const plan = require("./plan.cjs");
const { until, withPage } = require("./browser.cjs");

const post = (event) =>
  fetch(`${plan.url}/v1/activity`, {
    method: "POST",
    headers: { authorization: `Bearer ${plan.writeKey}`, "content-type": "application/json" },
    body: JSON.stringify({ event, distinctId: plan.person }),
  });

const counts = async (address, total, key) => {
  const answer = await fetch(`${address}/v1/sql`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json", accept: "application/json" },
    body: JSON.stringify({ sql: "SELECT count(*) FROM activity" }),
  });
  return (await answer.json()).rows[0][0] === total;
};

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

    // Of several processes one tells live of what another may show a moment later.
    const processes = process.env.FOOTFALL_PROCESSES.split(" ");
    for (const one of processes.length > 1 ? processes : []) {
      await until(tab, () => counts(one, 31, process.env.FOOTFALL_READ_KEY), 240, `all of it at ${one}`);
    }
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
