// A balancer before an installation of several processes, for the walks: doors for activity in turn, everything else by who asks, always to
// the same process. PORT DOORS ANSWERS, each a list of http://HOST:PORT, joined by commas.
"use strict";
const { createHash } = require("node:crypto");
const http = require("node:http");

const [port, doors, answers] = [process.argv[2], ...process.argv.slice(3).map((list) => list.split(","))];
const CALLS = new Set(["activity", "track", "identify", "page", "screen", "group", "alias", "merge", "t", "i", "p", "s", "g", "a", "batch", "import", "b", "m"]);
const ELSEWHERE = /^\/(pixel\/|beacon\/|sourceConfig\/?$|i\/|e\/?$|capture\/?$|track\/?$|engage\/?$|batch\/?$|array\/)/;

const isDoor = (path) => (path.startsWith("/v1/") && CALLS.has(path.slice(4))) || /^\/v1\/projects\/[^/]+\/settings$/.test(path) || ELSEWHERE.test(path);
// Cookies that say who asks, not those that pages change.
const who = ({ headers }) => headers.authorization ?? headers.cookie ?? "";
const agent = new http.Agent({ keepAlive: true });
let turns = 0;

const server = http.createServer((request, response) => {
  const path = request.url.split("?")[0];
  const upstream = isDoor(path) ? doors[turns++ % doors.length] : answers[who(request) === "" ? 0 : createHash("sha256").update(who(request)).digest()[0] % answers.length];
  const { hostname, port: at } = new URL(upstream);
  const passed = http.request({ agent, hostname, port: at, method: request.method, path: request.url, headers: request.headers }, (answer) => {
    response.writeHead(answer.statusCode, answer.headers);
    answer.pipe(response);
  });
  passed.on("error", () => response.destroy());
  response.on("close", () => passed.destroy());
  request.pipe(passed);
});
server.listen(Number(port), "127.0.0.1");
