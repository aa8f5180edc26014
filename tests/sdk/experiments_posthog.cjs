// posthog-node: flags from the server, and evaluated in the SDK by definitions that a secret key may read.
"use strict";
const { PostHog } = require("posthog-node");
const { told } = require("./told.cjs");
const env = process.env;

const main = async () => {
  const properties = { personProperties: { country: "DE", plan: "pro" }, sendFeatureFlagEvents: false };
  const remote = new PostHog(env.FLAGS_WRITE, { host: env.FLAGS_URL, disableGeoip: true });
  const all = await remote.getAllFlagsAndPayloads("ada", properties);
  const local = new PostHog(env.FLAGS_WRITE, { host: env.FLAGS_URL, personalApiKey: env.FLAGS_READ, featureFlagsPollingInterval: 60_000 });
  await local.waitForLocalEvaluationReady(60_000);
  const [natives, checkouts] = [{}, {}];
  for (let number = 0; number < 100; number++) {
    const id = `user ${number}`;
    natives[id] = [
      await local.getFeatureFlag("native", id, { ...properties, onlyEvaluateLocally: true }),
      await remote.getFeatureFlag("native", id, properties),
    ];
  }
  const falls_back = await local.getFeatureFlag("colour", "ada", properties);
  for (let number = 0; number < 100; number++) {
    checkouts[`user ${number}`] = await remote.getFeatureFlag("checkout", `user ${number}`, properties);
  }
  const alone = await local.getFeatureFlag("colour", "ada", { ...properties, onlyEvaluateLocally: true });
  return { all, natives, checkouts, falls_back, alone: alone ?? null, ready: local.isLocalEvaluationReady() };
};

told(main);
