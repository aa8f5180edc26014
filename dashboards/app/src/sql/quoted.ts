// Texts in SQL that cannot be bound.

/** A text as SQL writes it, for names that cannot be bound. */
export const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`;

/** Parts of a statement in which `$name` is no parameter, then parameters. */
const PARTS = /'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[\s\S]*?\*\/|\$([A-Za-z_]\w*)/g;

/** A statement for a file, with values where it names parameters: it runs as it stands. Pages ask with bound values. */
export function withValues(sql: string, values: Record<string, unknown>): string {
  return sql.replace(PARTS, (part, name?: string) => (name === undefined || !(name in values) ? part : written(values[name])));
}

function written(value: unknown): string {
  if (value === null || value === undefined) return "NULL";
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  return quoted(typeof value === "string" ? value : JSON.stringify(value));
}
