// One question asked, with its progress and what parts of the people say.

import { askPatiently, type Tell, type TellPart } from "../api/events";
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

export const ask = (project: string, kind: Kind, definition: object, signal: AbortSignal, tell: Tell, tellPart?: TellPart): Promise<Insight> =>
  askPatiently<Insight>(`/v1/projects/${encodeURIComponent(project)}/insights/${kind}`, definition, signal, tell, tellPart);
