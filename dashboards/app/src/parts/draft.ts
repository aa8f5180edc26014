// What was typed and not saved, kept in this browser for the account that typed it, until it is saved or thrown away.

import { useEffect, useMemo, useRef, useState } from "react";

export interface Draft<T> {
  value: T;
  /** When it was typed last. */
  at: number;
  /** The revision that it changes. */
  base?: string;
}

const PREFIX = "footfall.draft.";
const DAYS_MAX = 30;
const KEPT_MAX = 50;
const LETTERS_MAX = 300_000;

/** Whoever signs in next in this browser does not see it. */
export const placeOf = ({ account, id }: { account: string; id: string }, name: string) => `${PREFIX}${account}.${id}.${name}`;

type Store = Pick<Storage, "getItem" | "setItem" | "removeItem" | "key" | "length">;
const store = (): Store | undefined => {
  try {
    return localStorage;
  } catch {
    return undefined;
  }
};

export function readDraft<T>(place: string, from = store()): Draft<T> | undefined {
  try {
    const kept: unknown = JSON.parse(from?.getItem(place) ?? "null");
    const isDraft = typeof kept === "object" && kept !== null && "value" in kept && "at" in kept && typeof kept.at === "number";
    return isDraft ? (kept as Draft<T>) : undefined;
  } catch {
    return undefined;
  }
}

export function writeDraft<T>(place: string, draft: Draft<T>, to = store()): void {
  const text = JSON.stringify(draft);
  if (!to || text.length > LETTERS_MAX) return;
  try {
    tidy(draft.at, to);
    to.setItem(place, text);
  } catch {
    // The browser keeps nothing: the draft lasts as long as the page.
  }
}

export function dropDraft(place: string, from = store()): void {
  from?.removeItem(place);
}

/** Old drafts go, and the oldest of too many. */
function tidy(now: number, of: Store): void {
  const places = Array.from({ length: of.length }, (_, index) => of.key(index) ?? "").filter((place) => place.startsWith(PREFIX));
  const known = places.map((place) => ({ place, at: readDraft(place, of)?.at ?? 0 })).sort((a, b) => b.at - a.at);
  known.filter(({ at }, index) => index >= KEPT_MAX - 1 || now - at > DAYS_MAX * 86_400_000).forEach(({ place }) => of.removeItem(place));
}

export interface Unsaved<T> {
  /** What was left here before, and not decided about yet. */
  found?: Draft<T>;
  /** It is of another revision than the one that is saved now. */
  isOlder: boolean;
  bringBack: () => void;
  throwAway: () => void;
  /** It is saved: nothing is kept any more. */
  drop: () => void;
}

/** Keeps `now` while it is not what is `saved`; offers what was left before. */
export function useDraft<T>(of: { account: string; id: string }, name: string, { now, saved, base, restore, isOff }: { now: T; saved: T; base?: string; restore: (value: T) => void; isOff?: boolean }): Unsaved<T> {
  const place = placeOf(of, name);
  const text = JSON.stringify(now);
  const savedText = JSON.stringify(saved);
  const [left, setLeft] = useState<{ place: string; draft?: Draft<T> }>({ place: "" });
  const wrote = useRef("");
  useEffect(() => {
    if (!isOff) setLeft({ place, draft: readDraft<T>(place) });
  }, [place, isOff]);
  useEffect(() => {
    if (isOff) return;
    if (text !== savedText) {
      // What is offered and was brought back is the same draft.
      if (readDraft(place) === undefined || JSON.stringify(readDraft<T>(place)?.value) !== text) writeDraft(place, { value: now, at: Date.now(), ...(base && { base }) });
      wrote.current = place;
    } else if (wrote.current === place) {
      dropDraft(place);
      wrote.current = "";
    }
  }, [place, text, savedText, isOff]);
  const found = useMemo(() => {
    const draft = left.place === place ? left.draft : undefined;
    const letters = draft && JSON.stringify(draft.value);
    return letters === undefined || letters === savedText || letters === text ? undefined : draft;
  }, [left, place, savedText, text]);
  const forget = () => setLeft({ place });
  return {
    found: isOff ? undefined : found,
    isOlder: found?.base !== undefined && base !== undefined && found.base !== base,
    bringBack: () => {
      if (found) restore(found.value);
      forget();
    },
    throwAway: () => {
      if (wrote.current !== place) dropDraft(place);
      forget();
    },
    drop: () => {
      dropDraft(place);
      wrote.current = "";
      forget();
    },
  };
}
