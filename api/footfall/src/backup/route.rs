//! The routes by which `footfall backup` asks the running server to hold everything still, and to let it go.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use footfall_api_access::Permission;
use footfall_api_app::{Gatekeeper, May};
use footfall_api_http::{Done, Path, Problem, Routes, Site, Told, delete, post};
use schemars::JsonSchema;
use serde::Deserialize;

use super::held::{self, Held};
use crate::config::Settings;
use crate::wiring::Stack;

/// The copy of a large database takes its time.
const LONG: Duration = Duration::from_secs(3600);

#[derive(Clone)]
struct Holder {
    stack: Arc<Stack>,
    settings: Arc<Settings>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct HeldPlace {
    #[schemars(length(min = 1, max = 64), regex(pattern = "^[0-9TZ-]+$"))]
    held: String,
}

/// Adds the routes.
#[must_use]
pub fn add(site: Site<Gatekeeper>, stack: Arc<Stack>, settings: Settings) -> Site<Gatekeeper> {
    let operator = May(Permission::InstallationManage);
    let about = "Holds files of everything as it is now in the data folder, for a backup to copy.";
    let hold = post("/v1/operator/held", operator, hold, about).time_max(LONG);
    let let_go = delete("/v1/operator/held/{held}", operator, let_go, "Lets go of what is held.").time_max(LONG);
    let routes = Routes::new("held", "What a backup is copied from.", [hold, let_go]);
    site.add(routes, Holder { stack, settings: Arc::new(settings) })
}

async fn hold(State(holder): State<Holder>) -> Result<Told<Held>, Problem> {
    held::hold(&holder.stack, &holder.settings).await.map(Told).map_err(Problem::internal)
}

async fn let_go(State(holder): State<Holder>, Path(place): Path<HeldPlace>) -> Result<Done, Problem> {
    // The name becomes a path.
    if place.held.chars().all(|sign| sign.is_ascii_alphanumeric() || sign == '-') {
        drop(held::let_go(&holder.settings, &place.held));
    }
    Ok(Done)
}
