// What every script is told (by environment) and what it prints at the end (one line of JSON).
"use strict";

const required = (name) => {
  const value = process.env[name];
  if (!value) throw new Error(`${name} must be set`);
  return value;
};

exports.url = required("FOOTFALL_URL");
exports.writeKey = required("FOOTFALL_WRITE_KEY");
exports.person = required("FOOTFALL_PERSON");
exports.count = Number(required("FOOTFALL_COUNT"));

exports.report = (account) => {
  process.stdout.write(JSON.stringify({ errors: [], ...account }) + "\n");
};

/** How many requests that are `wanted({method, path})` have reached the server, by the account of the relay before it. */
exports.delivered = async (wanted) => {
  const answer = await fetch(`${exports.url}/relay/delivered`);
  return (await answer.json()).filter(wanted).length;
};

exports.run = (main) => {
  main().then(
    () => process.exit(0),
    (error) => {
      console.error(error);
      process.exit(1);
    },
  );
};
