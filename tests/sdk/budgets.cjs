// Measures the web application (budgets.sh). Told by environment: PAGES_URL, PAGES_LINK. Prints a table in Markdown; fails where the weight is over
// its budget, which is the one number that is the same on every machine.
"use strict";
const { title } = require("./account_pages_people.cjs");
const { enter, settled } = require("./app_pages_enter.cjs");
const { withPage } = require("./browser.cjs");

const { PAGES_URL: url } = process.env;
const BYTES_MAX = 250_000;
const SLOWER = 4;
const TIMES = 5;
const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor((numbers.length - 1) / 2)];
const post = (page, path, body) => page.evaluate(async ({ path, body }) => {
  const answer = await fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  return answer.json();
}, { path, body });

/** Files of the application and their bytes on the wire: of the first page, and of all but the editor's and the map's. */
async function weight(page) {
  const files = () => page.evaluate(() => performance.getEntriesByType("resource").filter(({ name }) => name.includes("/assets/app/")).map(({ name, encodedBodySize }) => [name, encodedBodySize]));
  const session = await page.context().newCDPSession(page);
  await session.send("Network.enable");
  await session.send("Network.setCacheDisabled", { cacheDisabled: true });
  const seen = new Map();
  let first = 0;
  for (const place of ["insights", "dashboards/product-overview", "live", "experiments", "flags", "people", "data"]) {
    await page.goto(`${url}/app/shop/${place}`);
    await settled(page);
    const own = await files();
    if (place === "insights") first = own.reduce((sum, [, bytes]) => sum + bytes, 0);
    for (const [name, bytes] of own) seen.set(name, bytes);
  }
  await session.send("Network.setCacheDisabled", { cacheDisabled: false });
  return { first, all: [...seen.values()].reduce((sum, bytes) => sum + bytes, 0) };
}

/** From the address to a field that takes a click and shows proposals, with an empty cache on a slower processor. */
async function usable(page) {
  const session = await page.context().newCDPSession(page);
  const found = [];
  for (let time = 0; time < TIMES; time++) {
    await page.goto("about:blank");
    await session.send("Network.clearBrowserCache");
    await session.send("Emulation.setCPUThrottlingRate", { rate: SLOWER });
    await page.goto(`${url}/app/shop/insights`, { waitUntil: "commit" });
    const field = page.getByRole("combobox", { name: "Activity A" });
    await field.waitFor();
    const there = await page.evaluate(() => performance.now());
    await field.click();
    const answered = await page.evaluate(() => performance.now());
    await session.send("Emulation.setCPUThrottlingRate", { rate: 1 });
    found.push([there, answered]);
  }
  return { there_ms: Math.round(median(found.map(([there]) => there))), clicked_ms: Math.round(median(found.map(([, clicked]) => clicked))) };
}

/** Processor time that the page's own thread takes until then: the same whatever else the machine does, unlike the time on the clock. */
async function worked(page) {
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  const found = [];
  for (let time = 0; time < TIMES; time++) {
    await page.goto("about:blank");
    await session.send("Network.clearBrowserCache");
    await page.goto(`${url}/app/shop/insights`, { waitUntil: "commit" });
    await page.getByRole("combobox", { name: "Activity A" }).waitFor();
    const { metrics } = await session.send("Performance.getMetrics");
    found.push(metrics.find(({ name }) => name === "TaskDuration").value * 1000);
  }
  return Math.round(median(found));
}

/** Frames that the page draws while `act` goes on. */
async function frames(page, act) {
  await page.evaluate(() => {
    window.frames_ms = [];
    let last;
    const note = (now) => {
      if (last !== undefined) window.frames_ms.push(now - last);
      last = now;
      window.frameRequest = requestAnimationFrame(note);
    };
    window.frameRequest = requestAnimationFrame(note);
  });
  await act();
  const deltas = await page.evaluate(() => (cancelAnimationFrame(window.frameRequest), window.frames_ms));
  const sorted = [...deltas].sort((a, b) => a - b);
  const rank = (share) => Math.round(sorted[Math.floor((sorted.length - 1) * share)] * 10) / 10;
  return { per_s: Math.round((deltas.length / deltas.reduce((sum, delta) => sum + delta, 0)) * 1000), median_ms: rank(0.5), p95_ms: rank(0.95), longest_ms: rank(1) };
}

const TILES = Array.from({ length: 12 }, (_, at) => ({
  id: `t${at}`, x: (at % 4) * 3, y: Math.floor(at / 4) * 4, width: 3, height: 4,
  ask: at % 2 ? { sql: `SELECT event, count(*) AS times FROM activity WHERE timestamp >= $from AND ${at} >= 0 GROUP BY event ORDER BY times DESC LIMIT 10` }
    : { insight: { question: "trend", bucket: "day", series: [{ select: { activities: [["browse", "cart", "purchase"][at % 3]] }, measures: [["people"], ["count"]][(at / 2) % 2] }] } },
}));

async function twelve(page) {
  await post(page, "/v1/projects/shop/dashboards", { key: "twelve", dashboard: { footfall: "dashboard/1", title: "Twelve", tiles: TILES } });
  const drawn = [];
  for (let time = 0; time < TIMES; time++) {
    const begun = Date.now();
    await page.goto(`${url}/app/shop/dashboards/twelve`);
    await page.waitForFunction(() => document.querySelectorAll(".tile .chart svg").length === 12);
    drawn.push(Date.now() - begun);
  }
  return { first_ms: drawn[0], median_ms: median(drawn) };
}

/** A tile is carried around by its handle. */
async function dragged(page) {
  await page.getByRole("button", { name: "Edit", exact: true }).click();
  const handle = await page.getByRole("button", { name: "Move t0", exact: true }).boundingBox();
  const grid = await page.locator(".board").boundingBox();
  const [x, y] = [handle.x + 10, handle.y + 10];
  await page.mouse.move(x, y);
  await page.mouse.down();
  const found = await frames(page, async () => {
    for (let step = 0; step <= 240; step++) {
      const turn = (step / 240) * 4 * Math.PI;
      await page.mouse.move(x + grid.width * 0.3 * (1 - Math.cos(turn)), y + 180 * (1 - Math.cos(turn / 2)));
    }
  });
  await page.mouse.up();
  await page.getByRole("button", { name: "Cancel", exact: true }).click();
  return found;
}

/** A hundred thousand rows are scrolled by the wheel. */
async function scrolled(page) {
  await page.goto(`${url}/app/shop/sql?${new URLSearchParams({ sql: "SELECT value, value * 2 AS twice, value % 7 AS rest FROM generate_series(1, 100000)" })}`);
  await page.getByRole("textbox", { name: "SQL" }).waitFor();
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await page.getByText(/^100,000 rows in/).waitFor();
  await page.getByRole("region", { name: "Result as a table" }).hover();
  return frames(page, async () => {
    for (let step = 0; step < 200; step++) await page.mouse.wheel(0, 700);
  });
}

const main = () =>
  withPage(url, async (page) => {
    await page.setViewportSize({ width: 1280, height: 900 });
    await enter(page);
    const { first, all } = await weight(page);
    const { there_ms, clicked_ms } = await usable(page);
    const work_ms = await worked(page);
    const tiles = await twelve(page);
    await title(page, "Twelve");
    const drag = await dragged(page);
    const scroll = await scrolled(page);
    const told = ({ per_s, median_ms, p95_ms, longest_ms }) => `${per_s} frames/s; a frame ${median_ms} ms, p95 ${p95_ms} ms, longest ${longest_ms} ms`;
    const lines = [
      ["first page, files of the application on the wire", `${first} bytes`],
      [`every page and the charts, without the editor and the map (budget ${BYTES_MAX})`, `${all} bytes`],
      [`first field there, empty cache, processor ${SLOWER} times slower (median of ${TIMES})`, `${there_ms} ms`],
      ["the same, the field has taken a click", `${clicked_ms} ms`],
      [`processor time of the page until the field is there, as fast as this processor is (median of ${TIMES})`, `${work_ms} ms`],
      ["dashboard of 12 tiles, address to last chart, first time", `${tiles.first_ms} ms`],
      [`the same, median of ${TIMES}`, `${tiles.median_ms} ms`],
      ["dragging one of 12 tiles", told(drag)],
      ["scrolling 100,000 rows", told(scroll)],
    ];
    process.stdout.write(`| what | measured |\n|---|---|\n${lines.map((line) => `| ${line.join(" | ")} |\n`).join("")}`);
    if (all > BYTES_MAX) throw new Error(`${all} bytes are over the budget of ${BYTES_MAX}`);
  });

main().then(() => process.exit(0), (error) => {
  console.error(error);
  process.exit(1);
});
