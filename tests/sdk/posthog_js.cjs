// posthog-js, as a bundler would load it, in headless Chromium on another origin: an anonymous visitor, then identified.
"use strict";
const plan = require("./plan.cjs");
const { serve, until, withPage } = require("./browser.cjs");

const page = `<!doctype html><html><head><title>Shop</title></head><body><button id="buy">Buy</button>
<script type="module">
  import posthog from "/node_modules/posthog-js/dist/module.no-external.js";
  posthog.init(${JSON.stringify(plan.writeKey)}, {
    api_host: ${JSON.stringify(plan.url)},
    persistence: "memory",
    opt_out_useragent_filter: true, // it takes headless browsers for robots and sends nothing
    loaded: (loaded) => { window.posthog = loaded; },
  });
</script></body></html>`;

plan.run(async () => {
  const shop = await serve({ "/shop": page, "/left": "<!doctype html><title>Elsewhere</title>" });
  const event = "posthog-js step";
  await withPage(plan.url, async (tab, account) => {
    await tab.goto(`${shop.origin}/shop?utm_source=newsletter&utm_campaign=autumn`);
    await tab.waitForFunction(() => window.posthog !== undefined);
    const anonymousId = await tab.evaluate(
      ([event, person, count]) => {
        const anonymous = window.posthog.get_distinct_id();
        for (let step = 0; step < count; step++) window.posthog.capture(event, { step, sdk: "posthog-js" });
        window.posthog.identify(person, { from_posthog_js: true }, { first_sdk: "posthog-js" });
        for (let step = count; step < 2 * count; step++) window.posthog.capture(event, { step, sdk: "posthog-js" });
        return anonymous;
      },
      [event, plan.person, plan.count],
    );
    const sent = () => plan.delivered(({ method, path }) => method === "POST" && /^\/(e|i\/v0\/e|batch|capture)\/?$/.test(path));
    await until(tab, async () => (await sent()) > 0, 120, "posthog-js to send its first batch");
    const before = await sent();
    await tab.goto(`${shop.origin}/left`); // leaving the page makes it send the rest
    await until(tab, async () => (await sent()) > before, 120, "posthog-js to send the rest");
    plan.report({
      sdk: "posthog-js",
      ids: [anonymousId, plan.person],
      counts: { [event]: 2 * plan.count, $identify: 1 },
      requests: account.requests,
      consoleErrors: account.consoleErrors,
      errors: account.pageErrors,
    });
  });
  shop.close();
});
