// Who belongs to an organisation, with which role; inviting, changing, removing.

import { h } from "../../dom.js?v=1";
import { all, at, call, create, remove } from "../api.js?v=1";
import { confirm, dialog, formDialog } from "../dialog.js?v=1";
import { field } from "../form.js?v=1";
import { action, card, day, heading, later, nothing, row, rows, tell } from "../parts.js?v=1";
import { permissions, projectsOf } from "../session.js?v=1";
import { sessionRow } from "../session_row.js?v=1";
import { toldOfMail } from "../mail.js?v=1";

/** Ids of roles by name, as `[id, name]`. */
const rolesOf = async (organisation) => (await all(at("organisations", organisation, "roles"))).items.map(({ id, name }) => [id, name]);

const pathOf = (organisation, member) =>
  at("organisations", organisation, "members", member.account_id) + (member.project_id ? `?${new URLSearchParams({ project: member.project_id })}` : "");

export async function page({ own, organisation, go }) {
  const [roles, projects] = await Promise.all([rolesOf(organisation), projectsOf(own, organisation)]);
  const nameOf = (role) => roles.find(([id]) => id === role)?.[1] ?? role;
  const mayWrite = permissions(own, organisation).has("members.write");
  const list = later(async () => {
    const { items } = await all(at("organisations", organisation, "members"));
    return rows(items.map((member) => shown(member)), "Members");
  });
  const open = later(async () => {
    const { items } = await all(at("organisations", organisation, "invitations"));
    if (!items.length) return h("p", { class: "soft" }, "No open invitations.");
    return rows(items.map((one) => row({
      title: one.email,
      badges: [nameOf(one.role), one.project_id && `only ${one.project_id}`],
      facts: [["Until ", day(one.expires_at)]],
      actions: mayWrite ? [action("Withdraw", () => withdraw(one), { name: `Withdraw the invitation of ${one.email}` })] : [],
    })), "Invitations");
  });
  const withdraw = (one) => confirm(`Withdraw the invitation of ${one.email}?`, "The link in their e-mail stops working at once.", {
    submit: "Withdraw it",
    act: async () => {
      await remove(at("organisations", organisation, "invitations", one.id));
      tell("The invitation is withdrawn.");
      await open.again();
    },
  });
  const change = async (member) => {
    await formDialog(`Role of ${member.name}`, "In force within a second, wherever they are signed in.", {
      parts: [field({ name: "role", label: "Role", options: roles, value: member.role })],
      submit: "Change the role",
      act: (body) => call("PUT", pathOf(organisation, member), { body }),
    });
    tell("The role is changed.");
    await list.again();
  };
  const drop = (member) => confirm(`Remove ${member.name}?`, "They lose their access here at once.", {
    submit: "Remove",
    act: async () => {
      await remove(pathOf(organisation, member));
      if (member.account_id === own.id) return go("/account/organisations", { afresh: true });
      tell(`${member.name} is no longer a member.`);
      return list.again();
    },
  });
  const shown = (member) => row({
    title: member.name,
    badges: [nameOf(member.role), member.project_id && `only ${member.project_id}`, member.account_id === own.id && "You", !member.has_factor && "No second factor"],
    facts: [member.email, ["Since ", day(member.created_at)]],
    actions: mayWrite ? [
      action("Sessions", () => sessions(organisation, member), { name: `Sessions of ${member.name}` }),
      action("Change role", () => change(member), { name: `Change role of ${member.name}` }),
      action("Remove", () => drop(member), { name: `Remove ${member.name}` }),
    ] : [],
  });
  const actions = mayWrite ? [action("Invite somebody", () => invite(organisation, roles, projects).then(() => open.again()), { kind: "primary" })] : [];
  return [heading("Members", h("span", {}, "Who may do what: ", h("a", { href: `/account/organisations/${encodeURIComponent(organisation)}/roles` }, "roles"), "."), ...actions), card(null, list), card("Invitations", open)];
}

/** Where a member is signed in; each session, or all of them, can be ended. */
function sessions(organisation, member) {
  const path = at("organisations", organisation, "members", member.account_id, "sessions");
  const list = later(async () => {
    const { items } = await all(path);
    if (!items.length) return nothing(`${member.name} is signed in nowhere`, "A session appears here when they sign in.");
    return rows(items.map((session) => sessionRow(session, end)), "Sessions");
  });
  const ended = async (text) => {
    tell(text);
    await list.again();
  };
  const end = (session) => confirm("End this session?", `${member.name} has to sign in again there.`, {
    submit: "End it",
    act: () => remove(at("organisations", organisation, "members", member.account_id, "sessions", session.id)),
  }).then(() => ended("The session has ended."));
  const endAll = () => confirm(`End all sessions of ${member.name}?`, "They have to sign in again wherever they are. A password that somebody else knows has to be changed besides.", {
    submit: "End all of them",
    act: () => remove(path),
  }).then(() => ended("All sessions have ended."));
  return dialog(`Sessions of ${member.name}`, (close) => [
    h("p", { class: "soft" }, "Where they are signed in, with address and device. Ending a session is recorded in the audit."),
    list,
    h("div", { class: "form-actions" }, h("button", { class: "primary", type: "button", onclick: () => close() }, "Close"), action("End all sessions", endAll, { kind: "quiet", name: `End all sessions of ${member.name}` })),
  ], { mayLeave: true });
}

async function invite(organisation, roles, projects) {
  const email = await formDialog("Invite somebody", "A link goes to the address and is good for a week. You can give only what you hold yourself.", {
    parts: [
      field({ name: "email", label: "E-mail address", type: "email", autocomplete: "off" }),
      field({ name: "role", label: "Role", options: roles, value: "viewer" }),
      field({ name: "project", label: "Where", options: [["*", "The organisation and all its projects"], ...projects.map(({ id, name }) => [id, `Only ${name}`])] }),
    ],
    submit: "Send the invitation",
    act: async ({ email, role, project }) => {
      await create(at("organisations", organisation, "invitations"), { email, role, project: project === "*" ? null : project });
      return email;
    },
  });
  if (email) tell(await toldOfMail(`An invitation is on its way to ${email}.`, email));
}
