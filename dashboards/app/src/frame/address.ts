// The address bar: where one is, and how one gets elsewhere without loading the page anew.

import { useCallback, useMemo, useSyncExternalStore } from "react";

const listeners = new Set<() => void>();
const tell = () => listeners.forEach((listener) => listener());

const subscribe = (listener: () => void) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};
const here = () => location.pathname + location.search;

let visit = 0;
let last = here();
// Going to a part of the page, which stands behind the `#`, is no visit.
addEventListener("popstate", () => {
  if (here() !== last) visit++;
  last = here();
  tell();
});

/** Counts up whenever one gets to another address, also one of the same page, and not when a page writes its own state there. */
export const visits = (): number => visit;
export const useVisit = (): number => useSyncExternalStore(subscribe, visits);

/** Path and query of this moment. */
export function useAddress(): { path: string; query: URLSearchParams } {
  const address = useSyncExternalStore(subscribe, here);
  return useMemo(() => {
    const { pathname, searchParams } = new URL(address, location.origin);
    return { path: pathname, query: searchParams };
  }, [address]);
}

export function go(address: string, { replaces = false } = {}): void {
  if (address === here()) return;
  if (replaces) history.replaceState(null, "", address);
  else {
    history.pushState(null, "", address);
    visit++;
  }
  last = here();
  tell();
}

/** The names that a path of the application is made of, decoded; what is written wrongly stays as it is. */
export const partsOf = (path: string): string[] => path.replace(/^\/app\/?/, "").split("/").filter(Boolean).map(decoded);

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** Sets or, where they are empty, removes texts of the query in place; the others stay. */
export function inAddress(parts: Record<string, string | undefined>): void {
  const query = new URLSearchParams(location.search);
  for (const [name, text] of Object.entries(parts)) {
    if (text) query.set(name, text);
    else query.delete(name);
  }
  const text = query.toString();
  go(location.pathname + (text ? `?${text}` : ""), { replaces: true });
}

/** A text kept in the query; nothing leaves no trace there. */
export function useText(name: string): [string, (text: string) => void] {
  const { query } = useAddress();
  return [query.get(name) ?? "", useCallback((text: string) => inAddress({ [name]: text }), [name])];
}

/** A value kept in the query as JSON; the default leaves no trace there. */
export function useInAddress<T>(name: string, read: (value: unknown) => T): [T, (value: T) => void] {
  const { path, query } = useAddress();
  const text = query.get(name);
  const value = useMemo(() => read(parsed(text)), [text, read]);
  const set = useCallback((value: T) => {
    const query = new URLSearchParams(location.search);
    query.set(name, JSON.stringify(value));
    go(`${path}?${query}`, { replaces: true });
  }, [name, path]);
  return [value, set];
}

export function parsed(text: string | null): unknown {
  if (text === null) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
