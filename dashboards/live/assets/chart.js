// Two small charts over one axis of time: activities as bars, people as a line, with values under pointer and arrow keys.

import { count, h, short, svg } from "./dom.js?v=1";

const GUTTER = 44;
const RIGHT = 8;
const PANELS = [
  { name: "activities", label: "Activities", top: 22, height: 158 },
  { name: "people", label: "People", top: 222, height: 70 },
];
const HEIGHT = 322;

/** A round number at or above `most` that three steps divide well. */
function roundTop(most) {
  if (most <= 3) return 3;
  const step = most / 3;
  const size = 10 ** Math.floor(Math.log10(step));
  const nice = [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].find((times) => times * size >= step && (size > 1 || Number.isInteger(times)));
  return nice * size * 3;
}

const day = (options) => new Intl.DateTimeFormat("en", { timeZone: "UTC", ...options });
const NAMES = {
  hour: [day({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" }), day({ weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" })],
  day: [day({ day: "numeric", month: "short" }), day({ weekday: "long", day: "numeric", month: "long", year: "numeric" })],
  week: [day({ day: "numeric", month: "short" }), day({ day: "numeric", month: "long", year: "numeric" })],
  month: [day({ month: "short", year: "2-digit" }), day({ month: "long", year: "numeric" })],
  year: [day({ year: "numeric" }), day({ year: "numeric" })],
};

/** Draws into `frame` and again whenever its width changes. Points: `{at, activities, people, partial}`. */
export function trend(frame) {
  let points = [];
  let bucket = "day";
  let chosen = -1;
  const tip = h("div", { class: "tip", role: "status", hidden: true });
  const plot = svg("svg", { role: "img", tabindex: "0", height: HEIGHT });
  frame.replaceChildren(plot, tip);

  const geometry = () => {
    const width = Math.max(240, frame.clientWidth);
    const step = (width - GUTTER - RIGHT) / Math.max(1, points.length);
    return { width, step, x: (at) => GUTTER + step * (at + 0.5) };
  };

  function draw() {
    const { width, step, x } = geometry();
    plot.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    plot.setAttribute("width", width);
    plot.setAttribute("aria-label", summary(points, bucket));
    plot.replaceChildren(
      svg("defs", {}, svg("linearGradient", { id: "under", x1: 0, y1: 0, x2: 0, y2: 1 },
        svg("stop", { offset: 0, class: "under-top" }), svg("stop", { offset: 1, class: "under-foot" }))),
      svg("rect", { class: "band", y: PANELS[0].top, height: PANELS[1].top + PANELS[1].height - PANELS[0].top, width: Math.max(step, 2), rx: 4, visibility: "hidden" }),
      ...PANELS.flatMap((panel) => axis(panel, width)),
      ...bars(step, x), ...line(x), ...dates(step, x));
    mark(chosen);
  }

  function axis(panel, width) {
    const top = roundTop(Math.max(0, ...points.map((point) => point[panel.name])));
    panel.y = (value) => panel.top + panel.height * (1 - value / top);
    const steps = panel.height > 100 ? [0, 1, 2, 3] : [0, 3];
    const lines = steps.flatMap((part) => {
      const [value, y] = [(top / 3) * part, Math.round(panel.y((top / 3) * part)) + 0.5];
      return [svg("line", { class: part ? "grid" : "ground", x1: GUTTER, x2: width - RIGHT, y1: y, y2: y }),
        svg("text", { class: "tick", x: GUTTER - 8, y: y + 3.5, "text-anchor": "end" }, short(value))];
    });
    return [svg("text", { class: `title ${panel.name}`, x: GUTTER, y: panel.top - 9 }, panel.label), ...lines];
  }

  function bars(step, x) {
    const [panel, width] = [PANELS[0], Math.max(1, Math.min(30, step * 0.68))];
    const foot = panel.top + panel.height;
    return points.filter((point) => point.activities > 0).map((point) => {
      const height = Math.max(1.5, foot - panel.y(point.activities));
      const round = Math.min(3.5, width / 2, height);
      const left = x(points.indexOf(point)) - width / 2;
      const shape = `M${left} ${foot}v${-(height - round)}q0 ${-round} ${round} ${-round}h${width - 2 * round}q${round} 0 ${round} ${round}v${height - round}z`;
      return svg("path", { class: point.partial ? "bar partial" : "bar", d: shape });
    });
  }

  function line(x) {
    const panel = PANELS[1];
    if (!points.length) return [];
    const places = points.map((point, at) => `${x(at).toFixed(1)} ${panel.y(point.people).toFixed(1)}`);
    const [first, last, foot] = [x(0).toFixed(1), x(points.length - 1).toFixed(1), panel.top + panel.height];
    const shapes = [
      svg("path", { class: "area", d: `M${first} ${foot}L${places.join("L")}L${last} ${foot}z` }),
      svg("path", { class: "line", d: `M${places.join("L")}` }),
    ];
    if (points.length === 1) shapes.push(svg("circle", { class: "point", cx: x(0), cy: panel.y(points[0].people), r: 3.5 }));
    return [...shapes, svg("circle", { class: "point chosen", r: 4, visibility: "hidden" })];
  }

  function dates(step, x) {
    const every = Math.max(1, Math.ceil(64 / step));
    const last = points.length - 1;
    return points.map((point, at) => ((last - at) % every ? undefined
      : svg("text", { class: "tick", x: x(at), y: HEIGHT - 6, "text-anchor": x(at) > geometry().width - 26 ? "end" : "middle" }, NAMES[bucket][0].format(point.at))));
  }

  function mark(at) {
    chosen = at >= 0 && at < points.length ? at : -1;
    const [band, dot, point] = [plot.querySelector(".band"), plot.querySelector(".chosen"), points[chosen]];
    const visibility = point ? "visible" : "hidden";
    band?.setAttribute("visibility", visibility);
    dot?.setAttribute("visibility", visibility);
    tip.hidden = !point;
    if (!point) return;
    const { width, step, x } = geometry();
    band.setAttribute("x", x(chosen) - Math.max(step, 2) / 2);
    dot.setAttribute("cx", x(chosen));
    dot.setAttribute("cy", PANELS[1].y(point.people));
    tip.replaceChildren(
      h("b", {}, (bucket === "week" ? "Week of " : "") + NAMES[bucket][1].format(point.at) + (point.partial ? ", so far" : "")),
      h("span", { class: "activities" }, h("i"), "Activities", h("em", {}, count(point.activities))),
      h("span", { class: "people" }, h("i"), "People", h("em", {}, count(point.people))));
    const left = x(chosen) + 14;
    tip.style.left = `${left + tip.offsetWidth > width ? Math.max(0, x(chosen) - 14 - tip.offsetWidth) : left}px`;
  }

  plot.addEventListener("pointermove", (event) => {
    const { step } = geometry();
    mark(Math.floor((event.clientX - plot.getBoundingClientRect().left - GUTTER) / step));
  });
  plot.addEventListener("pointerleave", () => mark(-1));
  plot.addEventListener("blur", () => mark(-1));
  plot.addEventListener("keydown", (event) => {
    const last = points.length - 1;
    const to = { ArrowLeft: chosen < 0 ? last : Math.max(0, chosen - 1), ArrowRight: Math.min(last, chosen + 1), Home: 0, End: last, Escape: -1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    mark(to);
  });
  new ResizeObserver(() => draw()).observe(frame);

  return (nextPoints, nextBucket) => {
    if (nextPoints.length !== points.length || nextBucket !== bucket) chosen = -1;
    [points, bucket] = [nextPoints, nextBucket];
    draw();
  };
}

function summary(points, bucket) {
  if (!points.length) return "No activity in this range.";
  const most = points.reduce((best, point) => (point.activities > best.activities ? point : best));
  const total = points.reduce((sum, point) => sum + point.activities, 0);
  return `${count(total)} activities by ${bucket} over ${points.length} ${bucket}s; most, ${count(most.activities)} by ${count(most.people)} people, on ${NAMES[bucket][1].format(most.at)}. Arrow keys read single values.`;
}
