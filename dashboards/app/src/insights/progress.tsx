// How far an answer is, and the way out of waiting.

import { shareOf, type Progress } from "../api/stream";
import { percent } from "../parts/format";

const SAID = { waiting: "Waiting for other questions", preparing: "Reading the activity for the first time", asking: "Working it out" } as const;

export function Waiting({ progress, cancel }: { progress?: Progress; cancel: () => void }) {
  const share = shareOf(progress);
  return (
    <div className="waiting">
      <Bar progress={progress} />
      <span className="small soft" role="status">{progress ? SAID[progress.state] : "Working it out"}{share === undefined ? " …" : ` · ${percent(share, 0)}`}</span>
      <button type="button" className="plain" onClick={cancel}>Stop</button>
    </div>
  );
}

export function Bar({ progress, label = "Working on it" }: { progress?: Progress; label?: string }) {
  const share = shareOf(progress);
  return share === undefined ? <div className="progress" role="progressbar" aria-label={label}><i /></div> : <progress value={share} max={1} aria-label={label} />;
}
