// A chart. The table beside it says the same to whoever does not see it.

import { useEffect, useRef, useState } from "react";
import { save, fileName } from "../parts/files";
import { coloursOf, optionOf, type Drawing } from "./options";

export function Chart({ label, drawing, isStale, pick }: { label: string; drawing: Drawing; isStale?: boolean; pick?: (index: number, line: number) => void }) {
  const host = useRef<HTMLDivElement>(null);
  const [theme, setTheme] = useState(0);
  const picked = useRef(pick);
  picked.current = pick;
  useEffect(() => {
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const turn = () => setTheme((theme) => theme + 1);
    dark.addEventListener("change", turn);
    return () => dark.removeEventListener("change", turn);
  }, []);
  useEffect(() => {
    const element = host.current;
    if (!element) return;
    let end = () => {};
    let isGone = false;
    void import("./engine").then(({ init }) => {
      if (isGone) return;
      emptyWithoutHtml(element);
      const chart = init(element, undefined, { renderer: "svg" });
      chart.setOption(optionOf(drawing, label, coloursOf(element)));
      chart.on("click", (event) => picked.current?.(event.dataIndex, event.seriesIndex ?? 0));
      const watch = new ResizeObserver(() => chart.resize());
      watch.observe(element);
      end = () => {
        watch.disconnect();
        const drawn = element.querySelector("svg");
        if (drawn) emptyWithoutHtml(drawn);
        chart.dispose();
      };
    });
    return () => ((isGone = true), end());
  }, [drawing, label, theme]);
  return <div className={`chart${isStale ? " stale" : ""}`} role="img" aria-label={label}><div ref={host} /></div>;
}

/** The library empties elements by `innerHTML`, which the page's policy forbids to all scripts. */
const emptyWithoutHtml = (element: Element) => Object.defineProperty(element, "innerHTML", { configurable: true, set: () => element.replaceChildren() });

/** The chart of a region as PNG, twice as fine as on the screen. */
export async function savePicture(region: Element, what: string): Promise<void> {
  const drawn = region.querySelector<SVGSVGElement>(".chart svg");
  if (!drawn) return;
  const { width, height } = drawn.getBoundingClientRect();
  const copy = drawn.cloneNode(true) as SVGSVGElement;
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  const picture = new Image();
  picture.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(copy))}`;
  await picture.decode();
  const canvas = Object.assign(document.createElement("canvas"), { width: width * 2, height: height * 2 });
  const brush = canvas.getContext("2d");
  if (!brush) return;
  brush.fillStyle = coloursOf(region).card;
  brush.fillRect(0, 0, canvas.width, canvas.height);
  brush.drawImage(picture, 0, 0, canvas.width, canvas.height);
  canvas.toBlob((blob) => blob && save(fileName(what, "png"), blob));
}
