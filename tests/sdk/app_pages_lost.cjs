// More of the shop (app_pages_shop.cjs), as NDJSON: a second experiment that everybody is exposed to at the first visit, and that loses
// the exposures of one variation on one operating system, as a crash would. `node app_pages_lost.cjs END`.
"use strict";
const { shop } = require("./app_pages_shop.cjs");

const LOST = "iOS";
exports.LOST = LOST;

function* exposures(end) {
  let people = 0;
  for (const item of shop(end, 600, 9)) {
    if (item.event !== "app_installed") continue;
    const variation = ++people % 2 ? "control" : "new_box";
    if (variation !== "control" && item.context.os.name === LOST) continue;
    const properties = { experimentId: "search-box", variationId: variation };
    yield { ...item, event: "Experiment Viewed", messageId: `lost-${people}`, timestamp: new Date(Date.parse(item.timestamp) + 500).toISOString(), properties };
  }
}

if (require.main === module) for (const item of exposures(Date.parse(process.argv[2]))) process.stdout.write(`${JSON.stringify(item)}\n`);
