// A session in a list: the device, the address, when it was used.

import { deviceOf } from "./device.js?v=1";
import { action, row, time } from "./parts.js?v=1";

/** `end` is offered but for the session that asks. */
export function sessionRow(session, end) {
  const device = deviceOf(session.device);
  return row({
    title: device,
    badges: [session.is_current && "This one", session.factor_at && "Second factor given"],
    facts: [
      [[session.address, session.place].filter(Boolean).join(", ") || "Address unknown"],
      ["Signed in ", time(session.created_at), ", last used ", time(session.last_seen_at)],
    ],
    actions: [session.is_current ? null : action("End", () => end(session), { name: `End the session of ${device}` })],
  });
}
