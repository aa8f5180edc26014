// Violations in words, and schemas from what was seen.

const SAID: Record<string, string> = {
  type: "has the wrong type", required: "is missing", additionalProperties: "is not in the plan", enum: "is not one of the allowed values", const: "has the wrong value", minimum: "is too small", exclusiveMinimum: "is too small", maximum: "is too large", exclusiveMaximum: "is too large",
  minLength: "is too short", maxLength: "is too long", pattern: "has the wrong format", format: "has the wrong format", minItems: "has too few items", maxItems: "has too many items", minProperties: "has too few members", maxProperties: "has too many members",
};

/** In words, without a value. */
export function told({ kind, path }: { kind: string; path: string }): string {
  if (kind === "unplanned") return "it is not in the plan";
  if (kind === "not_checked") return "it would take too long to check";
  const name = path === "…" ? "others" : path.slice(1).replaceAll("/", ".").replaceAll(".*", "[]").replaceAll("~1", "/").replaceAll("~0", "~") || "it";
  return `${name} ${SAID[kind] ?? `does not fit (${kind})`}`;
}

export interface SeenProperty {
  name: string;
  times: number;
  numbers: number;
  flags: number;
  nested: number;
}

/** A schema that what was seen fits: what every activity carried is required. */
export function schemaOf(seen: SeenProperty[], activities: number): Record<string, unknown> {
  const typeOf = ({ times, numbers, flags, nested }: SeenProperty) => (nested ? {} : numbers === times ? { type: "number" } : flags === times ? { type: "boolean" } : numbers + flags > 0 ? {} : { type: "string" });
  const own = seen.filter(({ name }) => !name.startsWith("$"));
  const required = own.filter(({ times }) => times >= activities).map(({ name }) => name).sort();
  return { type: "object", ...(required.length && { required }), properties: Object.fromEntries(own.map((one) => [one.name, typeOf(one)])) };
}
