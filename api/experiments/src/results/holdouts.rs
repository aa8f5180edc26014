//! What everything together has done: held-out people beside as many who got what was new.

use serde_json::json;

use super::analysis::Looked;
use super::report::Report;
use crate::compile::growthbook::{HELD_OUT, NOT_HELD_OUT, holdout_key};
use crate::definition::{Experiment, ExperimentState, Holdout, Phase};
use crate::error::ExperimentError;
use crate::experiments::{Experiments, Item};

impl Experiments {
    /// The metrics of a holdout since it was made. GrowthBook's SDKs tell who is in it, as of an experiment `$holdout:KEY`.
    pub async fn holdout_report(&self, project: &str, key: &str) -> Result<Report, ExperimentError> {
        let item = self.item::<Holdout>(project, key).await?;
        if item.definition.metrics.is_empty() {
            return Err(ExperimentError::NotFound("metrics: the holdout names none"));
        }
        let catalogue = crate::storage::catalogue(self.access().database(), project).await?;
        let looked = looked(key, item, catalogue, self.now().into())?;
        self.report_on(project, &holdout_key(key), looked, true).await
    }
}

/// A holdout as an experiment of two arms.
fn looked(
    key: &str,
    item: Item<Holdout>,
    catalogue: crate::catalogue::Catalogue,
    until: footfall_api_http::Time,
) -> Result<Looked, ExperimentError> {
    let Holdout { share, hash_attribute, metrics, .. } = item.definition;
    let definition: Experiment = serde_json::from_value(json!({
        "hypothesis": "What is new is worth it.", "owner": "holdout", "goals": metrics, "hash_attribute": hash_attribute,
        "coverage": 2.0 * share,
        "variations": [{"key": HELD_OUT, "weight": 0.5}, {"key": NOT_HELD_OUT, "weight": 0.5}],
    }))
    .map_err(|_| ExperimentError::Damaged("a holdout"))?;
    let phase = Phase {
        started_at: item.created_at.into(),
        ended_at: None,
        seed: holdout_key(key),
        coverage: 2.0 * share,
        weights: definition.weights(),
        condition: None,
        namespace: None,
        reason: String::new(),
        periods: Vec::new(),
    };
    let item = Item {
        key: holdout_key(key),
        revision: item.revision,
        definition,
        state: ExperimentState { phases: vec![phase.clone()], ..ExperimentState::default() },
        created_at: item.created_at,
        updated_at: item.updated_at,
    };
    Ok(Looked { item, number: 0, phase, catalogue, until })
}
