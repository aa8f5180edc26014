// Who belongs to an organisation, with which role; inviting, changing, removing.

import { h } from "../../dom.js?v=1";
import { all, at, call, create, remove } from "../api.js?v=1";
import { confirm, formDialog } from "../dialog.js?v=1";
import { field } from "../form.js?v=1";
import { action, card, day, heading, later, row, rows, tell } from "../parts.js?v=1";
import { permissions, projectsOf } from "../session.js?v=1";

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
    if (!items.length) return h("p", { class: "soft" }, "Nobody is invited just now.");
    return rows(items.map((one) => row({
      title: one.email,
      badges: [nameOf(one.role), one.project_id && `only ${one.project_id}`],
      facts: [["Until ", day(one.expires_at)]],
      actions: mayWrite ? [action("Withdraw", () => withdraw(one), { name: `Withdraw the invitation of ${one.email}` })] : [],
    })), "Invitations");
  });
  const withdraw = (one) => confirm(`Withdraw the invitation of ${one.email}?`, "The link in their mail is worthless at once.", {
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
  const drop = (member) => confirm(`Remove ${member.name}?`, "They lose what they may do here at once.", {
    submit: "Remove",
    act: async () => {
      await remove(pathOf(organisation, member));
      if (member.account_id === own.id) return go("/account/organisations", { afresh: true });
      tell(`${member.name} is no member any more.`);
      return list.again();
    },
  });
  const shown = (member) => row({
    title: member.name,
    badges: [nameOf(member.role), member.project_id && `only ${member.project_id}`, member.account_id === own.id && "You", !member.has_factor && "No second factor"],
    facts: [member.email, ["Since ", day(member.created_at)]],
    actions: mayWrite ? [action("Change role", () => change(member), { name: `Change role of ${member.name}` }), action("Remove", () => drop(member), { name: `Remove ${member.name}` })] : [],
  });
  const actions = mayWrite ? [action("Invite somebody", () => invite(organisation, roles, projects).then(() => open.again()), { kind: "primary" })] : [];
  return [heading("Members", h("span", {}, "Who may do what: ", h("a", { href: `/account/organisations/${encodeURIComponent(organisation)}/roles` }, "roles"), "."), ...actions), card(null, list), card("Invitations", open)];
}

async function invite(organisation, roles, projects) {
  const email = await formDialog("Invite somebody", "A link goes to the address and is good for a week. You can give what you hold yourself.", {
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
  tell(`An invitation is on its way to ${email}.`);
}
