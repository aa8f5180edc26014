// The live stream: server-sent events over fetch (EventSource cannot send the key), the list of arrivals, the last minute.

import { ago, byId, count, h, svg } from "./dom.js?v=1";
import { millisOf, request, rowsOf } from "./ask.js?v=1";

const SHOWN_MAX = 40;
const SILENCE_MS_MAX = 25_000;
const HIDDEN_MS_MAX = 60_000;

/** Yields `{event, data}`; comments (heartbeats) come as `{event: "heartbeat"}`. */
async function* eventsOf(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split(/\r?\n\r?\n/);
    rest = blocks.pop();
    for (const block of blocks) yield parsed(block);
  }
}

function parsed(block) {
  const message = { event: "heartbeat", data: "" };
  for (const line of block.split(/\r?\n/)) {
    if (line.startsWith("event:")) message.event = line.slice(6).trim();
    else if (line.startsWith("data:")) message.data += line.slice(5).trim();
  }
  return message;
}

/** Listens until stopped, connecting again whenever the stream ends. */
export function listen({ onState, onArrivals, onRefused }) {
  let controller;
  let stopped = false;
  let silence;
  const watch = () => {
    clearTimeout(silence);
    silence = setTimeout(() => controller.abort(), SILENCE_MS_MAX);
  };

  async function once() {
    controller = new AbortController();
    watch();
    const response = await request("/v1/live", { headers: { accept: "text/event-stream" }, signal: controller.signal });
    onState("live");
    for await (const message of eventsOf(response.body)) {
      watch();
      if (message.event === "activity") onArrivals(JSON.parse(message.data));
      if (message.event === "lagged") onArrivals({ count: 0, activities: [], lagged: true });
    }
  }

  async function run() {
    let wait = 500;
    while (!stopped) {
      const began = performance.now();
      try {
        await once();
      } catch (error) {
        if (error.status === 401) return onRefused(error);
      }
      clearTimeout(silence);
      if (stopped) return;
      if (performance.now() - began > 10_000) wait = 500;
      onState("away");
      await until(wait);
      wait = Math.min(wait * 2, 8000);
    }
  }

  /** A hidden tab gives its place up after a minute. */
  async function until(millis) {
    await new Promise((resolve) => setTimeout(resolve, millis));
    while (document.hidden && !stopped) {
      await new Promise((resolve) => document.addEventListener("visibilitychange", resolve, { once: true }));
    }
  }

  let hidden;
  const visibility = () => {
    clearTimeout(hidden);
    if (document.hidden) hidden = setTimeout(() => controller?.abort(), HIDDEN_MS_MAX);
  };
  document.addEventListener("visibilitychange", visibility);
  run();
  return () => {
    stopped = true;
    clearTimeout(silence);
    clearTimeout(hidden);
    document.removeEventListener("visibilitychange", visibility);
    controller?.abort();
  };
}

/** The list of arrivals, newest first. */
export function arrivalsList() {
  const list = byId("arrivals");
  const pause = byId("pause");
  let paused = false;
  let missed = 0;
  pause.onclick = () => {
    paused = !paused;
    missed = 0;
    pause.setAttribute("aria-pressed", String(paused));
    pause.textContent = paused ? "Resume" : "Pause";
  };
  const clock = setInterval(() => {
    if (document.hidden) return;
    for (const time of list.querySelectorAll("time")) time.textContent = ago(Date.now() - Number(time.dataset.at));
  }, 1000);

  return {
    add(activities, total) {
      if (paused) {
        missed += total;
        pause.textContent = `Resume · ${count(missed)}`;
        return;
      }
      list.prepend(...activities.map((activity) => item(activity, activities.length <= 4)).reverse());
      while (list.children.length > SHOWN_MAX) list.lastElementChild.remove();
    },
    async recent(since) {
      const rows = await rowsOf(
        `SELECT event, distinct_id, received_at, page_path, screen FROM activity
         WHERE received_at >= $since ORDER BY received_at DESC LIMIT 25`, { since });
      if (list.children.length) return;
      const activities = rows.map((row) => ({ ...row, place: row.page_path ?? row.screen, received_at: millisOf(row.received_at) }));
      list.append(...activities.map((activity) => item(activity)));
    },
    stop() {
      clearInterval(clock);
      list.replaceChildren();
    },
  };
}

function item(activity, isNew = false) {
  return h("li", { class: isNew ? "arrived" : undefined },
    h("i", { class: `dot hue-${hue(activity.event)}`, "aria-hidden": "true" }),
    h("div", {},
      h("b", {}, activity.event),
      h("p", { title: [activity.distinct_id, activity.place].filter(Boolean).join("  ") }, activity.distinct_id,
        activity.place ? h("span", { class: "place" }, activity.place) : undefined)),
    h("time", { "data-at": activity.received_at }, ago(Date.now() - activity.received_at)));
}

/** The same colour for the same event. */
export function hue(name) {
  let hash = 7;
  for (const letter of name) hash = (hash * 31 + letter.codePointAt(0)) % 9973;
  return hash % 6;
}

/** Arrivals in each of the last 60 seconds, as little bars. */
export function minute() {
  const [seconds, frame, number] = [new Array(60).fill(0), byId("pulse"), byId("n-minute")];
  const bars = seconds.map((_, at) => svg("rect", { x: at * 4, width: 2.6, y: 26, height: 2, rx: 1.2 }));
  frame.replaceChildren(svg("svg", { viewBox: "0 0 240 28", preserveAspectRatio: "none", "aria-hidden": "true" }, ...bars));
  let current = Math.floor(Date.now() / 1000);

  function draw() {
    const most = Math.max(4, ...seconds);
    seconds.forEach((arrived, at) => {
      const height = arrived ? 3 + (arrived / most) * 25 : 2;
      bars[at].setAttribute("height", height);
      bars[at].setAttribute("y", 28 - height);
      bars[at].classList.toggle("some", arrived > 0);
    });
    number.textContent = count(seconds.reduce((sum, arrived) => sum + arrived, 0));
  }

  function turn() {
    const now = Math.floor(Date.now() / 1000);
    for (; current < now; current += 1) {
      seconds.shift();
      seconds.push(0);
      if (now - current > 60) current = now - 61;
    }
  }

  const clock = setInterval(() => {
    if (document.hidden) return;
    turn();
    draw();
  }, 1000);
  draw();
  return {
    add(arrived) {
      turn();
      seconds[59] += arrived;
      draw();
    },
    stop: () => clearInterval(clock),
  };
}
