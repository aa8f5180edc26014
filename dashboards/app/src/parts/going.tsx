// A button that leaves the page with what it was for: the focus that it has goes to the heading above it, and is not lost.

import { useLayoutEffect, useRef, type ButtonHTMLAttributes } from "react";
import { toHeadingOf } from "./focus";

export function GoingButton(given: ButtonHTMLAttributes<HTMLButtonElement>) {
  const button = useRef<HTMLButtonElement>(null);
  useLayoutEffect(() => {
    const own = button.current;
    return () => {
      if (own && document.activeElement === own) toHeadingOf(own);
    };
  }, []);
  return <button {...given} ref={button} type="button" />;
}
