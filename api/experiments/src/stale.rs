//! Which features could go: their answer is the same for everybody, or their experiment is decided.

use schemars::JsonSchema;
use serde::Serialize;

use crate::catalogue::Catalogue;
use crate::definition::{Feature, Kind, Serve, Status};
use crate::error::ExperimentError;
use crate::experiments::Experiments;
use crate::storage;

const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;
const UNCHANGED_DAYS: i64 = 14;

/// Why a feature is called stale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StaleReason {
    /// Its first rule that is on gives everybody one value.
    OneValue,
    /// No rule of it is on.
    NoRules,
    /// Its experiments have all ended.
    ExperimentsEnded,
    Archived,
}

/// Stale features after a key, with the days since their last change.
pub async fn features(
    experiments: &Experiments,
    project: &str,
    after: &str,
) -> Result<Vec<(String, StaleReason, i64)>, ExperimentError> {
    let database = experiments.access().database();
    let catalogue = storage::catalogue(database, project).await?;
    let kept = storage::items(database, project, Kind::Feature, after, i32::MAX as usize).await?;
    let now = experiments.now();
    let stale = kept.into_iter().filter_map(|kept| {
        let feature = catalogue.features.get(&kept.key)?;
        let days = (now.millis() - kept.updated_at.millis()) / DAY_MILLIS;
        let is_needed = !catalogue.users_of(Kind::Feature, &kept.key).is_empty();
        let reason = reason(feature, &catalogue).filter(|_| days >= UNCHANGED_DAYS && !is_needed)?;
        Some((kept.key, reason, days))
    });
    Ok(stale.collect())
}

fn reason(feature: &Feature, catalogue: &Catalogue) -> Option<StaleReason> {
    if feature.is_archived {
        return Some(StaleReason::Archived);
    }
    if feature.posthog_filters.is_some() {
        return None;
    }
    let mut rules = feature.rules.iter().filter(|rule| !rule.is_off).peekable();
    let Some(first) = rules.peek() else { return Some(StaleReason::NoRules) };
    let is_for_all = first.condition.is_none() && first.prerequisites.is_empty() && first.environments.is_none();
    match &first.serve {
        Serve::Force { .. } if is_for_all => return Some(StaleReason::OneValue),
        Serve::Rollout { coverage, .. } if is_for_all && *coverage >= 1.0 => return Some(StaleReason::OneValue),
        _ => {}
    }
    let has_ended = |key: &str| {
        let state = catalogue.experiments.get(key).map(|(_, state)| state.status);
        state.is_none_or(|status| matches!(status, Status::Stopped | Status::Shipped | Status::RolledBack))
    };
    let all_ended =
        rules.all(|rule| matches!(&rule.serve, Serve::Experiment { experiment, .. } if has_ended(experiment)));
    all_ended.then_some(StaleReason::ExperimentsEnded)
}
