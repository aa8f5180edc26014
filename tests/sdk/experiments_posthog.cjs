// posthog-node: flags from the server, and evaluated in the SDK by definitions that a secret key may read.
"use strict";
const { PostHog } = require("posthog-node");
const { told } = require("./told.cjs");
const env = process.env;
const BY_GROUPS = ["by-company", "friends-alone", "for-testers", "abroad", "for-nobody", "after-testers"];

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
  const groups = [];
  for (let user = 0; user < 80; user++) {
    const company = user % 40;
    const who = {
      groups: { company: `company ${company}` },
      personProperties: { country: user % 3 === 0 ? "FR" : "DE" },
      groupProperties: { company: { plan: company % 2 === 0 ? "pro" : "free" } },
    };
    const given = await remote.getAllFlags(`user ${user}`, { ...who, disableGeoip: true });
    const found = {};
    for (const flag of BY_GROUPS) {
      found[flag] = (await local.getFeatureFlag(flag, `user ${user}`, { ...who, onlyEvaluateLocally: true, sendFeatureFlagEvents: false })) ?? null;
    }
    groups.push({ remote: given, local: found });
  }
  const alone = await local.getFeatureFlag("colour", "ada", { ...properties, onlyEvaluateLocally: true });
  return { all, natives, checkouts, groups, falls_back, alone: alone ?? null, ready: local.isLocalEvaluationReady() };
};

told(main);
