// Conditions as rows that people choose, and as GrowthBook's language writes them. What rows cannot say stays JSON.

export const TESTS = [
  ["$eq", "is"], ["$ne", "is not"], ["$in", "is one of"], ["$nin", "is none of"], ["$gt", "is above"], ["$gte", "is at least"], ["$lt", "is below"], ["$lte", "is at most"],
  ["$vgte", "is at least version"], ["$vlt", "is below version"], ["$regex", "matches"], ["exists", "is known"], ["absent", "is not known"], ["$inGroup", "is in the saved group"], ["$notInGroup", "is not in the saved group"],
] as const;
export type Test = (typeof TESTS)[number][0];
export interface Row {
  attribute: string;
  test: Test;
  value: string;
}
export type Types = Record<string, string>;

const LISTS = new Set<Test>(["$in", "$nin"]);
const TEXTS = new Set<Test>(["$regex", "$vgte", "$vlt", "$inGroup", "$notInGroup"]);
export const hasNoValue = (test: Test) => test === "exists" || test === "absent";
const KNOWN = new Set<string>(TESTS.map(([test]) => test));

const written = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value));

/** Rows of which all have to hold; undefined where rows cannot say it. */
export function rowsOf(condition: unknown): Row[] | undefined {
  if (condition === null || condition === undefined) return [];
  if (typeof condition !== "object" || Array.isArray(condition)) return undefined;
  const rows: Row[] = [];
  for (const [name, wanted] of Object.entries(condition)) {
    if (name === "$and" && Array.isArray(wanted)) {
      for (const part of wanted) {
        const inner = rowsOf(part);
        if (!inner) return undefined;
        rows.push(...inner);
      }
    } else if (name.startsWith("$")) {
      return undefined;
    } else {
      const own = ofAttribute(name, wanted);
      if (!own) return undefined;
      rows.push(...own);
    }
  }
  return rows;
}

function ofAttribute(attribute: string, wanted: unknown): Row[] | undefined {
  if (typeof wanted !== "object" || wanted === null) return wanted === null ? undefined : [{ attribute, test: "$eq", value: written(wanted) }];
  if (Array.isArray(wanted)) return undefined;
  const rows = Object.entries(wanted).map(([test, operand]): Row | undefined => {
    if (test === "$exists") return { attribute, test: operand ? "exists" : "absent", value: "" };
    if (!KNOWN.has(test) || (typeof operand === "object" && !Array.isArray(operand))) return undefined;
    return { attribute, test: test as Test, value: Array.isArray(operand) ? operand.map(written).join(", ") : written(operand) };
  });
  return rows.length > 0 && rows.every((row) => row !== undefined) ? rows : undefined;
}

/** A text as the attribute's type has it. */
function valueOf(text: string, type: string | undefined): unknown {
  const trimmed = text.trim();
  if ((type === "number" || type === "number_list") && trimmed !== "" && Number.isFinite(Number(trimmed))) return Number(trimmed);
  // What is neither stays a text, and is refused: it is not the same as false.
  if (type === "boolean" && (trimmed === "true" || trimmed === "false")) return trimmed === "true";
  return trimmed;
}

function operandOf({ attribute, test, value }: Row, types: Types): unknown {
  if (LISTS.has(test)) return value.split(",").map((one) => valueOf(one, types[attribute])).filter((one) => one !== "");
  return TEXTS.has(test) ? value.trim() : valueOf(value, types[attribute]);
}

/** What a row lacks to say anything, or what can never be. */
export function lackOf({ attribute, test, value }: Row, types: Types): string | undefined {
  if (!attribute) return "Choose an attribute: without one this row says nothing, and is not saved.";
  if (hasNoValue(test)) return undefined;
  if (!value.trim()) return "Say which value.";
  const [type, parts] = [types[attribute], LISTS.has(test) ? value.split(",") : [value]];
  if (TEXTS.has(test)) return undefined;
  if (type === "boolean" && parts.some((part) => !["true", "false"].includes(part.trim()))) return "It is true or false.";
  return type === "number" && parts.some((part) => !Number.isFinite(Number(part))) ? "Say a number." : undefined;
}

/** The condition of rows; null for everybody. Rows without an attribute say nothing. */
export function conditionOf(rows: Row[], types: Types): unknown {
  const parts = rows.filter(({ attribute }) => attribute).map((row): [string, unknown] => {
    const wanted = row.test === "exists" ? { $exists: true } : row.test === "absent" ? { $exists: false } : row.test === "$eq" ? operandOf(row, types) : { [row.test]: operandOf(row, types) };
    return [row.attribute, wanted];
  });
  if (parts.length === 0) return null;
  const isDistinct = new Set(parts.map(([name]) => name)).size === parts.length;
  return isDistinct ? Object.fromEntries(parts) : { $and: parts.map(([name, wanted]) => ({ [name]: wanted })) };
}

/** A condition in words, for lists. */
export function inWords(condition: unknown): string {
  const rows = rowsOf(condition);
  if (!rows) return JSON.stringify(condition);
  if (rows.length === 0) return "everybody";
  return rows.map(({ attribute, test, value }) => `${attribute} ${TESTS.find(([key]) => key === test)?.[1] ?? test}${hasNoValue(test) ? "" : ` ${value}`}`).join(" and ");
}
