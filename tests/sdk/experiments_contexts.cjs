// @growthbook/growthbook in Node and a contextual bandit: who gets which variation in which context, in clear, encrypted and evaluated
// remotely, and what the tracking callback tells of it.
"use strict";
const { GrowthBook } = require("@growthbook/growthbook");
const { told } = require("./told.cjs");
const env = process.env;

const DEVICES = ["mobile", "tablet", "desktop", null];

const main = async () => {
  const errors = [];
  console.error = (...words) => errors.push(words.map(String).join(" "));
  const tracked = [];
  const make = async (clientKey, attributes, more = {}) => {
    const sdk = new GrowthBook({
      apiHost: env.FLAGS_URL,
      clientKey,
      attributes,
      trackingCallback: (experiment, result) => tracked.push([experiment.key, result]),
      ...more,
    });
    const outcome = await sdk.init({ timeout: 60_000 });
    if (!outcome.success) throw outcome.error ?? new Error(`no payload from ${outcome.source}`);
    return sdk;
  };
  const assigned = async (sdk, users) => {
    const found = [];
    for (let number = 0; number < users; number++) {
      for (const device of DEVICES) {
        await sdk.setAttributes({ id: `user ${number}`, ...(device ? { device } : {}) });
        const { value, experimentResult: result, ruleId } = sdk.evalFeature("checkout");
        found.push({
          id: `user ${number}`, device, value, ruleId, variation: result.key, bucket: result.bucket, leafId: result.leafId,
          weights: result.variationWeights, version: result.banditVersion,
        });
      }
    }
    return found;
  };
  const plain = await make(env.FLAGS_CLIENT, { id: "ada" });
  const encrypted = await make(env.FLAGS_ENCRYPTED, { id: "ada" }, { decryptionKey: env.FLAGS_DECRYPTION });
  const account = { plain: await assigned(plain, 300), encrypted: await assigned(encrypted, 50) };
  tracked.length = 0;
  const remote = await make(env.FLAGS_REMOTE, { id: "user 1", device: "mobile" }, { remoteEval: true });
  account.remote = remote.getFeatureValue("checkout", "none");
  account.tracked = tracked.map(([experiment, result]) => ({ experiment, variation: result.key, leafId: result.leafId }));
  [plain, encrypted, remote].forEach((sdk) => sdk.destroy());
  return { ...account, errors };
};

told(main);
