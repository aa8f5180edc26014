// What the walks through the account pages need: codes of an authenticator, mails in a folder, and looks at a page: by axe-core, at
// 320 px, and at 200 % zoom.
"use strict";
const crypto = require("node:crypto");
const fs = require("node:fs");
const http = require("node:http");
const path = require("node:path");
const { until } = require("./browser.cjs");
const { becomes } = require("./waits.cjs");

exports.expect = (what, found, wanted) => {
  if (JSON.stringify(found) !== JSON.stringify(wanted)) {
    throw new Error(`${what}: ${JSON.stringify(found)} and not ${JSON.stringify(wanted)}`);
  }
};

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** The code of RFC 6238 at a step of 30 s. */
const codeAt = (secret, step) => {
  const bits = [...secret.replace(/=+$/, "")].map((letter) => LETTERS.indexOf(letter).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const moment = Buffer.alloc(8);
  moment.writeBigUInt64BE(BigInt(step));
  const digest = crypto.createHmac("sha1", key).update(moment).digest();
  const offset = digest[19] & 15;
  return String((digest.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, "0");
};

/** Gives codes of a secret, none twice: the server takes one step early or late, and each once. None is of a step that is over: the server's
 * clock goes on until the code is there. */
exports.authenticator = (page, secret) => {
  let last = 0;
  return async () => {
    const now = () => Math.floor(Date.now() / 30_000);
    await until(page, () => now() + 1 > last, 60, "the next code");
    last = Math.max(last + 1, now());
    return codeAt(secret, last);
  };
};

/** The link of the newest mail to `address` with a link for `purpose`. */
exports.linkOf = async (page, folder, address, purpose) => {
  let link;
  await until(page, () => {
    const names = fs.existsSync(folder) ? fs.readdirSync(folder).filter((name) => name.endsWith(".txt")) : [];
    const mails = names.map((name) => path.join(folder, name)).sort((a, b) => fs.statSync(a).mtimeMs - fs.statSync(b).mtimeMs);
    const texts = mails.map((mail) => fs.readFileSync(mail, "utf8")).filter((text) => text.includes(address));
    const links = texts.flatMap((text) => text.match(new RegExp(`http\\S+/account/${purpose}#\\S+`)) ?? []);
    link = links.at(-1);
    return link !== undefined;
  }, 30, `a mail to ${address}`);
  return link;
};

/** Another port of loopback that passes everything on to `server`, but for what the browser says of a request's origin. */
exports.withoutFetchMetadata = async (server) => {
  const { host, hostname, port } = new URL(server);
  const relay = http.createServer((request, response) => {
    const headers = Object.fromEntries(Object.entries(request.headers).filter(([name]) => !name.startsWith("sec-fetch-")));
    if (headers.origin) headers.origin = server;
    const onward = http.request({ hostname, port, method: request.method, path: request.url, headers: { ...headers, host } }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    onward.on("error", () => response.destroy());
    request.pipe(onward);
  });
  await new Promise((resolve) => relay.listen(0, "localhost", resolve));
  return { origin: `http://localhost:${relay.address().port}`, close: () => relay.close() };
};

const AXE = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

const violations = async (page) => {
  const found = await page.evaluate((values) => axe.run(document, { runOnly: { type: "tag", values } }), RULES);
  // The editor's proposals are scrolled by the arrow keys while the focus stays in the text (the combobox pattern of ARIA's
  // authoring practices); axe asks for a focusable list.
  const isProposals = (id, node) => id === "scrollable-region-focusable" && String(node.target).includes("#cm-ac-");
  found.violations.forEach((fault) => (fault.nodes = fault.nodes.filter((node) => !isProposals(fault.id, node))));
  return found.violations.filter((fault) => fault.nodes.length).map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.target} ${node.failureSummary}`).join("; ")}`);
};

/** axe-core finds nothing, in light and in dark, once the page has come to rest. */
const accessible = async (page, name) => {
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await page.evaluate(AXE);
    await becomes(`what is not accessible on ${name} (${colorScheme})`, () => violations(page), []);
  }
  await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
};

/** Nothing is wider than the window, once charts have taken its width. */
const fits = async (page, name, width) => {
  const before = page.viewportSize();
  await page.setViewportSize({ width, height: 900 });
  await becomes(`px that ${name} is wider than ${width} px`, () => page.evaluate(() => Math.max(0, document.documentElement.scrollWidth - document.documentElement.clientWidth)), 0);
  await page.setViewportSize(before);
};

/** Looks at the page as it stands; pictures go to `SCREENS`, if that is a folder. */
exports.look = async (page, name) => {
  await page.waitForFunction(() => !document.querySelector(".later[aria-busy=true]"));
  const folder = process.env.SCREENS;
  for (const colorScheme of folder ? ["light", "dark"] : []) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await page.screenshot({ path: path.join(folder, `${name}-${colorScheme}.png`) });
  }
  if (folder) {
    const before = page.viewportSize();
    await page.setViewportSize({ width: 320, height: 900 });
    await page.screenshot({ path: path.join(folder, `${name}-narrow.png`) });
    await page.setViewportSize(before);
  }
  await accessible(page, name);
  await fits(page, name, 320);
  // At 200 % a window of 1280 px has 640 px of the page's own (WCAG 2.2, 1.4.4 and 1.4.10).
  await fits(page, name, 640);
};
