//! All routes of this package, for the API of the app.

use footfall_api_app::Gatekeeper;
use footfall_api_http::Site;

use crate::desk::Desk;
use crate::{activities, cohorts, routes};

/// Adds all routes to the API of the app.
pub fn add(site: Site<Gatekeeper>, desk: Desk) -> Site<Gatekeeper> {
    site.add(routes::routes(), desk.clone()).add(activities::routes(), desk.clone()).add(cohorts::routes(), desk)
}
