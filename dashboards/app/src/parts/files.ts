// Files that people take along: what is shown as CSV, and whatever the server writes.

/** RFC 4180; a text that a spreadsheet would run as a formula is kept a text. */
export function csv(head: string[], rows: (string | number | null | undefined)[][]): string {
  const cell = (value: string | number | null | undefined) => {
    if (value === null || value === undefined) return "";
    const text = typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
    return /[",\r\n]/.test(text) || text === "" ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [head, ...rows].map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
}

/** Fields of CSV that the server wrote, with what ends each: bare, or within quotes. */
const FIELD = /("(?:[^"]|"")*"|[^",\r\n]*)(,|\r?\n|$)/g;

/** The same lines as a spreadsheet may open them: a text that it would run as a formula is kept a text, a number stays one. */
export const guarded = (text: string): string => text.replace(FIELD, (whole, field: string, end: string) => {
  const bare = field.startsWith('"') ? field.slice(1, -1) : field;
  if (!/^[=+\-@\t\r]/.test(bare) || Number.isFinite(Number(bare))) return whole;
  return field.startsWith('"') ? `"'${bare}"${end}` : `'${bare}${end}`;
});

export function save(name: string, content: Blob | string, type = "text/csv;charset=utf-8"): void {
  const url = URL.createObjectURL(typeof content === "string" ? new Blob([content], { type }) : content);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** A name for files that says what and when. */
export const fileName = (what: string, ending: string) => `${what.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "")}-${new Date().toISOString().slice(0, 10)}.${ending}`;
