// Looks that wait. What an act does to a page is seen sooner on a quick machine and later on a busy one: a look right after it tells nothing.
"use strict";

/** How many times slower than it is the browser's processor is made to be (`SLOW=6`), to find what only works on a quick machine. */
const SLOWER = Number(process.env.SLOW || 1);
const PATIENCE_MS = 60_000 * SLOWER;
const pause = () => new Promise((resolve) => setTimeout(resolve, 50));

/** Reads until what is read is `wanted`; where it never is, tells what it was instead. */
const becomes = async (what, read, wanted, patience_ms = PATIENCE_MS) => {
  const deadline = Date.now() + patience_ms;
  for (;;) {
    let found, fault;
    try {
      found = await read();
    } catch (error) {
      // A page that goes elsewhere meanwhile, or has no such thing yet.
      fault = error;
    }
    if (!fault && JSON.stringify(found) === JSON.stringify(wanted)) return;
    if (Date.now() > deadline) throw new Error(`${what}: ${fault ?? JSON.stringify(found)} and not ${JSON.stringify(wanted)}, for ${patience_ms / 1000} s`);
    await pause();
  }
};

/** Reads until `isRight(what is read)`, and gives that. */
const until = async (what, read, isRight) => {
  let found;
  await becomes(what, async () => isRight((found = await read())) || `not with ${JSON.stringify(found)}`, true);
  return found;
};

module.exports = { SLOWER, PATIENCE_MS, becomes, until };
