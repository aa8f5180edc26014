//! The properties in use, over all activity. Who sees all of it is told what is counted as it comes; of a part of it they are counted
//! when they are asked for.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use footfall_api_access::Permission;
use footfall_api_app::{May, Member, NOT_FOUND, Whence};
use footfall_api_http::{Path, Problem, Query, Routes, Time, Told, get, kinds};
use footfall_ingest_activity::Timestamp;
use footfall_pipelines_store::StoreError;
use footfall_pipelines_store::query::{Format, Policy, Question, encode};
use futures::StreamExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::InProject;
use super::failure::{KINDS, problem};
use crate::Data;

/// What is spent on counting before an answer says how far it is.
const PATIENCE: Duration = Duration::from_secs(2);
/// Longest time of a question that counts a part of the activity.
const TIME_MAX: Duration = Duration::from_secs(60);
/// Properties in an answer.
const PROPERTIES_MAX: usize = 2_000;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OfActivity {
    /// Of this activity alone.
    #[schemars(length(min = 1, max = 500))]
    activity: Option<String>,
}

/// The properties in use.
#[derive(Debug, Serialize, JsonSchema)]
struct PropertiesInUse {
    /// Those that stand most often first, at most 2,000.
    properties: Vec<PropertyInUse>,
    /// There are more of them.
    is_cut: bool,
    /// All activities were counted; else ask again, the counting goes on.
    is_exact: bool,
    /// Activities that were counted; absent where they are not told apart from those that the role does not see.
    rows_counted: Option<u64>,
    /// Activities that there are, where it is known.
    rows: Option<u64>,
}

/// A property.
#[derive(Debug, Serialize, JsonSchema)]
struct PropertyInUse {
    name: String,
    /// Activities that have it.
    times: u64,
    /// The times of the first and last of them.
    first_at: Time,
    last_at: Time,
}

pub(crate) fn routes() -> Routes<Data, May> {
    let about = "Properties that activities have: how many, and since when, over all activity.";
    let route = get("/v1/projects/{project}/properties", May(Permission::InsightsRead), list, about);
    let raised = KINDS.iter().copied().chain([&NOT_FOUND, &kinds::UNAVAILABLE]);
    let route = route.time_max(TIME_MAX + PATIENCE).raises(raised);
    Routes::new("properties", "Which properties activities have.", [route])
}

async fn list(
    State(data): State<Data>,
    Extension(member): Extension<Member>,
    whence: Whence,
    Path(place): Path<InProject>,
    Query(asked): Query<OfActivity>,
) -> Result<Told<PropertiesInUse>, Problem> {
    let reach = data.reach(&member, Permission::InsightsRead, Some(&place.project), &whence).await?;
    let activity = asked.activity.as_deref();
    if !reach.policy.is_open() {
        return part(&data, &reach.project, reach.policy, activity).await.map(Told);
    }
    let counted = data.census.ask(&reach.project, activity, PATIENCE).await.map_err(away)?;
    let is_cut = counted.properties.len() > PROPERTIES_MAX;
    let shown = counted.properties.into_iter().take(PROPERTIES_MAX).map(|(name, count)| PropertyInUse {
        name,
        times: count.times,
        first_at: Timestamp::from_millis(count.first_ms).into(),
        last_at: Timestamp::from_millis(count.last_ms).into(),
    });
    Ok(Told(PropertiesInUse {
        properties: shown.collect(),
        is_cut,
        is_exact: counted.is_exact,
        rows_counted: Some(counted.rows_counted),
        rows: (counted.rows > 0 || counted.is_exact).then_some(counted.rows),
    }))
}

fn away(error: StoreError) -> Problem {
    match error {
        StoreError::Away { .. } => {
            Problem::retry(&kinds::UNAVAILABLE, Duration::from_secs(1)).detail("The tables are away for a moment.")
        }
        other => Problem::internal(other),
    }
}

#[derive(Deserialize)]
struct Answered {
    rows: Vec<(String, u64, i64, i64)>,
}

/// Counted under a policy, by a question over all rows that it shows.
async fn part(data: &Data, project: &str, policy: Policy, activity: Option<&str>) -> Result<PropertiesInUse, Problem> {
    let (narrowed, params) = match activity {
        Some(activity) => ("WHERE event = $activity", json!({"activity": activity})),
        None => ("", json!({})),
    };
    let sql = format!(
        "SELECT name, count(*) AS times, CAST(min(timestamp) AS BIGINT) AS first_ms, CAST(max(timestamp) AS BIGINT) AS last_ms \
         FROM (SELECT timestamp, unnest(json_object_keys(properties)) AS name FROM activity {narrowed}) \
         GROUP BY name ORDER BY times DESC, name LIMIT {}",
        PROPERTIES_MAX + 1
    );
    let mut question = Question::new(sql).with_params(params).under(Arc::new(policy));
    question.limits.time_limit = Some(TIME_MAX);
    let answer = data.engine.query(project, question).await.map_err(problem)?;
    let mut pieces = encode(answer, Format::Json).await.map_err(problem)?;
    let mut bytes = Vec::new();
    while let Some(piece) = pieces.next().await {
        bytes.extend_from_slice(&piece.map_err(problem)?);
    }
    let answered: Answered = serde_json::from_slice(&bytes).map_err(Problem::internal)?;
    let is_cut = answered.rows.len() > PROPERTIES_MAX;
    let shown = answered.rows.into_iter().take(PROPERTIES_MAX).map(|(name, times, first, last)| PropertyInUse {
        name,
        times,
        first_at: Timestamp::from_millis(first).into(),
        last_at: Timestamp::from_millis(last).into(),
    });
    Ok(PropertiesInUse { properties: shown.collect(), is_cut, is_exact: true, rows_counted: None, rows: None })
}
