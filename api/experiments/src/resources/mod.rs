//! The routes of the configuration and of results, a file each.

mod connections;
mod definitions;
mod evaluation;
mod form;
mod history;
mod lifecycle;
mod results;
mod schedule;
mod sight;
mod stale;

use footfall_api_access::Permission;
use footfall_api_app::{Gatekeeper, May};
use footfall_api_http::Site;

use crate::experiments::Experiments;

pub(crate) use form::patched;

/// Adds all of them to the API of the app.
pub fn add(site: Site<Gatekeeper>, experiments: &Experiments) -> Site<Gatekeeper> {
    let site = definitions::add(site, experiments);
    site.add(lifecycle::routes(), experiments.clone())
        .add(schedule::routes(), experiments.clone())
        .add(connections::routes(), experiments.clone())
        .add(stale::routes(), experiments.clone())
        .add(results::routes(), experiments.clone())
        .add(evaluation::routes(), experiments.clone())
}

fn flags_read() -> May {
    May(Permission::FlagsRead)
}

fn flags_write() -> May {
    May(Permission::FlagsWrite)
}

fn experiments_read() -> May {
    May(Permission::ExperimentsRead)
}

fn experiments_write() -> May {
    May(Permission::ExperimentsWrite)
}
