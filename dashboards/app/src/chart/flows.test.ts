// Flows have names that say what is behind them, and are reached by keys.

import { createElement } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import { expect, test } from "vitest";
import { FlowsChart } from "./flows";
import { placeName, type Pick } from "./options";

const edges = [{ from: "0 · view", to: "1 · buy", count: 12 }, { from: "0 · view", to: "1 · leave", count: 3 }];
const colours = { ink: "", soft: "", line: "", card: "", hues: ["red"] };
const drawn = (pick?: Pick) => renderToStaticMarkup(createElement(FlowsChart, { edges, width: 400, height: 200, colours, pick }));

test("each flow is a button with its name; one of them is reached by Tab, the others by arrows", () => {
  const html = drawn(() => () => undefined);
  expect(html.match(/aria-label="[^"]*"/g)).toEqual(['aria-label="view → buy: 12: who is this?"', 'aria-label="view → leave: 3: who is this?"']);
  expect(html.match(/tabindex="[^"]*"/gi)?.map((one) => one.toLowerCase())).toEqual(['tabindex="0"', 'tabindex="-1"']);
});

test("without anybody behind them they are no buttons", () => {
  for (const html of [drawn(), drawn(() => undefined)]) expect(html).not.toMatch(/role="button"|tabindex|leads/i);
});

test("places have the names of what stands there", () => {
  expect(placeName({ kind: "flows", edges }, 1)).toBe("view → leave");
  expect(placeName({ kind: "bars", names: ["a", "b"], lines: [] }, 1)).toBe("b");
});
