//! The routes, a file each.

mod annotations;
mod answers;
mod dashboards;
mod items;
mod public;
mod questions;
mod schedules;
mod shares;

use footfall_api_access::Permission;
use footfall_api_app::{Gatekeeper, May};
use footfall_api_http::{IfMatch, Revision, Site};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::boards::Boards;

/// Adds all of them to the API of the app.
pub fn add(site: Site<Gatekeeper>, boards: &Boards) -> Site<Gatekeeper> {
    site.add(dashboards::routes(), boards.clone())
        .add(answers::routes(), boards.clone())
        .add(shares::routes(), boards.clone())
        .add(public::routes(), boards.clone())
        .add(questions::routes(), boards.clone())
        .add(annotations::routes(), boards.clone())
        .add(schedules::routes(), boards.clone())
}

fn read() -> May {
    May(Permission::DashboardsRead)
}

fn write() -> May {
    May(Permission::DashboardsWrite)
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct InProject {
    #[schemars(length(min = 1, max = 64))]
    project: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ItemPlace {
    #[schemars(length(min = 1, max = 64))]
    project: String,
    #[schemars(length(min = 1, max = 64))]
    key: String,
}

fn revision(number: i64) -> Revision {
    Revision(number.unsigned_abs())
}

/// Whether `If-Match` means a revision.
fn is_meant(if_match: &IfMatch) -> impl Fn(i64) -> bool + Send + Sync {
    let if_match = if_match.clone();
    move |number| if_match.check(revision(number)).is_ok()
}
