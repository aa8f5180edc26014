// Who is signed in, and what they may do where.

import { all, at, read } from "./api.js?v=1";

let signedIn;

/** The account of this session; asked for once, and again after `forget`. */
export function account() {
  signedIn ??= read("/v1/account").catch((fault) => {
    signedIn = undefined;
    throw fault;
  });
  return signedIn;
}

export const forget = () => (signedIn = undefined);

/** The permissions that the account holds in an organisation, or in one project of it. */
export function permissions(own, organisation, project) {
  const grants = own.grants.filter((grant) => grant.organisation_id === organisation && (!grant.project_id || grant.project_id === project));
  return new Set(grants.flatMap((grant) => grant.permissions));
}

/** All that is held anywhere. */
export const permissionsAnywhere = (own) => [...new Set(own.grants.flatMap((grant) => grant.permissions))];

/** The projects of an organisation that the account may see. */
export async function projectsOf(own, organisation) {
  if (permissions(own, organisation).has("projects.read")) return (await all(at("organisations", organisation, "projects"))).items;
  const ids = own.grants.filter((grant) => grant.organisation_id === organisation && grant.project_id).map((grant) => grant.project_id);
  return Promise.all([...new Set(ids)].map((id) => read(at("projects", id))));
}
