// @growthbook/growthbook in Node: payload, conditions, tracking, encryption, remote evaluation, and a change pushed by the stream.
"use strict";
const { GrowthBook, setPolyfills } = require("@growthbook/growthbook");
const { EventSource } = require("eventsource");
const { told } = require("./told.cjs");
const env = process.env;

setPolyfills({ EventSource });

const change = async (value) => {
  const answer = await fetch(`${env.FLAGS_URL}/v1/projects/shop/features/colour`, {
    method: "PATCH",
    headers: { authorization: `Bearer ${env.FLAGS_TOKEN}`, "content-type": "application/json", "if-match": "*" },
    body: JSON.stringify({ definition: { default_value: value } }),
  });
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
};

const main = async () => {
  const viewed = [];
  const make = async (clientKey, attributes, more = {}, init = {}) => {
    const sdk = new GrowthBook({
      apiHost: env.FLAGS_URL,
      clientKey,
      attributes,
      trackingCallback: (experiment, result) => viewed.push([experiment.key, result.key, result.hashValue]),
      ...more,
    });
    const outcome = await sdk.init({ timeout: 60_000, ...init });
    if (!outcome.success) throw outcome.error ?? new Error(`no payload from ${outcome.source}`);
    return sdk;
  };
  const german = { id: "ada", country: "DE" };
  const plain = await make(env.FLAGS_CLIENT, german, {}, { streaming: true });
  const answers = { colour: plain.getFeatureValue("colour", "none"), checkout: plain.evalFeature("checkout").experimentResult.key };
  await plain.setAttributes({ id: "ada", country: "FR" });
  answers.french = plain.getFeatureValue("colour", "none");
  const started = Date.now();
  await change("orange");
  while (plain.getFeatureValue("colour", "none") !== "orange") {
    if (Date.now() - started > 60_000) throw new Error("the change did not arrive");
    await new Promise((done) => setTimeout(done, 5));
  }
  const pushed_ms = Date.now() - started;

  const encrypted = await make(env.FLAGS_ENCRYPTED, german, { decryptionKey: env.FLAGS_DECRYPTION });
  answers.encrypted = encrypted.getFeatureValue("colour", "none");
  viewed.length = 0;
  const remote = await make(env.FLAGS_REMOTE, german, { remoteEval: true });
  answers.remote = remote.getFeatureValue("colour", "none");
  answers.remote_checkout = remote.isOn("checkout");
  const variations = {};
  for (let number = 0; number < 200; number++) {
    await plain.setAttributes({ id: `user ${number}` });
    variations[`user ${number}`] = plain.evalFeature("checkout").experimentResult.key;
  }
  [plain, encrypted, remote].forEach((sdk) => sdk.destroy());
  return { answers, pushed_ms, viewed: viewed[0], variations };
};

told(main);
