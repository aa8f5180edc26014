// An answer of the API as a component sees it: on its way, there, or refused; the last good one stays while a newer is fetched.

import { useCallback, useEffect, useRef, useState } from "react";

export interface Answer<T> {
  value?: T;
  fault?: unknown;
  /** Something is on its way. */
  isAsking: boolean;
  /** It has been for more than half a second. */
  isSlow: boolean;
  /** Milliseconds from the question to the answer. */
  took?: number;
  again: () => void;
  /** Gives up what is on its way; what was there stays. */
  cancel: () => void;
  /** It was given up. */
  isCancelled?: boolean;
}

/** Asks whenever `key` changes; what was asked before is then given up. `undefined`: nothing is asked. */
export function useAnswer<T>(key: string | undefined, ask: (signal: AbortSignal) => Promise<T>): Answer<T> {
  const [state, setState] = useState<Omit<Answer<T>, "again" | "cancel">>({ isAsking: key !== undefined, isSlow: false });
  const [turn, setTurn] = useState(0);
  const latest = useRef(ask);
  const giving = useRef<AbortController>(undefined);
  latest.current = ask;
  useEffect(() => {
    if (key === undefined) return setState({ isAsking: false, isSlow: false });
    const giveUp = new AbortController();
    giving.current = giveUp;
    const begun = performance.now();
    setState((before) => ({ ...before, isAsking: true, isSlow: false, isCancelled: false }));
    const slow = setTimeout(() => giveUp.signal.aborted || setState((before) => ({ ...before, isSlow: true })), 500);
    latest.current(giveUp.signal).then(
      (value) => giveUp.signal.aborted || setState({ value, isAsking: false, isSlow: false, took: performance.now() - begun }),
      (fault) => giveUp.signal.aborted || setState((before) => ({ ...before, fault, value: undefined, isAsking: false, isSlow: false })),
    ).finally(() => clearTimeout(slow));
    return () => {
      clearTimeout(slow);
      giveUp.abort();
    };
  }, [key, turn]);
  const cancel = useCallback(() => {
    giving.current?.abort();
    setState((before) => (before.isAsking ? { ...before, isAsking: false, isSlow: false, isCancelled: true } : before));
  }, []);
  return { ...state, again: useCallback(() => setTurn((turn) => turn + 1), []), cancel };
}
