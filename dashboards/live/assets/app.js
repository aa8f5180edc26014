// The page: the key, then counts, charts and lists kept fresh by light questions in SQL.

import { byId, copyButtons, count, h, headline } from "./dom.js?v=1";
import { Refused, key, millisOf, request, rowsOf } from "./ask.js?v=1";
import { arrivalsList, hue, listen, minute } from "./live.js?v=1";
import { trend } from "./chart.js?v=1";
import { box } from "./sql.js?v=1";

const DAY = 86_400_000;
const RANGES = [["7 days", 7], ["30 days", 30], ["90 days", 90], ["All", 0]];
const WIDTH = { hour: 3_600_000, day: DAY, week: 7 * DAY };

/** Questions may take a twentieth of the server's time at most. */
const REST_FACTOR = 20;
const REFRESH_MS_MIN = 3000;
const REFRESH_MS_MAX = 60_000;

let stop = () => {};

/** The page itself says how to make a key. */
const firstSentence = (text) => text.split(/(?<=\.)\s/)[0];

function gate(fault) {
  stop();
  stop = () => {};
  key.forget();
  for (const id of ["board", "foot", "top-side"]) byId(id).hidden = true;
  byId("gate").hidden = false;
  byId("key-fault").hidden = !fault;
  byId("key-fault").textContent = fault ?? "";
  byId("key").value = "";
  byId("key").focus();
}

byId("key-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  key.set(byId("key").value.trim());
  try {
    await request("/v1/tables");
    board();
  } catch (error) {
    gate(firstSentence(error.message));
  }
});
byId("forget").addEventListener("click", () => gate());
copyButtons(document.body);

function board() {
  byId("gate").hidden = true;
  for (const id of ["board", "foot", "top-side"]) byId(id).hidden = false;
  byId("post-command").textContent = `curl ${location.origin}/v1/activity \\
  -H "Authorization: Bearer $KEY" \\
  -d '{"event": "Signed Up", "userId": "ada", "properties": {"plan": "pro"}}'`;
  const onRefused = (error) => gate(firstSentence(error.message));
  const [arrivals, pulse, draw, counts] = [arrivalsList(), minute(), trend(byId("chart")), numbers()];
  box({ onRefused });
  const state = { range: 30, chosen: false, fresh: false, any: undefined, again: 0 };

  const stopListening = listen({
    onState: (now) => {
      showState(now);
      if (now === "live") state.fresh = true;
    },
    onArrivals: ({ count: total, activities }) => {
      pulse.add(total);
      arrivals.add(activities, total);
      state.fresh = true;
      if (total && !state.any) soon(300);
    },
    onRefused,
  });

  async function refresh() {
    const began = performance.now();
    state.fresh = false;
    const totals = await one("SELECT count(*) AS activities, min(timestamp) AS first, max(timestamp) AS last FROM activity");
    state.any = totals.activities > 0;
    byId("first").hidden = state.any;
    byId("board").classList.toggle("empty", !state.any);
    counts.show("n-activities", totals.activities);
    if (state.any) {
      const [first, last] = [millisOf(totals.first), millisOf(totals.last)];
      if (!state.chosen) state.range = RANGES.find(([, days]) => !days || (days >= 30 && last > Date.now() - days * DAY))[1];
      ranges(state, () => { state.fresh = true; soon(0); });
      await history(state.range, first, last, draw);
      await cards(counts);
    }
    byId("notice").hidden = true;
    return performance.now() - began;
  }

  let timer;
  function soon(millis) {
    clearTimeout(timer);
    timer = setTimeout(turn, millis);
  }

  async function turn() {
    let wait = 1000;
    const due = state.fresh || performance.now() - state.again > REFRESH_MS_MAX;
    if (!document.hidden && due) {
      try {
        const took = await refresh();
        state.again = performance.now();
        wait = Math.min(REFRESH_MS_MAX, Math.max(REFRESH_MS_MIN, took * REST_FACTOR));
      } catch (error) {
        if (error instanceof Refused && error.status === 401) return onRefused(error);
        state.fresh = true;
        wait = 4000;
        if (error.status !== 0) notice(error.message);
      }
    }
    if (key.get()) soon(wait);
  }

  arrivals.recent(new Date(Date.now() - 30 * DAY).toISOString()).catch(() => {});
  turn();
  stop = () => {
    clearTimeout(timer);
    stopListening();
    arrivals.stop();
    pulse.stop();
  };
}

const one = async (sql, params) => (await rowsOf(sql, params))[0];

const utcDay = (millis) => Math.floor(millis / DAY) * DAY;

/** The chart and the top events of a range. */
async function history(range, first, last, draw) {
  const today = utcDay(Date.now());
  const from = range ? today - (range - 1) * DAY : first;
  const to = range ? Date.now() : Math.max(last, first);
  const span = (to - from) / DAY;
  const bucket = range ? "day" : span <= 3 ? "hour" : span <= 120 ? "day" : span <= 800 ? "week" : span <= 4000 ? "month" : "year";
  const params = { since: new Date(from).toISOString() };
  const rows = await rowsOf(
    `SELECT date_trunc('${bucket}', timestamp) AS at, count(*) AS activities, count(DISTINCT person_id) AS people
     FROM activity WHERE timestamp >= $since GROUP BY 1 ORDER BY 1`, params);
  draw(filled(rows, from, to, bucket), bucket);
  const events = await rowsOf(
    `SELECT event, count(*) AS activities, count(DISTINCT person_id) AS people
     FROM activity WHERE timestamp >= $since GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 9`, params);
  showEvents(events);
  byId("events-range").textContent = range ? `last ${range} days` : "all time";
}

/** Every bucket of the range, also those without activity. */
function filled(rows, from, to, bucket) {
  const found = new Map(rows.map((row) => [millisOf(row.at), row]));
  const points = [];
  for (let at = started(from, bucket); at <= to && points.length < 2000; at = following(at, bucket)) {
    const row = found.get(at);
    const partial = following(at, bucket) > Date.now();
    points.push({ at, activities: row?.activities ?? 0, people: row?.people ?? 0, partial });
  }
  return points;
}

function started(millis, bucket) {
  const date = new Date(millis);
  if (bucket === "month") return Date.UTC(date.getUTCFullYear(), date.getUTCMonth());
  if (bucket === "year") return Date.UTC(date.getUTCFullYear(), 0);
  if (bucket === "week") return utcDay(millis) - ((date.getUTCDay() + 6) % 7) * DAY;
  return Math.floor(millis / WIDTH[bucket]) * WIDTH[bucket];
}

function following(millis, bucket) {
  const date = new Date(millis);
  if (bucket === "month") return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1);
  if (bucket === "year") return Date.UTC(date.getUTCFullYear() + 1, 0);
  return millis + WIDTH[bucket];
}

/** Counts of today, and of people and sessions at all. */
async function cards(counts) {
  const params = { today: new Date(utcDay(Date.now())).toISOString() };
  const today = await one("SELECT count(*) AS activities, count(DISTINCT person_id) AS people FROM activity WHERE timestamp >= $today", params);
  counts.show("t-activities", today.activities);
  counts.show("t-people", today.people);
  counts.show("n-people", (await one("SELECT count(*) AS people FROM persons")).people);
  const sessions = await one("SELECT count(*) AS all_time, count(*) FILTER (WHERE \"end\" >= $today) AS today FROM sessions", params);
  counts.show("n-sessions", sessions.all_time);
  counts.show("t-sessions", sessions.today);
}

/** Numbers that move to their new value. */
function numbers() {
  const shown = new Map();
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const show = (id, value) => {
    const [from, element] = [shown.get(id), byId(id)];
    shown.set(id, value);
    element.title = count(value);
    if (from === undefined || from === value || calm.matches || document.hidden) {
      element.textContent = headline(value);
      return;
    }
    const began = performance.now();
    const step = (now) => {
      if (shown.get(id) !== value) return;
      const part = Math.min(1, (now - began) / 500);
      element.textContent = headline(Math.round(from + (value - from) * (1 - (1 - part) ** 3)));
      if (part < 1) requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  };
  return { show };
}

function ranges(state, onChange) {
  const group = byId("ranges");
  if (group.dataset.range === String(state.range)) return;
  group.dataset.range = state.range;
  const choose = (days) => {
    [state.range, state.chosen] = [days, true];
    ranges(state, onChange);
    group.querySelector("[aria-checked=true]").focus();
    onChange();
  };
  group.replaceChildren(...RANGES.map(([name, days], at) => h("button", {
    type: "button", role: "radio", "aria-checked": String(days === state.range), tabindex: days === state.range ? "0" : "-1",
    onclick: () => choose(days),
    onkeydown: ({ key: pressed }) => {
      const to = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1 }[pressed];
      if (to !== undefined) choose(RANGES[(to + RANGES.length) % RANGES.length][1]);
    },
  }, name)));
}

function showEvents(events) {
  const most = Math.max(1, ...events.map((row) => row.activities));
  byId("bars").replaceChildren(...events.map((row) => {
    const fill = h("i", { class: `hue-${hue(row.event)}`, "aria-hidden": "true" });
    fill.style.width = `${(row.activities / most) * 100}%`;
    return h("li", { title: `${count(row.activities)} by ${count(row.people)} people` },
      h("span", {}, row.event), h("b", {}, count(row.activities)), h("div", { class: "track" }, fill));
  }));
  if (!events.length) byId("bars").append(h("li", { class: "none" }, "No activity in this range"));
}

function showState(now) {
  const status = byId("status");
  status.dataset.state = now;
  status.lastElementChild.textContent = now === "live" ? "Live" : "Reconnecting";
}

function notice(text) {
  byId("notice").textContent = text;
  byId("notice").hidden = false;
}

key.get() ? board() : gate();
