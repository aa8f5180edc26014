// @rudderstack/rudder-sdk-node: an anonymous visitor, then the same person identified.
"use strict";
const RudderAnalytics = require("@rudderstack/rudder-sdk-node");
const plan = require("./plan.cjs");

plan.run(async () => {
  const errors = [];
  const client = new RudderAnalytics(plan.writeKey, {
    dataPlaneUrl: plan.url,
    flushAt: 5,
    flushInterval: 200,
    logLevel: "error",
    errorHandler: (error) => errors.push(String(error)),
  });
  const anonymousId = `anon-rudder-node-${plan.person}`;
  const event = "rudder-node step";
  const delivered = [];
  const call = (kind, message) =>
    delivered.push(new Promise((resolve) => client[kind](message, (error) => resolve(error && errors.push(String(error))))));
  for (let step = 0; step < plan.count; step++) {
    call("track", { anonymousId, event, properties: { step, sdk: "rudder-node" } });
  }
  call("identify", { userId: plan.person, anonymousId, traits: { from_rudder_node: true } });
  for (let step = plan.count; step < 2 * plan.count; step++) {
    call("track", { userId: plan.person, event, properties: { step, sdk: "rudder-node" } });
  }
  call("page", { userId: plan.person, name: "Pricing", properties: { path: "/pricing" } });
  await Promise.all(delivered); // flush() alone sends one batch
  plan.report({
    sdk: "rudder-node",
    ids: [anonymousId, plan.person],
    counts: { [event]: 2 * plan.count, $identify: 1, $pageview: 1 },
    errors,
  });
});
