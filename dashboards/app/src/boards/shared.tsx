// A dashboard that was given away, by a link (/shared#secret) or in a frame (/embedded/…#token): its title and its tiles, nothing else.

import { useCallback, useEffect, useMemo, useRef, useState, type FormEvent } from "react";
import { Refused } from "../api/client";
import { Empty, Failure, Loading } from "../parts/states";
import { asViewer } from "./calls";
import { Variables } from "./controls";
import { Tiles } from "./grid";
import { valuesIn, type Board, type Tile as TileOf, type TileAnswer, type Value } from "./model";
import { Tile, type Asker } from "./tile";

interface Opened {
  dashboard: Board;
  token: string;
  expires_at: string;
}

const inFrame = location.pathname.startsWith("/embedded/");

export function Shared() {
  const [opened, setOpened] = useState<Opened>();
  const [fault, setFault] = useState<unknown>();
  const [needsPassword, setNeedsPassword] = useState(false);
  const [password, setPassword] = useState("");
  const secret = location.hash.slice(1);
  /** True where it may work a little later. */
  const open = useCallback((given?: string, fresh?: string): Promise<boolean> => {
    setFault(undefined);
    return asViewer<Opened>("/v1/shared/dashboards", inFrame ? { token: fresh ?? secret } : { secret, ...(given && { password: given }) }).then((found) => (setOpened(found), false), (fault) => {
      if (fault instanceof Refused && fault.code === "share_password_needed") setNeedsPassword(true);
      else setFault(fault);
      return isOfNow(fault);
    });
  }, [secret]);
  useEffect(() => void open(), [open]);
  useEffect(() => {
    document.title = opened ? `${opened.dashboard.title} · Footfall` : "Footfall";
    const again = () => (setOpened(undefined), location.reload());
    addEventListener("hashchange", again);
    return () => removeEventListener("hashchange", again);
  }, [opened]);
  const submit = (event: FormEvent) => (event.preventDefault(), void open(password));
  return (
    <main id="main" className={`shared${inFrame ? " framed" : ""}`}>
      {opened ? <Viewed opened={opened} renew={() => open(password || undefined)} renewWith={(token) => void open(undefined, token)} /> : needsPassword ? (
        <section className="card nothing">
          <h1>This dashboard is protected by a password</h1>
          <form className="stack" onSubmit={submit}>
            <label className="field"><span>Password</span><input type="password" autoComplete="off" required value={password} onChange={(event) => setPassword(event.target.value)} /></label>
            {fault ? <Failure fault={fault} /> : null}
            <div className="line"><button type="submit" className="primary">Open</button></div>
          </form>
        </section>
      ) : fault ? <section className="card nothing"><h1>This link shows nothing</h1><Failure fault={fault} again={() => void open()} /><p className="soft">It may have expired. Ask whoever gave it to you for a new one.</p></section> : <Loading what="the dashboard" />}
    </main>
  );
}

/** What a frame and the page that holds it say to each other: only pages of the origins that the embedding names can hold it. */
const NEEDED = "footfall.token_needed";
const GIVEN = "footfall.token";

/** Asks whoever holds the frame for a new token, in time; true once the old one has ended without one. */
function useToken({ token, expires_at }: Opened, renewWith: (token: string) => void): boolean {
  const [hasEnded, setEnded] = useState(false);
  useEffect(() => {
    if (!inFrame) return;
    setEnded(false);
    const left = Date.parse(expires_at) - Date.now();
    const ask = () => parent.postMessage({ type: NEEDED, expires_at }, "*");
    const asking = setTimeout(ask, Math.max(0, Math.min(left - 60_000, TIMER_MAX_MS)));
    const ending = setTimeout(() => (ask(), setEnded(true)), Math.min(left, TIMER_MAX_MS));
    const hear = ({ source, data }: MessageEvent) => {
      const told = (typeof data === "object" && data !== null ? data : {}) as { type?: unknown; token?: unknown };
      if (source === parent && told.type === GIVEN && typeof told.token === "string" && told.token !== token) renewWith(told.token);
    };
    addEventListener("message", hear);
    return () => (clearTimeout(asking), clearTimeout(ending), removeEventListener("message", hear));
  }, [token, expires_at]);
  return hasEnded;
}
/** Timers that are longer end at once. */
const TIMER_MAX_MS = 2_000_000_000;

/** The link may be as good as before: the server, or the way to it, was not. */
const isOfNow = (fault: unknown) => !(fault instanceof Refused) || fault.status === 0 || fault.status === 429 || fault.status >= 500;
const RENEW_AGAIN_MS = 30_000;

function Viewed({ opened, renew, renewWith }: { opened: Opened; renew: () => Promise<boolean>; renewWith: (token: string) => void }) {
  const { dashboard, token } = opened;
  const hasEnded = useToken(opened, renewWith);
  const [values, setValues] = useState<Record<string, Value>>({});
  const [turn, setTurn] = useState(0);
  const latest = useRef(token);
  latest.current = token;
  useEffect(() => {
    const seconds = dashboard.refresh_seconds;
    const beat = seconds && !hasEnded ? setInterval(() => document.visibilityState === "visible" && setTurn((turn) => turn + 1), seconds * 1000) : undefined;
    // A link's token is asked for anew before it ends, and again while nobody answers: nobody loads a screen on a wall anew. A frame's
    // comes from whoever holds the frame.
    let isGone = false;
    let end: ReturnType<typeof setTimeout> | undefined;
    const renewed = () => void renew().then((isLater) => {
      if (isLater && !isGone) end = setTimeout(renewed, RENEW_AGAIN_MS);
    });
    if (!inFrame) end = setTimeout(renewed, Math.max(60_000, Date.parse(opened.expires_at) - Date.now() - 60_000));
    return () => ((isGone = true), clearInterval(beat), clearTimeout(end));
  }, [dashboard.refresh_seconds, opened.expires_at, hasEnded]);
  const variables = dashboard.variables ?? [];
  const valuesKey = JSON.stringify(valuesIn(variables, values));
  const asker: Asker = useMemo(() => ({
    key: valuesKey, zone: dashboard.zone,
    ask: (tile, signal) => asViewer<TileAnswer>("/v1/shared/answers", { token: latest.current, tile, variables: JSON.parse(valuesKey) }, signal),
  }), [valuesKey, dashboard.zone]);
  const content = useCallback((tile: TileOf) => <Tile tile={tile} asker={asker} turn={turn} />, [asker, turn]);
  return (
    <>
      <header className="page-head">
        <div><h1 tabIndex={-1}>{dashboard.title}</h1>{dashboard.description && <p className="soft">{dashboard.description}</p>}</div>
        <span className="soft small">{dashboard.days === 1 ? "today" : `the last ${dashboard.days} days`}</span>
      </header>
      {hasEnded && <p className="notice" role="status">This view has expired, and is no longer updated. Reload the page that embeds it.</p>}
      {variables.length > 0 && <div className="line board-controls" role="group" aria-label="Variables"><Variables variables={variables} values={values} set={(name, value) => setValues({ ...values, [name]: value })} /></div>}
      {dashboard.tiles.length === 0 && <Empty>There is nothing on this dashboard yet.</Empty>}
      <Tiles tiles={dashboard.tiles} content={content} />
    </>
  );
}
