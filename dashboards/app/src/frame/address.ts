// The address bar: where one is, and how one gets elsewhere without loading the page anew.

import { useCallback, useMemo, useSyncExternalStore } from "react";

const listeners = new Set<() => void>();
const tell = () => listeners.forEach((listener) => listener());
addEventListener("popstate", tell);

const subscribe = (listener: () => void) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};
const here = () => location.pathname + location.search;

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
  else history.pushState(null, "", address);
  tell();
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
