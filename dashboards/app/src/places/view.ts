// Where the map is looked at, and the address that says so.

export interface View {
  center: [number, number];
  zoom: number;
}
export const WHOLE: View = { center: [10, 20], zoom: 1 };
const ZOOM_MAX = 600;

export const clamp = (value: number, least: number, most: number) => Math.max(least, Math.min(most, value));
export const zoomed = ({ center, zoom }: View, by: number): View => ({ center, zoom: clamp(zoom * by, 1, ZOOM_MAX) });
/** Nearer or further by a turn of the wheel, in pixels; undefined where the map goes no further: the page may scroll then. */
export function wheeled(view: View, pixels: number): View | undefined {
  const next = zoomed(view, Math.exp(clamp(-pixels / 400, -0.25, 0.25)));
  return next.zoom === view.zoom ? undefined : next;
}
export const wrapped = (longitude: number) => (Math.abs(longitude) <= 180 ? longitude : ((((longitude + 180) % 360) + 360) % 360) - 180);

/** Latitude, longitude and zoom; nothing for the whole world. */
export const written = (view: View) => (view === WHOLE ? "" : `${view.center[1].toFixed(3)},${view.center[0].toFixed(3)},${view.zoom.toFixed(2)}`);

export function viewOf(text: string | null): View {
  const [latitude, longitude, zoom] = (text ?? "").split(",").map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
  if (![latitude, longitude, zoom].every(Number.isFinite)) return WHOLE;
  return { center: [wrapped(longitude ?? 0), clamp(latitude ?? 0, -80, 80)], zoom: clamp(zoom ?? 1, 1, ZOOM_MAX) };
}
