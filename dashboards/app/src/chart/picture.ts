// A chart as a picture to take along.

import { fileName, save } from "../parts/files";
import { FONT, coloursOf, widthOf } from "./options";

const NAMES_SPACE = "http://www.w3.org/2000/svg";

/** The chart of a region as PNG, twice as fine as on the screen, its legend below it. */
export async function savePicture(region: Element, what: string): Promise<void> {
  const drawn = region.querySelector<SVGSVGElement>(".chart svg, svg.chart-svg");
  if (!drawn) return;
  const { width, height } = drawn.getBoundingClientRect();
  const colours = coloursOf(region);
  const copy = drawn.cloneNode(true) as SVGSVGElement;
  copy.setAttribute("xmlns", NAMES_SPACE);
  const whole = height + legend(copy, region, width, height, colours.ink);
  copy.setAttribute("height", String(whole));
  copy.setAttribute("viewBox", `0 0 ${width} ${whole}`);
  const picture = new Image();
  picture.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(copy))}`;
  await picture.decode();
  const canvas = Object.assign(document.createElement("canvas"), { width: width * 2, height: whole * 2 });
  const brush = canvas.getContext("2d");
  if (!brush) return;
  brush.fillStyle = colours.card;
  brush.fillRect(0, 0, canvas.width, canvas.height);
  brush.drawImage(picture, 0, 0, canvas.width, canvas.height);
  canvas.toBlob((blob) => blob && save(fileName(what, "png"), blob));
}

/** Writes the legend under the copy; returns its height. */
function legend(copy: SVGSVGElement, region: Element, width: number, top: number, ink: string): number {
  const made = <K extends keyof SVGElementTagNameMap>(name: K, attributes: Record<string, string | number>) => {
    const element = document.createElementNS(NAMES_SPACE, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
    return copy.appendChild(element);
  };
  let [x, y] = [8, top + 14];
  const items = region.querySelectorAll<HTMLButtonElement>('.legend button[aria-pressed="true"]');
  for (const item of items) {
    const text = item.textContent ?? "";
    if (x > 8 && x + widthOf(text) + 30 > width) [x, y] = [8, y + 18];
    made("rect", { x, y: y - 9, width: 10, height: 10, rx: 3, fill: item.dataset.hue ?? "" });
    made("text", { x: x + 15, y, fill: ink, "font-family": FONT, "font-size": 11 }).textContent = text;
    x += widthOf(text) + 34;
  }
  return items.length ? y - top + 12 : 0;
}
