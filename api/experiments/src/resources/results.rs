//! Results of experiments, and whether a plan can see what it is made for.

use axum::extract::State;
use footfall_api_app::May;
use footfall_api_http::{Endpoint, Path, Problem, Query, Route, Routes, Told, get};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::definitions::DefinitionPlace;
use super::experiments_read;
use super::sight::SeesEverything;
use crate::check::plan;
use crate::definition::{Experiment, Metric};
use crate::error::{ExperimentError, FACTS_UNAVAILABLE, READS, problem};
use crate::experiments::Experiments;
use crate::results::{
    ArmAsked, ArmPeople, Breakdown, Differences, Dimension, Interactions, MetricSql, Novelty, Report, ResultsAsked,
};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WhichPhase {
    /// Counted from 0; the last where it is absent.
    #[schemars(range(min = 0, max = 10000))]
    phase: Option<u32>,
    /// Exposures of this environment count; of that of the experiment's analysis where it is absent.
    #[schemars(length(min = 1, max = 100))]
    environment: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WhichBreakdown {
    dimension: Dimension,
    /// Counted from 0; the last where it is absent.
    #[schemars(range(min = 0, max = 10000))]
    phase: Option<u32>,
    /// Exposures of this environment count; of that of the experiment's analysis where it is absent.
    #[schemars(length(min = 1, max = 100))]
    environment: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WhichPeople {
    /// Counted from 0; the last where it is absent.
    #[schemars(range(min = 0, max = 10000))]
    phase: Option<u32>,
    /// Exposures of this environment count; of that of the experiment's analysis where it is absent.
    #[schemars(length(min = 1, max = 100))]
    environment: Option<String>,
    #[schemars(length(min = 1, max = 200))]
    variation: String,
    /// Only those whom this metric has anything of: who converted, bought, came back.
    #[schemars(length(min = 1, max = 200))]
    metric: Option<String>,
    /// At most so many ids are listed.
    #[serde(default = "hundred")]
    #[schemars(range(min = 1, max = 10000))]
    limit: u32,
    /// Only ids above this one: `next` of the page before.
    #[schemars(length(max = 200))]
    after: Option<String>,
}

fn hundred() -> u32 {
    100
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Span {
    /// So many days until now.
    #[serde(default = "four_weeks")]
    #[schemars(range(min = 1, max = 366))]
    days: u32,
}

fn four_weeks() -> u32 {
    28
}

const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;

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

fn results_asked(phase: Option<u32>, environment: Option<String>) -> ResultsAsked {
    ResultsAsked { phase: phase.map(|phase| phase as usize), environment }
}

/// A route that asks the tables.
fn asking<E, M>(path: &'static str, handler: E, cost: u32, about: &'static str) -> Route<Experiments, May>
where
    E: Endpoint<M, Experiments>,
    M: 'static,
{
    get(path, experiments_read(), handler, about).cost(cost).raises(READS).raises([&FACTS_UNAVAILABLE])
}

pub(super) fn routes() -> Routes<Experiments, May> {
    Routes::new(
        "results",
        "What experiments have shown.",
        [
            asking(
                "/v1/projects/{project}/experiments/{key}/results",
                show,
                20,
                "The result as it is at this moment, right whenever one looks.",
            ),
            asking(
                "/v1/projects/{project}/experiments/{key}/results/breakdown",
                breakdown,
                20,
                "The effects among people told apart by what was known of them at exposure.",
            ),
            asking(
                "/v1/projects/{project}/experiments/{key}/results/people",
                people,
                20,
                "The people of a variation whom the result counts, and of these those whom a metric has anything of.",
            ),
            asking(
                "/v1/projects/{project}/experiments/{key}/results/differences",
                differences,
                100,
                "Where an effect differs between people: every dimension at once, corrected for how many looks that is.",
            ),
            asking(
                "/v1/projects/{project}/experiments/{key}/results/interactions",
                interactions,
                100,
                "Whether other experiments of the same time change its effect, corrected for how many looks that is.",
            ),
            asking(
                "/v1/projects/{project}/experiments/{key}/results/novelty",
                novelty,
                50,
                "Whether an effect wears off or grows: the goals on each day since exposure.",
            ),
            asking(
                "/v1/projects/{project}/holdouts/{key}/results",
                holdout,
                20,
                "What everything together has done: held-out people beside as many who got what was new.",
            ),
            get(
                "/v1/projects/{project}/experiments/{key}/power",
                experiments_read(),
                power,
                "What the plan of an experiment can see.",
            )
            .raises(READS),
            get(
                "/v1/projects/{project}/metrics/{key}/sql",
                experiments_read(),
                metric_sql,
                "The SQL that a metric is, over everybody: each person from their first activity of a span of days on.",
            )
            .raises(READS),
        ],
    )
}

/// Handlers of one shape: what the service says of a phase of the experiment at this place.
macro_rules! of_phase {
    ($($handler:ident: $asked:ident -> $answer:ty),+ $(,)?) => {
        $(
            async fn $handler(
                State(experiments): State<Experiments>,
                _: SeesEverything,
                Path(place): Path<DefinitionPlace>,
                Query(which): Query<WhichPhase>,
            ) -> Result<Told<$answer>, Problem> {
                let of = results_asked(which.phase, which.environment);
                experiments.$asked(&place.project, &place.key, &of).await.map(Told).map_err(problem)
            }
        )+
    };
}

of_phase! {
    show: report -> Report,
    differences: differences -> Differences,
    interactions: interactions -> Interactions,
    novelty: novelty -> Novelty,
}

async fn breakdown(
    State(experiments): State<Experiments>,
    _: SeesEverything,
    Path(place): Path<DefinitionPlace>,
    Query(which): Query<WhichBreakdown>,
) -> Result<Told<Breakdown>, Problem> {
    let of = results_asked(which.phase, which.environment);
    experiments.breakdown(&place.project, &place.key, &of, which.dimension).await.map(Told).map_err(problem)
}

async fn people(
    State(experiments): State<Experiments>,
    _: SeesEverything,
    Path(place): Path<DefinitionPlace>,
    Query(which): Query<WhichPeople>,
) -> Result<Told<ArmPeople>, Problem> {
    let WhichPeople { phase, environment, variation, metric, limit, after } = which;
    let asked = ArmAsked { of: results_asked(phase, environment), variation, metric, limit: limit as usize, after };
    experiments.arm_people(&place.project, &place.key, &asked).await.map(Told).map_err(problem)
}

async fn holdout(
    State(experiments): State<Experiments>,
    _: SeesEverything,
    Path(place): Path<DefinitionPlace>,
) -> Result<Told<Report>, Problem> {
    experiments.holdout_report(&place.project, &place.key).await.map(Told).map_err(problem)
}

async fn metric_sql(
    State(experiments): State<Experiments>,
    Path(place): Path<DefinitionPlace>,
    Query(span): Query<Span>,
) -> Result<Told<MetricSql>, Problem> {
    let item = experiments.item::<Metric>(&place.project, &place.key).await.map_err(problem)?;
    let until = experiments.now();
    let from = until.plus_millis(-i64::from(span.days) * DAY_MILLIS);
    Ok(Told(MetricSql::of(&item, from.into(), until.into())))
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
