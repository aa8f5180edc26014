//! Results of experiments, and whether a plan can see what it is made for.

use axum::extract::State;
use footfall_api_app::May;
use footfall_api_http::{Path, Problem, Query, Routes, Told, get};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::definitions::DefinitionPlace;
use super::experiments_read;
use super::sight::SeesEverything;
use crate::check::plan;
use crate::definition::Experiment;
use crate::error::{ExperimentError, FACTS_UNAVAILABLE, READS, problem};
use crate::experiments::Experiments;
use crate::results::{Breakdown, Differences, Dimension, Interactions, Novelty, Report};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WhichPhase {
    /// Counted from 0; the last where it is absent.
    #[schemars(range(min = 0, max = 10000))]
    phase: Option<u32>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WhichBreakdown {
    dimension: Dimension,
    /// Counted from 0; the last where it is absent.
    #[schemars(range(min = 0, max = 10000))]
    phase: Option<u32>,
}

/// What a plan comes to.
#[derive(Debug, Serialize, JsonSchema)]
struct Power {
    users: f64,
    /// Of seeing the least effect that is worth seeing.
    power: f64,
    /// The least relative effect that is seen with a power of 0.8; null if there is none.
    minimum_detectable_effect: Option<f64>,
    is_underpowered: bool,
    /// So many see the least effect that is worth seeing with a power of 0.8; null where no number would do.
    users_needed: Option<f64>,
    /// Until so many have come, at the users a day of the plan.
    days_needed: Option<f64>,
}

pub(super) fn routes() -> Routes<Experiments, May> {
    let results = "/v1/projects/{project}/experiments/{key}/results";
    let breakdown_path = "/v1/projects/{project}/experiments/{key}/results/breakdown";
    let differences_path = "/v1/projects/{project}/experiments/{key}/results/differences";
    let interactions_path = "/v1/projects/{project}/experiments/{key}/results/interactions";
    let novelty_path = "/v1/projects/{project}/experiments/{key}/results/novelty";
    let holdout_path = "/v1/projects/{project}/holdouts/{key}/results";
    let power_path = "/v1/projects/{project}/experiments/{key}/power";
    Routes::new(
        "results",
        "What experiments have shown.",
        [
            get(results, experiments_read(), show, "The result as it is at this moment, right whenever one looks.")
                .cost(20)
                .raises(READS)
                .raises([&FACTS_UNAVAILABLE]),
            get(
                breakdown_path,
                experiments_read(),
                breakdown,
                "The effects among people told apart by what was known of them at exposure.",
            )
            .cost(20)
            .raises(READS)
            .raises([&FACTS_UNAVAILABLE]),
            get(
                differences_path,
                experiments_read(),
                differences,
                "Where an effect differs between people: every dimension at once, corrected for how many looks that is.",
            )
            .cost(100)
            .raises(READS)
            .raises([&FACTS_UNAVAILABLE]),
            get(
                interactions_path,
                experiments_read(),
                interactions,
                "Whether other experiments of the same time change its effect, corrected for how many looks that is.",
            )
            .cost(100)
            .raises(READS)
            .raises([&FACTS_UNAVAILABLE]),
            get(
                novelty_path,
                experiments_read(),
                novelty,
                "Whether an effect wears off or grows: the goals on each day since exposure.",
            )
            .cost(50)
            .raises(READS)
            .raises([&FACTS_UNAVAILABLE]),
            get(
                holdout_path,
                experiments_read(),
                holdout,
                "What everything together has done: held-out people beside as many who got what was new.",
            )
            .cost(20)
            .raises(READS)
            .raises([&FACTS_UNAVAILABLE]),
            get(power_path, experiments_read(), power, "What the plan of an experiment can see.").raises(READS),
        ],
    )
}

async fn show(
    State(experiments): State<Experiments>,
    _: SeesEverything,
    Path(place): Path<DefinitionPlace>,
    Query(which): Query<WhichPhase>,
) -> Result<Told<Report>, Problem> {
    let phase = which.phase.map(|phase| phase as usize);
    experiments.report(&place.project, &place.key, phase).await.map(Told).map_err(problem)
}

async fn breakdown(
    State(experiments): State<Experiments>,
    _: SeesEverything,
    Path(place): Path<DefinitionPlace>,
    Query(which): Query<WhichBreakdown>,
) -> Result<Told<Breakdown>, Problem> {
    let phase = which.phase.map(|phase| phase as usize);
    experiments.breakdown(&place.project, &place.key, phase, which.dimension).await.map(Told).map_err(problem)
}

async fn differences(
    State(experiments): State<Experiments>,
    _: SeesEverything,
    Path(place): Path<DefinitionPlace>,
    Query(which): Query<WhichPhase>,
) -> Result<Told<Differences>, Problem> {
    let phase = which.phase.map(|phase| phase as usize);
    experiments.differences(&place.project, &place.key, phase).await.map(Told).map_err(problem)
}

async fn interactions(
    State(experiments): State<Experiments>,
    _: SeesEverything,
    Path(place): Path<DefinitionPlace>,
    Query(which): Query<WhichPhase>,
) -> Result<Told<Interactions>, Problem> {
    let phase = which.phase.map(|phase| phase as usize);
    experiments.interactions(&place.project, &place.key, phase).await.map(Told).map_err(problem)
}

async fn novelty(
    State(experiments): State<Experiments>,
    _: SeesEverything,
    Path(place): Path<DefinitionPlace>,
    Query(which): Query<WhichPhase>,
) -> Result<Told<Novelty>, Problem> {
    let phase = which.phase.map(|phase| phase as usize);
    experiments.novelty(&place.project, &place.key, phase).await.map(Told).map_err(problem)
}

async fn holdout(
    State(experiments): State<Experiments>,
    _: SeesEverything,
    Path(place): Path<DefinitionPlace>,
) -> Result<Told<Report>, Problem> {
    experiments.holdout_report(&place.project, &place.key).await.map(Told).map_err(problem)
}

async fn power(
    State(experiments): State<Experiments>,
    Path(place): Path<DefinitionPlace>,
) -> Result<Told<Power>, Problem> {
    let item = experiments.item::<Experiment>(&place.project, &place.key).await.map_err(problem)?;
    let wanted =
        item.definition.plan.as_ref().ok_or_else(|| problem(ExperimentError::NotFound("plan in the experiment")))?;
    let (users, power, minimum_detectable_effect) = plan::expected(&item.definition, wanted);
    let is_underpowered = power < plan::POWER_MIN;
    let users_needed = plan::users_needed(&item.definition, wanted, users);
    let a_day = wanted.users_per_day * item.definition.coverage;
    let days_needed = users_needed.map(|users| users / a_day).filter(|days| days.is_finite());
    Ok(Told(Power { users, power, minimum_detectable_effect, is_underpowered, users_needed, days_needed }))
}
