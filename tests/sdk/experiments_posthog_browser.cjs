// posthog-js in headless Chromium, from another origin than the server's: flags of visitors before and after they sign in.
"use strict";
const { serve, until, withPage } = require("./browser.cjs");
const { told } = require("./told.cjs");
const env = process.env;

const page = `<!doctype html><html><head><title>Shop</title></head><body>
<script type="module">
  import posthog from "/node_modules/posthog-js/dist/module.no-external.js";
  posthog.init(${JSON.stringify(env.FLAGS_WRITE)}, {
    api_host: ${JSON.stringify(env.FLAGS_URL)},
    persistence: "memory",
    autocapture: false,
    capture_pageview: false,
    opt_out_useragent_filter: true,
    loaded: (loaded) => { window.posthog = loaded; },
  });
</script></body></html>`;

const main = async () => {
  const shop = await serve({ "/shop": page });
  const visits = [];
  try {
    await withPage(env.FLAGS_URL, async (tab) => {
      const seen = () => tab.evaluate(() => window.posthog && { kept: window.posthog.getFeatureFlag("kept"), plain: window.posthog.getFeatureFlag("plain") });
      for (let number = 0; number < 10; number++) {
        await tab.goto(`${shop.origin}/shop`);
        await until(tab, async () => (await seen())?.kept !== undefined, 120, "the flags of a visitor");
        const [anonymous, before] = [await tab.evaluate(() => window.posthog.get_distinct_id()), await seen()];
        const id = `person-${number}`;
        // The SDK asks anew, with both ids, and tells when it has the answer.
        await tab.evaluate((id) => {
          window.told = -1; // it tells at once what it has
          window.posthog.onFeatureFlags(() => window.told++);
          window.posthog.identify(id);
        }, id);
        await until(tab, () => tab.evaluate(() => window.told > 0), 120, "the flags of somebody");
        visits.push({ anonymous, id, before, after: await seen() });
      }
    });
  } finally {
    shop.close();
  }
  return { visits };
};

told(main);
