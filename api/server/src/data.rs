//! What the handlers work with, and the tables of routes on the site. `api/footfall` fills it.

use std::sync::Arc;

use footfall_api_access::Access;
use footfall_api_app::Gatekeeper;
use footfall_api_http::Site;
use footfall_api_sql::Functions;
use footfall_pipelines_store::census::PropertyCensus;
use footfall_pipelines_store::query::Engine;

use crate::{Health, Live, Operations, Telemetry, health, live, operator, sql, status, tables, telemetry};

/// Everything behind the routes; cheap to clone.
#[derive(Clone)]
pub struct Data {
    pub engine: Arc<Engine>,
    /// The properties in use.
    pub census: PropertyCensus,
    /// Table functions about a project, for those who may ask for insights.
    pub functions: Functions,
    pub access: Access,
    /// The project of an operator who names none.
    pub project: Arc<str>,
    pub live: Arc<Live>,
    pub operations: Arc<dyn Operations>,
    pub probes: Probes,
}

/// What every process tells of itself, whatever else it does.
#[derive(Clone)]
pub struct Probes {
    pub health: Arc<dyn Health>,
    pub telemetry: Telemetry,
    /// `/metrics` answers the operator alone.
    pub metrics_private: bool,
}

/// `/healthz`, `/readyz` and `/metrics`.
#[must_use]
pub fn add_probes(site: Site<Gatekeeper>, probes: &Probes) -> Site<Gatekeeper> {
    site.add(health::routes(), probes.clone()).add(telemetry::routes(probes.metrics_private), probes.clone())
}

/// All resources of this crate: one line for each.
#[must_use]
pub fn add(site: Site<Gatekeeper>, data: &Data) -> Site<Gatekeeper> {
    let site = site.add(sql::routes(), data.clone()).add(sql::names::routes(), data.clone());
    let site = site.add(sql::properties::routes(), data.clone());
    let site = site.add(tables::routes(), data.clone()).add(live::routes(), data.clone());
    add_probes(site, &data.probes).add(status::routes(), data.probes.clone()).add(operator::routes(), data.clone())
}
