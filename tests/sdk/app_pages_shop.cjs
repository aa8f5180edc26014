// The activity of a made-up shop, as NDJSON for `footfall import`: people who browse, put into carts and buy, for some weeks.
// `node app_pages_shop.cjs END [PEOPLE] [WEEKS]`: END is an RFC 3339 time. The same arguments give the same bytes.
"use strict";

const DAY = 86_400_000;
const CITIES = [
  ["DE", "Berlin", 52.52, 13.405, "Europe/Berlin"], ["DE", "Hamburg", 53.551, 9.994, "Europe/Berlin"], ["AT", "Vienna", 48.208, 16.372, "Europe/Vienna"],
  ["FR", "Paris", 48.857, 2.352, "Europe/Paris"], ["GB", "London", 51.507, -0.128, "Europe/London"], ["US", "New York", 40.713, -74.006, "America/New_York"],
  ["US", "San Francisco", 37.775, -122.419, "America/Los_Angeles"], ["BR", "São Paulo", -23.551, -46.633, "America/Sao_Paulo"],
  ["IN", "Bengaluru", 12.972, 77.595, "Asia/Kolkata"], ["JP", "Tokyo", 35.677, 139.65, "Asia/Tokyo"], ["AU", "Sydney", -33.869, 151.209, "Australia/Sydney"],
];
const PRODUCTS = [["Teapot", 34], ["Lantern", 19], ["Notebook", 7.5], ["Blanket", 59], ["Candle", 12], ["Chair", 149], ["Poster", 24]];
const SOURCES = [["newsletter", "email"], ["search", "cpc"], ["", ""], ["", ""], ["friends", "referral"]];

/** mulberry32: small and the same everywhere. */
function randomOf(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function person(index, random) {
  const pick = (list) => list[Math.floor(random() * random() * list.length)];
  const [country, city, latitude, longitude, timezone] = pick(CITIES);
  return {
    id: `person-${String(index).padStart(4, "0")}`,
    place: { country, city, latitude: latitude + (random() - 0.5) / 5, longitude: longitude + (random() - 0.5) / 5 }, timezone,
    plan: random() < 0.3 ? "pro" : "free", os: pick(["iOS", "Android", "macOS", "Windows"]), version: pick(["2.4.0", "2.3.1", "2.2.0"]),
    variation: random() < 0.5 ? "control" : "big_button", eager: 0.08 + random() * 0.35, source: SOURCES[Math.floor(random() * SOURCES.length)],
  };
}

/** Lines of one visit. The button of the experiment makes buying likelier. */
function visit(who, at, isFirst, random, write) {
  let now = at;
  const later = (most) => (now += 1000 + Math.floor(random() * most));
  const say = (event, properties = {}) => write(who, now, event, { plan: who.plan, ...properties });
  say(isFirst ? "app_installed" : "app_opened");
  later(20_000);
  say("$feature_flag_called", { $feature_flag: "checkout_button", $feature_flag_response: who.variation });
  for (let seen = 0; seen < 1 + random() * 5; seen++) {
    const [product, price] = PRODUCTS[Math.floor(random() * PRODUCTS.length)];
    later(60_000);
    say("browse", { product, price, list: random() < 0.5 ? "home" : "search" });
    if (random() > 0.35) continue;
    later(40_000);
    say("cart", { product, price });
    if (random() > (who.variation === "big_button" ? 0.62 : 0.5)) continue;
    later(120_000);
    say("purchase", { product, amount: price, currency: "EUR", method: random() < 0.7 ? "card" : "invoice" });
  }
  if (random() < 0.12) (later(30_000), say("review", { stars: 1 + Math.floor(random() * 5) }));
}

function line(who, at, event, properties, number) {
  const [campaign, medium] = who.source;
  const context = {
    os: { name: who.os }, app: { name: "Shop", version: who.version }, timezone: who.timezone, location: who.place, library: { name: "shop", version: "1" },
    ...(campaign && { campaign: { source: campaign, medium, name: "autumn" } }),
  };
  return { type: "track", event, userId: who.id, messageId: `shop-${number}`, timestamp: new Date(at).toISOString(), properties, context };
}

function* shop(end, people, weeks) {
  const random = randomOf(7);
  const lines = [];
  const write = (who, at, event, properties) => at < end && lines.push([who, at, event, properties]);
  for (let index = 0; index < people; index++) {
    const who = person(index, random);
    const begin = end - weeks * 7 * DAY * random();
    let isFirst = true;
    for (let day = 0; begin + day * DAY < end; day++) {
      const isWeekend = [0, 6].includes(new Date(begin + day * DAY).getUTCDay());
      if (!isFirst && random() > who.eager * (isWeekend ? 1.4 : 1) * Math.exp(-day / 45)) continue;
      visit(who, begin + day * DAY + random() * DAY / 3, isFirst, random, write);
      isFirst = false;
    }
  }
  lines.sort((a, b) => a[1] - b[1]);
  for (const [number, [who, at, event, properties]] of lines.entries()) yield line(who, Math.floor(at), event, properties, number);
}

if (require.main === module) {
  const [end, people = "600", weeks = "9"] = process.argv.slice(2);
  for (const item of shop(Date.parse(end), Number(people), Number(weeks))) process.stdout.write(`${JSON.stringify(item)}\n`);
}

module.exports = { shop };
