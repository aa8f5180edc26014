//! Why somebody gets the value of a flag that they get.

use axum::extract::State;
use footfall_api_app::May;
use footfall_api_http::{JsonBody, Path, Problem, Routes, Told, post};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::definitions::DefinitionPlace;
use super::flags_read;
use crate::definition::PRODUCTION;
use crate::error::{READS, problem};
use crate::experiments::Experiments;
use crate::explain::{Asked, Explanation};

/// For whom, and where.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Whom {
    /// `production` where it is absent.
    #[schemars(length(min = 1, max = 100))]
    environment: Option<String>,
    /// The id by which users are told apart.
    #[schemars(length(max = 500))]
    id: Option<String>,
    /// What else an app would say of the user.
    #[serde(default)]
    attributes: Map<String, Value>,
}

pub(super) fn routes() -> Routes<Experiments, May> {
    let path = "/v1/projects/{project}/features/{key}/evaluation";
    let about = "The value for one user as SDKs would give it, with what each rule said to it.";
    Routes::new(
        "evaluation",
        "Why somebody gets what they get.",
        [post(path, flags_read(), explain, about).cost(5).raises(READS)],
    )
}

async fn explain(
    State(experiments): State<Experiments>,
    Path(place): Path<DefinitionPlace>,
    JsonBody(whom): JsonBody<Whom>,
) -> Result<Told<Explanation>, Problem> {
    let environment = whom.environment.as_deref().unwrap_or(PRODUCTION);
    let asked = Asked { environment, id: whom.id.as_deref().filter(|id| !id.is_empty()), attributes: whom.attributes };
    experiments.explain(&place.project, &place.key, asked).await.map(Told).map_err(problem)
}
