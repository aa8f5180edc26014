// One dashboard: looked at, edited, shared, taken along.

import { Fragment, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useAnswer } from "../api/answer";
import { go, useAddress, useInAddress } from "../frame/address";
import { Link } from "../frame/link";
import { placeOf, useProject } from "../frame/project";
import { ActDialog } from "../parts/act";
import { Select } from "../parts/choice";
import { useDraft } from "../parts/draft";
import { save as saveFile } from "../parts/files";
import { useUndo } from "../parts/remove";
import { Empty, Failure, Loading, PageHead } from "../parts/states";
import { UnsavedNotice } from "../parts/unsaved";
import { Annotations } from "./annotations";
import * as calls from "./calls";
import { DAYS, Variables } from "./controls";
import { Editor } from "./editor";
import { FileDialog } from "./file";
import { Tiles } from "./grid";
import { bottom, defaultsOf, valuesIn, type Board, type Tile as TileOf, type Value } from "./model";
import { Settings } from "./settings";
import { ShareDialog } from "./share";
import { PeopleBehind, type Behind } from "../insights/behind";
import { useHappened } from "../insights/happened";
import { rowsBehind } from "../sql/rows_behind";
import type { Shown } from "./shown";
import { statementOf } from "./statement";
import { Tile, type Asker } from "./tile";

export function BoardPage({ name }: { name: string }) {
  const project = useProject().id;
  const found = useAnswer(`${project} ${name}`, () => calls.load(project, name));
  const [changed, setChanged] = useState<Awaited<ReturnType<typeof calls.load>>>();
  const loaded = changed ?? found.value;
  if (found.fault) return <><PageHead title="Dashboard" /><Failure fault={found.fault} again={found.again} /></>;
  if (!loaded) return <><PageHead title="Dashboard" /><Loading what="the dashboard" /></>;
  return <Loaded name={name} loaded={loaded} change={setChanged} reload={() => (setChanged(undefined), found.again())} />;
}

const readNothing = (value: unknown) => value;

/** Counts up: every so many seconds while somebody looks, and when it is called. */
function useTurns(seconds: number | null | undefined): [number, () => void] {
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    if (!seconds) return;
    const beat = setInterval(() => document.visibilityState === "visible" && setTurn((turn) => turn + 1), seconds * 1000);
    return () => clearInterval(beat);
  }, [seconds]);
  return [turn, useCallback(() => setTurn((turn) => turn + 1), [])];
}

/** Nothing but the tiles, until Escape. */
function useTv(): [boolean, (on: boolean) => void] {
  const { path, query } = useAddress();
  const isOn = query.get("tv") === "1";
  const turn = useCallback((on: boolean) => {
    const next = new URLSearchParams(location.search);
    if (on) next.set("tv", "1");
    else next.delete("tv");
    go(`${path}?${next}`, { replaces: true });
    if (on) void document.documentElement.requestFullscreen?.().catch(() => undefined);
    else if (document.fullscreenElement) void document.exitFullscreen();
  }, [path]);
  useEffect(() => {
    document.documentElement.toggleAttribute("data-tv", isOn);
    const leave = (event: KeyboardEvent) => event.key === "Escape" && turn(false);
    // Browsers take the Escape that ends the full screen for themselves.
    const shrink = () => document.fullscreenElement || turn(false);
    if (isOn) {
      addEventListener("keydown", leave);
      document.addEventListener("fullscreenchange", shrink);
    }
    return () => {
      removeEventListener("keydown", leave);
      document.removeEventListener("fullscreenchange", shrink);
      document.documentElement.removeAttribute("data-tv");
    };
  }, [isOn, turn]);
  return [isOn, turn];
}

/** Opens the rows behind a row of a statement's answer, or the statement where each row is one already; says why where that cannot be. */
async function toRows(project: string, sql: string | undefined, row: (string | number | null)[]): Promise<string | undefined> {
  if (sql === undefined) return undefined;
  const found = rowsBehind(sql.trim(), row);
  if (found && "why" in found) return found.why;
  go(placeOf(project, "sql", { sql: found?.sql ?? sql.trim() }));
  return undefined;
}

type LoadedOf = Awaited<ReturnType<typeof calls.load>>;

function Loaded({ name, loaded, change, reload }: { name: string; loaded: LoadedOf; change: (loaded: LoadedOf) => void; reload: () => void }) {
  const project = useProject();
  const { kept, tag } = loaded;
  const [draft, setDraft] = useState<Board>();
  const [open, setOpen] = useState<"share" | "file" | "settings" | "annotations" | { tile?: TileOf }>();
  const [fault, setFault] = useState<unknown>();
  const [given, setGiven] = useInAddress("v", readNothing);
  const [days, setDays] = useInAddress("days", readNothing);
  const [isTv, setTv] = useTv();
  const board = draft ?? kept.dashboard;
  const values = valuesIn(board.variables, given);
  const span = typeof days === "number" && days >= 1 ? days : undefined;
  const [turn, refresh] = useTurns(draft ? undefined : board.refresh_seconds);
  const valuesKey = JSON.stringify(values);
  const [behind, setBehind] = useState<Behind>();
  const { value: happened, again: happenedAgain } = useHappened(true);
  const statement = (tile: TileOf, shown: Shown) => statementOf(project.id, tile, shown, { ...defaultsOf(board.variables), ...values }, { days: span ?? board.days, zone: board.zone, isChosen: span !== undefined });
  const asker: Asker = useMemo(() => ({
    key: `${project.id} ${name} ${tag} ${valuesKey} ${span}`,
    // The answers are of what is saved, whatever is changed meanwhile.
    zone: kept.dashboard.zone,
    ask: (tile, ...heard) => calls.askTile(project.id, name, { tile, variables: JSON.parse(valuesKey) as Record<string, Value>, ...(span && { days: span }) }, ...heard),
    project, happened, show: project.permissions.has("insights.read") ? (behind) => behind && setBehind(behind) : undefined, sql: statement, rows: project.permissions.has("sql.run") ? (tile, shown, row) => statement(tile, shown).then((sql) => toRows(project.id, sql, row)) : undefined,
  }), [project.id, name, tag, valuesKey, span, kept, board.zone, board.days, happened]);
  const mayWrite = project.permissions.has("dashboards.write");
  const unsaved = useDraft(project, `dashboard ${name}`, { now: board, saved: kept.dashboard, base: tag, restore: setDraft, isOff: !mayWrite });
  const undo = useUndo();
  const [isGoing, setGoing] = useState(false);
  const keep = (body: { dashboard: Board } | { text: string }) =>
    calls.save(project.id, name, tag, body).then((saved) => (unsaved.drop(), undo.forget(), change(saved), setDraft(undefined), setFault(undefined), setOpen(undefined)));
  const giveUp = () => {
    unsaved.drop();
    if (draft && draft !== kept.dashboard) undo.offer("What you had changed", () => setDraft(draft));
    else undo.forget();
    setDraft(undefined);
    setFault(undefined);
  };
  // What began or ended it has gone with it, and the focus must not.
  const mode = `${isTv} ${draft !== undefined}`;
  const before = useRef(mode);
  useEffect(() => {
    if (before.current !== mode && document.activeElement === document.body) document.querySelector<HTMLElement>("main h1")?.focus();
    before.current = mode;
  }, [mode]);
  const draftOf = (tiles: TileOf[]) => setDraft({ ...board, tiles });
  const content = useCallback((tile: TileOf) => {
    const isNew = !kept.dashboard.tiles.some((known) => known.id === tile.id && JSON.stringify(known.ask) === JSON.stringify(tile.ask));
    return isNew ? <><header className="tile-head"><h2>{tile.title || tile.id}</h2></header><Empty>It is answered once the dashboard is saved.</Empty></> : <Tile tile={tile} asker={asker} turn={turn} />;
  }, [kept, asker, turn]);
  const hasComments = draft !== undefined && /^\s*#/m.test(kept.text);
  return (
    <>
      <PageHead title={board.title} about={board.description}>
        {draft ? (
          <Fragment key="edited">
            <button type="button" className="plain" onClick={() => setOpen({})}>Add a tile</button>
            <button type="button" className="plain" onClick={() => setOpen("settings")}>Settings</button>
            <button type="button" className="plain" onClick={giveUp}>Cancel</button>
            <button type="button" className="primary" onClick={() => void keep({ dashboard: draft }).catch(setFault)}>Save</button>
          </Fragment>
        ) : (
          <Fragment key="looked-at">
            <button type="button" className="quiet" onClick={refresh}>Refresh</button>
            <button type="button" className="quiet" onClick={() => setTv(true)}>TV mode</button>
            <button type="button" className="quiet" onClick={() => setOpen("annotations")}>Annotations</button>
            <button type="button" className="quiet" onClick={() => setOpen("file")}>File</button>
            {mayWrite && <button type="button" className="plain" onClick={() => setOpen("share")}>Share</button>}
            {mayWrite && <button type="button" className="primary" onClick={() => setDraft(kept.dashboard)}>Edit</button>}
          </Fragment>
        )}
      </PageHead>
      <UnsavedNotice of={unsaved} />
      {undo.notice}
      {hasComments && <p className="soft small" role="note">The file of this dashboard has comments. Saving here rewrites it without them; «File» keeps them.</p>}
      {fault ? <Failure fault={fault} again={reload} /> : null}
      {!isTv && !draft && (
        <div className="line board-controls" role="group" aria-label="Time and variables">
          <Select label="Time" value={String(span ?? board.days)} options={DAYS.some(([count]) => count === String(span ?? board.days)) ? DAYS : [[String(span ?? board.days), `${span ?? board.days} days`] as const, ...DAYS]} choose={(chosen) => setDays(Number(chosen) === board.days ? undefined : Number(chosen))} />
          <Variables variables={board.variables ?? []} values={values} set={(variable, value) => setGiven({ ...values, [variable]: value })} />
          {kept.is_built_in ? <span className="badge">built in</span> : null}
        </div>
      )}
      {board.tiles.length === 0 && <Empty>{draft ? "Add a tile: an insight, SQL, a saved question or text." : <>No tiles yet. {mayWrite && "Choose Edit to add one."} Questions can also be saved here from <Link href={placeOf(project.id, "insights")}>Insights</Link> and <Link href={placeOf(project.id, "sql")}>SQL</Link>.</>}</Empty>}
      <Tiles
        tiles={board.tiles} content={content}
        edited={draft && { move: draftOf, open: (tile) => setOpen({ tile }), remove: (tile) => (draftOf(board.tiles.filter(({ id }) => id !== tile.id)), undo.offer(tile.title || tile.id, () => setDraft((now) => now && { ...now, tiles: [...now.tiles, tile] }))) }}
      />
      {isTv && <button type="button" className="plain tv-leave" onClick={() => setTv(false)}>Leave TV mode</button>}
      {draft && mayWrite && !kept.is_built_in && <div className="line"><button type="button" className="plain danger" onClick={() => setGoing(true)}>Remove the dashboard</button></div>}
      {isGoing && <ActDialog title={`Remove «${board.title}»?`} about="Its public links and embeddings end too." does="Remove it" isDanger hasNoReason act={() => calls.remove(project.id, name, tag)} done={() => (unsaved.drop(), go(placeOf(project.id, "dashboards")))} close={() => setGoing(false)} />}
      {open === "share" && <ShareDialog name={name} close={() => setOpen(undefined)} />}
      {open === "file" && <FileDialog name={name} text={kept.text} close={() => setOpen(undefined)} save={mayWrite ? (text) => keep({ text }) : undefined} take={() => saveFile(`${name}.yaml`, kept.text, "application/yaml")} />}
      {open === "settings" && draft && <Settings board={draft} close={() => setOpen(undefined)} set={(next) => (setDraft(next), setOpen(undefined))} />}
      {open === "annotations" && <Annotations close={() => (setOpen(undefined), happenedAgain())} />}
      {behind && <PeopleBehind behind={behind} close={() => setBehind(undefined)} />}
      {typeof open === "object" && draft && (
        <Editor
          name={name} board={draft} tile={open.tile} close={() => setOpen(undefined)}
          set={(tile) => {
            const isNew = !draft.tiles.some(({ id }) => id === tile.id);
            draftOf(isNew ? [...draft.tiles, { ...tile, y: bottom(draft.tiles) }] : draft.tiles.map((old) => (old.id === tile.id ? tile : old)));
            setOpen(undefined);
          }}
        />
      )}
    </>
  );
}
