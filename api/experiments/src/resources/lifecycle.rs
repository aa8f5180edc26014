//! The steps of experiments and the switch of features.

use axum::Extension;
use axum::extract::State;
use footfall_api_app::{May, Member, Whence};
use footfall_api_http::{IfMatch, JsonBody, Path, Problem, Routes, Shown as Answered, post, put};
use schemars::JsonSchema;
use serde::Deserialize;

use super::definitions::{DefinitionPlace, changed};
use super::form::{Shown, Why, author};
use super::{experiments_write, flags_write};
use crate::definition::{Experiment, Feature};
use crate::error::{CHANGES, ExperimentError, problem};
use crate::experiments::Experiments;
use crate::lifecycle::Step;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Start {
    /// Starts a draft that nobody has approved; the history says so.
    #[serde(default)]
    without_review: bool,
    #[schemars(length(max = 1000))]
    reason: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewPhase {
    /// A JSON Merge Patch of the definition: for whom it is from now on, and whatever else is wanted otherwise.
    #[schemars(with = "Option<serde_json::Map<String, serde_json::Value>>")]
    definition: Option<serde_json::Value>,
    #[schemars(range(min = 0.0, max = 1.0))]
    coverage: Option<f64>,
    /// Of the variations, in their order.
    #[schemars(length(min = 2, max = 100))]
    weights: Option<Vec<f64>>,
    /// Divides the users anew.
    #[serde(default)]
    reshuffle: bool,
    #[schemars(length(max = 1000))]
    reason: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Ship {
    /// What everybody gets.
    #[schemars(length(min = 1, max = 100))]
    variation: String,
    #[schemars(length(max = 1000))]
    reason: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Switch {
    is_on: bool,
    /// All that there are where it is absent.
    #[schemars(length(min = 1, max = 100))]
    environments: Option<Vec<String>>,
    #[schemars(length(max = 1000))]
    reason: Option<String>,
}

pub(super) fn routes() -> Routes<Experiments, May> {
    let write = experiments_write;
    Routes::new(
        "lifecycle",
        "What happens to experiments, and the kill switch of features.",
        [
            post(
                "/v1/projects/{project}/experiments/{key}/review",
                write(),
                ask_review,
                "Asks for a review of a draft.",
            )
            .raises(CHANGES),
            post(
                "/v1/projects/{project}/experiments/{key}/approval",
                write(),
                approve,
                "Approves what another has drafted.",
            )
            .raises(CHANGES),
            post("/v1/projects/{project}/experiments/{key}/redraft", write(), redraft, "Makes it a draft again.")
                .raises(CHANGES),
            post("/v1/projects/{project}/experiments/{key}/start", write(), start, "Begins to assign users.")
                .raises(CHANGES),
            post(
                "/v1/projects/{project}/experiments/{key}/phases",
                write(),
                new_phase,
                "Changes who takes part; results begin anew.",
            )
            .raises(CHANGES),
            post("/v1/projects/{project}/experiments/{key}/stop", write(), stop, "Assigns nobody any more.")
                .raises(CHANGES),
            post("/v1/projects/{project}/experiments/{key}/ship", write(), ship, "One variation for everybody.")
                .raises(CHANGES),
            post("/v1/projects/{project}/experiments/{key}/roll-back", write(), roll_back, "Control for everybody.")
                .raises(CHANGES),
            put(
                "/v1/projects/{project}/features/{key}/switch",
                flags_write(),
                switch,
                "Switches a feature off or on; in force within a second.",
            )
            .raises(CHANGES),
        ],
    )
}

type Answer = Result<Answered<Shown<Experiment>>, Problem>;

/// What every step is given.
struct Call {
    experiments: Experiments,
    member: Member,
    whence: Whence,
    place: DefinitionPlace,
    if_match: IfMatch,
}

impl Call {
    async fn step(self, step: Step, reason: Option<String>) -> Answer {
        let author = author(&self.member, self.whence, reason);
        let (mut stale, if_match) = (None, self.if_match);
        let check = |item: &crate::experiments::Item<Experiment>| {
            if_match.check(item.etag()).map_err(|refusal| {
                stale = Some(refusal);
                ExperimentError::Stale
            })
        };
        let done = self.experiments.step(&self.place.project, &self.place.key, step, &author, check).await;
        match (done, stale) {
            (Err(ExperimentError::Stale), Some(refusal)) => Err(refusal),
            (Err(error), _) => Err(problem(error)),
            (Ok(item), _) => Ok(Answered(item.etag(), item.into())),
        }
    }
}

macro_rules! steps {
    ($($name:ident($body:ident: $form:ty) $step:expr;)+) => {$(
        async fn $name(
            State(experiments): State<Experiments>,
            Extension(member): Extension<Member>,
            whence: Whence,
            Path(place): Path<DefinitionPlace>,
            if_match: IfMatch,
            JsonBody($body): JsonBody<$form>,
        ) -> Answer {
            let call = Call { experiments, member, whence, place, if_match };
            let step = $step;
            call.step(step, $body.reason).await
        }
    )+};
}

steps! {
    ask_review(body: Why) Step::AskReview;
    approve(body: Why) Step::Approve;
    redraft(body: Why) Step::Redraft;
    start(body: Start) Step::Start { without_review: body.without_review };
    new_phase(body: NewPhase) Step::NewPhase {
        definition: body.definition, coverage: body.coverage, weights: body.weights, reshuffle: body.reshuffle,
    };
    stop(body: Why) Step::Stop;
    ship(body: Ship) Step::Ship { variation: body.variation };
    roll_back(body: Why) Step::RollBack;
}

/// In an emergency nobody should have to read first: there is no need of `If-Match`.
async fn switch(
    State(experiments): State<Experiments>,
    Extension(member): Extension<Member>,
    whence: Whence,
    Path(place): Path<DefinitionPlace>,
    JsonBody(body): JsonBody<Switch>,
) -> Result<Answered<Shown<Feature>>, Problem> {
    let author = author(&member, whence, body.reason);
    let payloads = experiments.payloads().now(&place.project).await.map_err(problem)?;
    let all = || {
        let environments = payloads.catalogue.environments.keys().cloned();
        environments.chain([crate::definition::PRODUCTION.to_owned()]).collect()
    };
    let named: Vec<String> = body.environments.unwrap_or_else(all);
    changed(&experiments, &place, &IfMatch::Any, "switch", &author, |item: &crate::experiments::Item<Feature>| {
        let mut feature: Feature = item.definition.clone();
        feature.off_in.retain(|environment| !named.contains(environment));
        if !body.is_on {
            feature.off_in.extend(named);
            feature.off_in.sort();
            feature.off_in.dedup();
        }
        Ok(feature)
    })
    .await
}
