// The view of the map, which the address tells once the map has come to rest.

import { useEffect, useState } from "react";
import { inAddress } from "../frame/address";
import { viewOf, written, type View } from "./view";

const REST_MS = 300;

export function useView(text: string | null): [View, (view: View) => void] {
  const [view, setView] = useState(() => viewOf(text));
  useEffect(() => {
    const rest = setTimeout(() => inAddress({ view: written(view) }), REST_MS);
    return () => clearTimeout(rest);
  }, [view]);
  return [view, setView];
}
