// One question asked: progress is told, and while a project's activity is read for the first time it is asked again.

import { Refused } from "../api/client";
import { askEvents } from "../api/events";
import type { Part, Progress } from "../api/stream";
import type { Kind } from "./question";

export interface Insight {
  answer: unknown;
  as_of: string;
  rows_read: number;
  took_ms: number;
  clickhouse_sql?: string | null;
  /** Why there is none. */
  clickhouse_unsaid?: string;
}

const TRIES = 60;
const PAUSE_MS = 1000;

export async function ask(project: string, kind: Kind, definition: object, signal: AbortSignal, tell: (progress: Progress | undefined) => void, tellPart?: (part: Part) => void): Promise<Insight> {
  for (let turn = 0; ; turn++) {
    try {
      const insight = await askEvents<Insight>(`/v1/projects/${encodeURIComponent(project)}/insights/${kind}`, definition, signal, tell, tellPart);
      tell(undefined);
      return insight;
    } catch (fault) {
      if (!(fault instanceof Refused) || fault.code !== "insight_preparing" || turn >= TRIES || signal.aborted) throw fault;
      const { rows_done = 0, rows_all = 0 } = fault.problem;
      tell({ state: "preparing", rows_done, rows_all });
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
}
