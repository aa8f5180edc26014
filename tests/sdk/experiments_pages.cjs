// @growthbook/growthbook in Node and an experiment on pages: where visitors are sent, what is told of it, and what sticks.
"use strict";
const { GrowthBook, StickyBucketService } = require("@growthbook/growthbook");
const { told } = require("./told.cjs");
const env = process.env;

class Memory extends StickyBucketService {
  docs = {};
  async getAssignments(name, value) {
    return this.docs[`${name}||${value}`] ?? null;
  }
  async saveAssignments(doc) {
    this.docs[`${doc.attributeName}||${doc.attributeValue}`] = doc;
  }
}

const change = async (method, place, body) => {
  const answer = await fetch(`${env.FLAGS_URL}/v1/projects/shop/${place}`, {
    method,
    headers: { authorization: `Bearer ${env.FLAGS_TOKEN}`, "content-type": "application/json", "if-match": "*" },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
};

const visit = async (id, url, more = {}) => {
  const tracked = [];
  const sdk = new GrowthBook({
    apiHost: env.FLAGS_URL,
    clientKey: env.FLAGS_CLIENT,
    attributes: { id },
    url,
    navigate: () => {},
    trackingCallback: (experiment, result) => tracked.push([experiment.key, result.key]),
    ...more,
  });
  const outcome = await sdk.init({ timeout: 60_000, skipCache: true });
  if (!outcome.success) throw outcome.error ?? new Error(`no payload from ${outcome.source}`);
  const found = { id, url, sent_to: sdk.getRedirectUrl(), tracked };
  sdk.destroy();
  return found;
};

const main = async () => {
  const visits = [];
  for (let number = 0; number < 60; number++) {
    const pages = ["start?utm=mail", "start/legal", "other", "start?pages=1", "start?pages=0"];
    for (const page of pages.map((page) => `https://shop.example/${page}`)) {
      visits.push(await visit(`user ${number}`, page));
    }
  }
  const encrypted = await visit("user 1", visits[0].url, { clientKey: env.FLAGS_ENCRYPTED, decryptionKey: env.FLAGS_DECRYPTION });
  // Evaluated by the server, which hands out nothing but their own variation.
  const remote = [];
  for (let number = 0; number < 12; number++) {
    for (const url of visits.slice(0, 3).map((one) => one.url)) {
      remote.push(await visit(`user ${number}`, url, { clientKey: env.FLAGS_REMOTE, remoteEval: true }));
    }
  }

  // Whoever had a variation keeps it when weights change, until an earlier version of buckets takes part no more.
  const service = new Memory();
  const has = async () => {
    const found = {};
    for (let number = 0; number < 40; number++) {
      const { tracked } = await visit(`user ${number}`, visits[0].url, { stickyBucketService: service });
      found[`user ${number}`] = tracked[0]?.[1] ?? null;
    }
    return found;
  };
  const sticky = [await has()];
  await change("POST", "experiments/pages/phases", { weights: [0.01, 0.99], reason: "more of it" });
  sticky.push(await has());
  await change("PATCH", "experiments/pages", { definition: { sticky: { bucket_version: 1, min_bucket_version: 1 } } });
  sticky.push(await has());
  return { visits, encrypted, remote, sticky };
};

told(main);
