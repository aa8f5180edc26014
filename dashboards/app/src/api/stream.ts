// A stream of events (text/event-stream) as they come, and the progress that some of them tell.

export type Progress = { state: "waiting" } | { state: "preparing"; rows_done: number; rows_all: number } | { state: "asking"; segments_done: number; segments_all: number };

/** The answer for a share of the people, while the others are asked about; nothing in it is scaled. */
export interface Part<T = unknown> {
  answer: T;
  share: number;
  as_of: string;
}

interface Told {
  name: string;
  data: string;
}

/** Events of a stream: blocks of lines, an empty line after each. Comments keep the connection alive. */
export async function* eventsOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Told> {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  let text = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      text += decoder.decode(value, { stream: !done });
      const blocks = text.split(/\r?\n\r?\n/);
      text = blocks.pop() ?? "";
      for (const block of blocks) {
        const told = eventOf(block);
        if (told) yield told;
      }
      if (done) return;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

function eventOf(block: string): Told | undefined {
  let name = "message";
  const data: string[] = [];
  for (const line of block.split(/\r?\n/)) {
    if (line.startsWith("event:")) name = line.slice(6).trim();
    if (line.startsWith("data:")) data.push(line.slice(5).replace(/^ /, ""));
  }
  return data.length ? { name, data: data.join("\n") } : undefined;
}

/** The share that is done, if it is known. */
export function shareOf(progress: Progress | undefined): number | undefined {
  if (progress?.state === "preparing" && progress.rows_all > 0) return progress.rows_done / progress.rows_all;
  if (progress?.state === "asking" && progress.segments_all > 0) return progress.segments_done / progress.segments_all;
  return undefined;
}
