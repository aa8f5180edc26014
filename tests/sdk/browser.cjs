// Headless Chromium: starts the browser that is installed, opens a page, keeps an account of what it asked of the server.
"use strict";
const fs = require("node:fs");
const http = require("node:http");
const os = require("node:os");
const path = require("node:path");
const { chromium } = require("playwright-core");
const { PATIENCE_MS, SLOWER } = require("./waits.cjs");

const FLAGS = [
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost",
];

const slowed = async (page) => {
  if (SLOWER === 1) return;
  const session = await page.context().newCDPSession(page);
  await session.send("Emulation.setCPUThrottlingRate", { rate: SLOWER });
};

/** Runs `visit(page, account)` in a fresh browser; the account has requests to `server`, console errors and page errors. */
exports.withPage = async (server, visit) => {
  const profile = fs.mkdtempSync(path.join(os.tmpdir(), "footfall-chromium-"));
  const executablePath = process.env.FOOTFALL_CHROMIUM || "/usr/bin/chromium";
  const browser = await chromium.launchPersistentContext(profile, { executablePath, args: FLAGS, headless: true });
  const account = { requests: [], consoleErrors: [], pageErrors: [] };
  try {
    browser.setDefaultTimeout(PATIENCE_MS);
    browser.on("page", slowed);
    const page = browser.pages()[0] || (await browser.newPage());
    await slowed(page);
    page.on("console", (message) => {
      if (message.type() === "error") account.consoleErrors.push(`${message.text()} (${message.location().url})`);
    });
    page.on("pageerror", (error) => account.pageErrors.push(String(error)));
    const note = (request, outcome) => {
      const target = new URL(request.url());
      if (server && request.url().startsWith(server)) {
        account.requests.push({ method: request.method(), path: target.pathname, outcome });
      }
    };
    page.on("requestfinished", async (request) => {
      // The page may be closed before the answer's head is told.
      const response = await request.response().catch(() => null);
      note(request, response?.status() ?? 200);
    });
    page.on("requestfailed", (request) => note(request, request.failure()?.errorText ?? "failed"));
    return await visit(page, account);
  } finally {
    await browser.close();
    fs.rmSync(profile, { recursive: true, force: true });
  }
};

/** Serves `pages` (path → HTML) and the files of installed packages below `/node_modules/` on another port of loopback. */
exports.serve = async (pages) => {
  const modules = path.dirname(path.dirname(require.resolve("playwright-core/package.json")));
  const server = http.createServer((request, response) => {
    const wanted = decodeURIComponent(new URL(request.url, "http://127.0.0.1").pathname);
    if (pages[wanted]) {
      response.writeHead(200, { "content-type": "text/html; charset=utf-8" });
      return response.end(pages[wanted]);
    }
    const file = path.join(modules, path.normalize(wanted.replace(/^\/node_modules/, "")));
    if (wanted.startsWith("/node_modules/") && file.startsWith(modules) && fs.existsSync(file)) {
      response.writeHead(200, { "content-type": "text/javascript; charset=utf-8" });
      return response.end(fs.readFileSync(file));
    }
    response.writeHead(wanted === "/favicon.ico" ? 204 : 404);
    response.end();
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { origin: `http://127.0.0.1:${server.address().port}`, close: () => server.close() };
};

/** Waits until `done()` (which may be asynchronous) is true; fails after `seconds`. */
exports.until = async (page, done, seconds, what) => {
  const deadline = Date.now() + seconds * 1000 * SLOWER;
  while (!(await done())) {
    if (Date.now() > deadline) throw new Error(`waited ${seconds} s for ${what}`);
    await page.waitForTimeout(50);
  }
};
