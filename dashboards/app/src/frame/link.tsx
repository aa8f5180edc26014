// A link of ours: a real one, that changes the page in place on a plain click.

import type { AnchorHTMLAttributes, MouseEvent } from "react";
import { go } from "./address";

export function Link({ href, ...rest }: AnchorHTMLAttributes<HTMLAnchorElement> & { href: string }) {
  const follow = (event: MouseEvent) => {
    if (event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey || !href.startsWith("/app")) return;
    event.preventDefault();
    go(href);
  };
  return <a {...rest} href={href} onClick={follow} />;
}
