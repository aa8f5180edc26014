// @segment/analytics-next in headless Chromium on another origin: told only where its CDN is, it reads the rest from the
// project's settings, and sends text/plain to the short paths.
"use strict";
const plan = require("./plan.cjs");
const { serve, until, withPage } = require("./browser.cjs");

const page = `<!doctype html><html><head><title>Shop</title>
<script src="/node_modules/@segment/analytics-next/dist/umd/index.js"></script></head><body>
<script>
  window.analytics = AnalyticsNext.AnalyticsBrowser.load({ writeKey: ${JSON.stringify(plan.writeKey)}, cdnURL: ${JSON.stringify(plan.url)} });
</script></body></html>`;

plan.run(async () => {
  const shop = await serve({ "/shop": page });
  const event = "segment-browser step";
  await withPage(plan.url, async (tab, account) => {
    await tab.goto(`${shop.origin}/shop?utm_source=newsletter&utm_campaign=autumn`);
    const sent = () => account.requests.filter((request) => request.method === "POST" && /^\/v1\/[tipsgab]$/.test(request.path));
    const anonymousId = await tab.evaluate(
      async ([event, person, count]) => {
        const [analytics] = await window.analytics;
        const anonymous = analytics.user().anonymousId();
        const calls = [analytics.page("Shop")];
        for (let step = 0; step < count; step++) calls.push(analytics.track(event, { step, sdk: "segment-browser" }));
        calls.push(analytics.identify(person, { from_segment_browser: true }));
        for (let step = count; step < 2 * count; step++) calls.push(analytics.track(event, { step, sdk: "segment-browser" }));
        await Promise.all(calls);
        return anonymous;
      },
      [event, plan.person, plan.count],
    );
    await until(tab, () => sent().length >= 2 * plan.count + 2, 120, `analytics-next to send (${JSON.stringify(account)})`);
    plan.report({
      sdk: "segment-browser",
      ids: [anonymousId, plan.person],
      counts: { [event]: 2 * plan.count, $identify: 1, $pageview: 1 },
      requests: account.requests,
      consoleErrors: account.consoleErrors,
      errors: account.pageErrors,
    });
  });
  shop.close();
});
