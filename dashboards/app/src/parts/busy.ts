// What has been begun and is on its way: pressed twice, it is begun once.

import { useRef, useState } from "react";

/** One thing at a time; whatever is begun meanwhile is left out. */
export function once(begins: (isBusy: boolean) => void): (act: () => Promise<unknown>) => void {
  let isBusy = false;
  const turn = (busy: boolean) => begins((isBusy = busy));
  return (act) => {
    if (isBusy) return;
    turn(true);
    void act().catch(() => undefined).finally(() => turn(false));
  };
}

/** Whether something is on its way, and the way to begin it. Buttons are not disabled by it: they would lose the focus. */
export function useBusy(): [boolean, (act: () => Promise<unknown>) => void] {
  const [isBusy, setBusy] = useState(false);
  const begin = useRef<ReturnType<typeof once>>(undefined);
  begin.current ??= once(setBusy);
  return [isBusy, begin.current];
}
