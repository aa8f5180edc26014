// Where one is signed in; each session can be ended.

import { all, at, remove } from "../api.js?v=1";
import { confirm } from "../dialog.js?v=1";
import { action, card, heading, later, rows, tell } from "../parts.js?v=1";
import { sessionRow } from "../session_row.js?v=1";

export function page({ go }) {
  const list = later(async () => {
    const { items } = await all("/v1/account/sessions");
    return rows(items.map((session) => sessionRow(session, end)), "Sessions");
  });
  const end = async (session) => {
    await remove(at("account", "sessions", session.id));
    tell("The session has ended.");
    await list.again();
  };
  const endOthers = () => confirm("End all other sessions?", "Whoever uses them has to sign in again. This one stays.", {
    submit: "End the others",
    act: async () => {
      await remove("/v1/account/sessions?keep_current=true");
      tell("All other sessions have ended.");
      await list.again();
    },
  });
  const endAll = () => confirm("Sign out everywhere?", "All sessions end, this one too.", {
    submit: "Sign out everywhere",
    act: async () => {
      await remove("/v1/account/sessions");
      await go("/account/sign-in", { afresh: true });
    },
  });
  return [
    heading("Sessions", "Where you are signed in. If you do not recognise a session, end it and change your password.",
      action("End all others", endOthers), action("Sign out everywhere", endAll)),
    card(null, list),
  ];
}
