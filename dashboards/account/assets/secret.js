// The secret of a link. It stands behind the `#`, so that no server sees it, and leaves the address as soon as it was read: no
// history, bookmark or shared screen keeps it.

let kept;

export function secretOfLink() {
  if (location.hash.length > 1) {
    kept = { path: location.pathname, secret: location.hash.slice(1) };
    history.replaceState(history.state, "", location.pathname + location.search);
  }
  return kept?.path === location.pathname ? kept.secret : undefined;
}
