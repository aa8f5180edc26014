//! Features that nobody needs any more.

use axum::extract::State;
use footfall_api_app::May;
use footfall_api_http::{Page, Paging, Path, Problem, Routes, Unfiltered, get};
use schemars::JsonSchema;
use serde::Serialize;

use super::definitions::InProject;
use super::flags_read;
use crate::error::{READS, problem};
use crate::experiments::Experiments;
use crate::stale::{self, StaleReason};

/// A feature that could go.
#[derive(Debug, Serialize, JsonSchema)]
struct StaleFeature {
    key: String,
    reason: StaleReason,
    /// Days since its last change.
    unchanged_days: i64,
}

pub(super) fn routes() -> Routes<Experiments, May> {
    let path = "/v1/projects/{project}/stale-features";
    let about = "Features that give everybody the same, and were not changed for two weeks.";
    Routes::new("stale_features", "Features that could go.", [get(path, flags_read(), list, about).raises(READS)])
}

async fn list(
    State(experiments): State<Experiments>,
    Path(place): Path<InProject>,
    paging: Paging<Unfiltered, String>,
) -> Result<Page<StaleFeature>, Problem> {
    let found = stale::features(&experiments, &place.project, paging.after.as_deref().unwrap_or_default()).await;
    let found = found.map_err(problem)?.into_iter().take(paging.limit + 1);
    let shown = found.map(|(key, reason, unchanged_days)| StaleFeature { key, reason, unchanged_days });
    Ok(Page::of(shown.collect(), &paging, |feature| feature.key.clone(), |feature| feature))
}
