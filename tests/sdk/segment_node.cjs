// @segment/analytics-node: an anonymous visitor, then the same person identified.
"use strict";
const { Analytics } = require("@segment/analytics-node");
const plan = require("./plan.cjs");

plan.run(async () => {
  const errors = [];
  const analytics = new Analytics({ writeKey: plan.writeKey, host: plan.url, flushAt: 5, flushInterval: 200 });
  analytics.on("error", (error) => errors.push(`${error.code}: ${error.reason}`));
  const anonymousId = `anon-segment-node-${plan.person}`;
  const event = "segment-node step";
  for (let step = 0; step < plan.count; step++) {
    analytics.track({ anonymousId, event, properties: { step, sdk: "segment-node" } });
  }
  analytics.identify({ userId: plan.person, anonymousId, traits: { name: "Ada", from_segment_node: true } });
  for (let step = plan.count; step < 2 * plan.count; step++) {
    analytics.track({ userId: plan.person, event, properties: { step, sdk: "segment-node" } });
  }
  analytics.page({ userId: plan.person, name: "Home", properties: { url: "https://example.org/?q=1", path: "/", title: "Home" } });
  analytics.screen({ userId: plan.person, name: "Main" });
  analytics.group({ userId: plan.person, groupId: "acme", traits: { plan: "enterprise" } });
  analytics.alias({ userId: plan.person, previousId: `old-segment-node-${plan.person}` });
  await analytics.closeAndFlush({ timeout: 120_000 });
  plan.report({
    sdk: "segment-node",
    ids: [anonymousId, plan.person],
    counts: { [event]: 2 * plan.count, $identify: 1, $pageview: 1, $screen: 1, $groupidentify: 1, $create_alias: 1 },
    errors,
  });
});
