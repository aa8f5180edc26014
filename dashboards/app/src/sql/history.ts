// The questions that an account asked in this browser, the newest first.

const KEPT_MAX = 50;
const keyOf = ({ account, id }: Of) => `footfall.sql.${account}.${id}`;
interface Of {
  /** Whoever signs in next in this browser does not see them. */
  account: string;
  id: string;
}

export function asked(project: Of): string[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(keyOf(project)) ?? "[]");
    return Array.isArray(kept) ? kept.filter((one) => typeof one === "string") : [];
  } catch {
    return [];
  }
}

export function keep(project: Of, sql: string): string[] {
  const kept = [sql, ...asked(project).filter((one) => one !== sql)].slice(0, KEPT_MAX);
  try {
    localStorage.setItem(keyOf(project), JSON.stringify(kept));
  } catch {
    // The browser keeps nothing: the list lasts as long as the page.
  }
  return kept;
}
