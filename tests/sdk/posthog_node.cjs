// posthog-node: an anonymous visitor, then the same person identified. POSTHOG_CAPTURE_MODE=v1 makes it speak the v1 protocol.
"use strict";
const { PostHog } = require("posthog-node");
const plan = require("./plan.cjs");

plan.run(async () => {
  const mode = process.env.POSTHOG_CAPTURE_MODE || "v0";
  const sdk = `posthog-node-${mode}`;
  const errors = [];
  const client = new PostHog(plan.writeKey, { host: plan.url, flushAt: 5, flushInterval: 200, fetchRetryDelay: 200 });
  client.on("error", (error) => errors.push(String(error)));
  const anonymousId = `anon-${sdk}-${plan.person}`;
  const event = `${sdk} step`;
  for (let step = 0; step < plan.count; step++) {
    client.capture({ distinctId: anonymousId, event, properties: { step, sdk } });
  }
  client.identify({
    distinctId: plan.person,
    properties: { $set: { [`from_${sdk.replaceAll("-", "_")}`]: true }, $set_once: { first_sdk: sdk }, $anon_distinct_id: anonymousId },
  });
  for (let step = plan.count; step < 2 * plan.count; step++) {
    client.capture({ distinctId: plan.person, event, properties: { step, sdk } });
  }
  client.alias({ distinctId: plan.person, alias: `old-${sdk}-${plan.person}` });
  client.groupIdentify({ groupType: "company", groupKey: "acme", properties: { plan: "enterprise" }, distinctId: plan.person });
  await client.shutdown(120_000);
  plan.report({
    sdk,
    ids: [anonymousId, plan.person],
    counts: { [event]: 2 * plan.count, $identify: 1, $create_alias: 1, $groupidentify: 1 },
    errors,
  });
});
