// @openfeature/server-sdk with @openfeature/ofrep-provider: every type of flag, reasons, what is not there, a wrong key.
"use strict";
const { OpenFeature } = require("@openfeature/server-sdk");
const { OFREPProvider } = require("@openfeature/ofrep-provider");
const { told } = require("./told.cjs");
const env = process.env;

const main = async () => {
  const provider = (key) => new OFREPProvider({ baseUrl: env.FLAGS_URL, headers: [["Authorization", `Bearer ${key}`]] });
  await OpenFeature.setProviderAndWait(provider(env.FLAGS_CLIENT));
  const client = OpenFeature.getClient();
  const german = { targetingKey: "ada", country: "DE" };
  const colour = await client.getStringDetails("colour", "none", german);
  const checkout = await client.getBooleanDetails("checkout", false, german);
  const missing = await client.getStringDetails("nothing", "none", german);
  const keyless = await client.getBooleanDetails("checkout", false, {});
  const wrong_type = await client.getNumberDetails("colour", 7, german);
  const variations = {};
  for (let number = 0; number < 200; number++) {
    variations[`user ${number}`] = (await client.getBooleanDetails("checkout", false, { targetingKey: `user ${number}` })).variant;
  }
  await OpenFeature.setProviderAndWait("wrong", provider("ffc_wrong"));
  const refused = await OpenFeature.getClient("wrong").getStringDetails("colour", "none", german);
  return { colour, checkout, missing, keyless, wrong_type, refused, variations };
};

told(main);
