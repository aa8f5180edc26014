//! The example's site: one resource.

use std::sync::Arc;

use footfall_api_http::{About, Built, Machinery, Secret, Settings, Site, TableError};
use footfall_ingest_activity::Clock;
use serde_json::Value;

use super::access::Doorman;
use super::resource::{Desk, routes};

const NOTES_MAX: usize = 10_000;

/// The whole: one line for each resource.
pub fn build(settings: Settings, clock: Arc<dyn Clock>) -> Result<Built, TableError> {
    let about = About { title: "Notes", version: "1", description: "The example of the API's conventions." };
    let machinery = Machinery::new(Arc::new(Doorman), settings, Secret::new([42; 32]), clock.clone());
    Site::new(about, machinery).add(routes(), Desk::new(clock, NOTES_MAX)).build()
}

/// The document as it is kept in the repository.
pub fn pretty(document: &Value) -> serde_json::Result<String> {
    serde_json::to_string_pretty(document).map(|text| text + "\n")
}
