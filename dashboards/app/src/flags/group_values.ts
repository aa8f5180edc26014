// The values of a saved group as a text, one a line, and back: what nobody touched stays what it is, a number or a text.

/** As people change it. */
export const textOf = (values: unknown[]) => values.join("\n");

/** Each once. Commas divide as lines do, but where a value that is there has one. */
export function valuesOf(text: string, before: unknown[] = [], isNumber = false): unknown[] {
  const known = new Map(before.map((value) => [String(value).trim(), value]));
  const hasCommas = [...known.keys()].some((one) => one.includes(","));
  const typed = new Set(text.split(hasCommas ? "\n" : /[\n,]/).map((value) => value.trim()).filter(Boolean));
  return [...typed].map((one) => (known.has(one) ? known.get(one) : isNumber && Number.isFinite(Number(one)) ? Number(one) : one));
}
