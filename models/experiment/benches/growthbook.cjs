// The JavaScript SDK on the payload and users of assign.rs, to be run beside it:
//     npm install @growthbook/growthbook && node models/experiment/benches/growthbook.cjs [SECONDS]
const { readFileSync } = require("fs");
const { join } = require("path");
const { createRequire } = require("module");
const { GrowthBookClient } = createRequire(process.cwd() + "/")("@growthbook/growthbook");

const payload = JSON.parse(readFileSync(join(__dirname, "payload.json")));
const seconds = Number(process.argv[2] || 1);
const users = Array.from({ length: 1000 }, (_, n) => ({
  attributes: {
    id: `user-${n}`, country: ["de", "fr", "us", "jp"][n % 4], age: 20 + (n % 40), plan: "pro", premium: true,
    tags: ["a", "b"], version: `2.${n % 30}.1`, email: `user${n}@example.com`,
    device: { os: "ios", memory: 2 + (n % 8) }, sessions: n % 100, language: "en-GB",
  },
}));
const client = new GrowthBookClient().initSync({ payload });
console.log("| feature | ns per evaluation | evaluations/s/core |\n|---|---:|---:|");
for (const feature of Object.keys(payload.features)) {
  let fastest = Infinity;
  const until = performance.now() + seconds * 1000;
  while (performance.now() < until) {
    const start = process.hrtime.bigint();
    for (let round = 0; round < 20; round++) for (const user of users) client.evalFeature(feature, user);
    fastest = Math.min(fastest, Number(process.hrtime.bigint() - start) / (20 * users.length));
  }
  console.log(`| ${feature} | ${fastest.toFixed(0)} | ${(1e9 / fastest).toFixed(0)} |`);
}
