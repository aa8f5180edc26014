//! One file for each resource: types, routes, handlers.

mod account;
mod alerts;
mod audit;
mod factors;
mod invitations;
mod key_set;
mod keys;
mod member_sessions;
mod members;
mod organisations;
mod passkeys;
mod password;
mod personal_tokens;
mod places;
mod projects;
mod proof;
mod roles;
mod row_filter;
mod sessions;
mod sign_in;
mod sign_up;
mod webhooks;

use footfall_api_http::Site;

use crate::authority::Gatekeeper;
use crate::gate::Gate;

pub use sign_in::SignInAnswer;

/// All of them: one line for each.
pub(crate) fn add(site: Site<Gatekeeper>, gate: &Gate) -> Site<Gatekeeper> {
    site.add(sign_up::routes(), gate.clone())
        .add(sign_in::routes(), gate.clone())
        .add(password::routes(), gate.clone())
        .add(account::routes(), gate.clone())
        .add(sessions::routes(), gate.clone())
        .add(factors::routes(), gate.clone())
        .add(passkeys::routes(), gate.clone())
        .add(personal_tokens::routes(), gate.clone())
        .add(organisations::routes(), gate.clone())
        .add(projects::routes(), gate.clone())
        .add(members::routes(), gate.clone())
        .add(member_sessions::routes(), gate.clone())
        .add(invitations::routes(), gate.clone())
        .add(roles::routes(), gate.clone())
        .add(keys::routes(), gate.clone())
        .add(audit::routes(), gate.clone())
        .add(alerts::routes(), gate.clone())
        .add(webhooks::routes(), gate.clone())
        .add(key_set::routes(), gate.clone())
}
