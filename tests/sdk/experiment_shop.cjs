// A shop whose visitors are assigned by two SDKs: posthog-node asks the server, @growthbook/growthbook decides by itself and tells of it
// through Segment's SDK. Visitors buy, some sign in (a few on two devices), and part of what they did is told late.
"use strict";
const { PostHog } = require("posthog-node");
const { GrowthBook } = require("@growthbook/growthbook");
const { Analytics } = require("@segment/analytics-node");
const plan = require("./plan.cjs");

// Numbers that look like chance and are the same every time.
let state = 12345;
const roll = (sides) => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 2 ** 32) * sides);
};
const HOUR = 3_600_000;

plan.run(async () => {
  const posthog = new PostHog(plan.writeKey, { host: plan.url, flushAt: 20, flushInterval: 200, fetchRetryDelay: 200 });
  const segment = new Analytics({ writeKey: plan.writeKey, host: plan.url, path: "/v1/batch", maxEventsInBatch: 20, flushInterval: 200 });
  const viewed = [];
  const growthbook = new GrowthBook({
    apiHost: plan.url,
    clientKey: process.env.FOOTFALL_CLIENT_KEY,
    attributes: {},
    trackingCallback: (experiment, result) => viewed.push({ experimentId: experiment.key, variationId: result.key }),
  });
  const outcome = await growthbook.init({ timeout: 60_000 });
  if (!outcome.success) throw outcome.error ?? new Error(`no payload from ${outcome.source}`);

  let sent = 0;
  const late = [];
  for (let number = 0; number < plan.count; number++) {
    const isPosthog = number % 2 === 0;
    const visitor = `visitor-${number}`;
    const tell = (event, properties, timestamp) => {
      sent++;
      if (isPosthog) posthog.capture({ distinctId: visitor, event, properties, ...(timestamp && { timestamp }) });
      else segment.track({ anonymousId: visitor, event, properties, ...(timestamp && { timestamp }) });
    };
    // What they bought in the days before: told late, and the covariate.
    for (let count = roll(3); count > 0; count--) {
      const before = new Date(Date.now() - HOUR * (1 + roll(72)));
      const price = 1 + roll(80);
      late.push(() => tell("bought", { price, kind: "book" }, before));
    }
    let isTreated;
    if (isPosthog) {
      isTreated = await posthog.getFeatureFlag("checkout", visitor);
      sent++; // $feature_flag_called
    } else {
      await growthbook.setAttributes({ id: visitor });
      isTreated = growthbook.isOn("checkout");
      for (const properties of viewed.splice(0)) tell("Experiment Viewed", properties);
    }
    for (let count = roll(3) + (isTreated ? roll(3) : 0); count > 0; count--) {
      const properties = { price: 1 + roll(100), kind: ["book", "game", "map"][roll(3)], ...(roll(10) === 0 && { price: "free" }) };
      if (roll(4) === 0) {
        const at = new Date();
        late.push(() => tell("bought", properties, at));
      } else {
        tell("bought", properties);
      }
    }
    if (roll(2) === 0) tell("opened", {});
    // Every third signs in, and of these every fourth on the device of the visitor before, too.
    if (roll(3) === 0) {
      const user = `user-${roll(4) === 0 ? number - 2 : number}`;
      sent++;
      if (isPosthog) posthog.identify({ distinctId: user, properties: { $anon_distinct_id: visitor } });
      else segment.identify({ userId: user, anonymousId: visitor });
      for (let count = roll(3); count > 0; count--) {
        sent++;
        const properties = { price: 1 + roll(100), kind: "book" };
        if (isPosthog) posthog.capture({ distinctId: user, event: "bought", properties });
        else segment.track({ userId: user, event: "bought", properties });
      }
    }
  }
  late.forEach((one) => one());
  await segment.closeAndFlush({ timeout: 120_000 });
  await posthog.shutdown(120_000);
  growthbook.destroy();
  plan.report({ sdk: "shop", sent });
});
