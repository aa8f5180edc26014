//! What questions can be made of: activities, properties, values. For everybody who may ask for insights, in SQL or not, and of
//! what they see.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use footfall_api_access::Permission;
use footfall_api_app::{May, Member, NOT_FOUND, Whence};
use footfall_api_http::{Fault, Kind, Path, Place, Problem, Query, Routes, Told, get};
use footfall_pipelines_store::query::{Format, Question, encode};
use futures::StreamExt;
use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::InProject;
use super::failure::{KINDS, problem};
use crate::Data;
use crate::reach::Reach;

static NAME_MISSING: Kind = Kind::new(StatusCode::BAD_REQUEST, "name_missing", "The request does not say of what.");

/// Whoever types waits no longer for proposals.
const TIME_MAX: Duration = Duration::from_secs(10);
/// Columns of activities that are asked about like properties, as `activity.country`.
const COLUMNS: &[&str] =
    &["country", "city", "os", "app_version", "browser", "device_type", "campaign_source", "locale"];

/// What the names are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum NamesOf {
    /// All activities.
    Activities,
    /// Properties of the newest activity.
    Properties,
    /// Values that the property or column `name` has in the newest activity.
    Values,
    /// Properties of the persons who were there last.
    Traits,
    /// Types of groups in the newest activity.
    GroupTypes,
    /// Keys of the type of groups `name` in the newest activity.
    GroupKeys,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NamesAsked {
    of: NamesOf,
    /// A property, a column as `activity.country`, or a type of groups.
    #[schemars(length(min = 1, max = 500))]
    name: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Names {
    /// Those that are most often there first.
    names: Vec<CountedName>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct CountedName {
    value: String,
    /// How many rows have it, of those that were looked at.
    times: u64,
}

pub(crate) fn routes() -> Routes<Data, May> {
    let about = "Activities, properties or values that there are, the most frequent first.";
    let route = get("/v1/projects/{project}/names", May(Permission::InsightsRead), list, about);
    let raised = KINDS.iter().copied().chain([&NAME_MISSING, &NOT_FOUND]);
    Routes::new("names", "What questions can be made of.", [route.raises(raised)])
}

async fn list(
    State(data): State<Data>,
    Extension(member): Extension<Member>,
    whence: Whence,
    Path(place): Path<InProject>,
    Query(asked): Query<NamesAsked>,
) -> Result<Told<Names>, Problem> {
    let reach = data.reach(&member, Permission::InsightsRead, Some(&place.project), &whence).await?;
    let (sql, params) = statement(asked.of, asked.name.as_deref()).ok_or_else(|| {
        let fault = Fault::new(Place::Query, "/name", "The name is needed for this.");
        Problem::new(&NAME_MISSING).detail("Say the property or type of groups as `name`.").faults(vec![fault])
    })?;
    Ok(Told(Names { names: ask(&data, reach, sql, params).await? }))
}

/// The question in SQL; none when it needs a name that is missing.
fn statement(of: NamesOf, name: Option<&str>) -> Option<(String, Value)> {
    let newest = |columns: &str| format!("(SELECT {columns} FROM activity ORDER BY timestamp DESC LIMIT 20000)");
    let counted = |value: &str, from: String, most: u32| {
        format!(
            "SELECT {value} AS value, count(*) AS times FROM {from} WHERE {value} IS NOT NULL \
             GROUP BY 1 ORDER BY times DESC, value LIMIT {most}"
        )
    };
    let keys = |column: &str, from: String| format!("(SELECT unnest(json_object_keys({column})) AS name FROM {from})");
    Some(match of {
        NamesOf::Activities => (counted("event", "activity".to_owned(), 500), Value::Null),
        NamesOf::Properties => (counted("name", keys("properties", newest("properties")), 300), Value::Null),
        NamesOf::Values => {
            let name = name?;
            let column = name.strip_prefix("activity.").and_then(|name| COLUMNS.iter().find(|one| **one == name));
            match column {
                Some(column) => (counted(column, newest(column), 50), Value::Null),
                None => (counted("properties->>$name", newest("properties"), 50), json!({"name": name})),
            }
        }
        NamesOf::Traits => {
            let persons = "(SELECT properties FROM persons ORDER BY last_seen DESC LIMIT 5000)".to_owned();
            (counted("name", keys("properties", persons), 200), Value::Null)
        }
        NamesOf::GroupTypes => (counted("name", keys("groups", newest("groups")), 50), Value::Null),
        NamesOf::GroupKeys => (counted("groups->>$name", newest("groups"), 50), json!({"name": name?})),
    })
}

#[derive(Deserialize)]
struct Answered {
    rows: Vec<(Value, u64)>,
}

async fn ask(data: &Data, reach: Reach, sql: String, params: Value) -> Result<Vec<CountedName>, Problem> {
    let mut question = Question::new(sql).with_params(params).under(Arc::new(reach.policy));
    question.limits.time_limit = Some(TIME_MAX);
    let answer = data.engine.query(&reach.project, question).await.map_err(problem)?;
    let mut pieces = encode(answer, Format::Json).await.map_err(problem)?;
    let mut bytes = Vec::new();
    while let Some(piece) = pieces.next().await {
        bytes.extend_from_slice(&piece.map_err(problem)?);
    }
    let answered: Answered = serde_json::from_slice(&bytes).map_err(Problem::internal)?;
    let named = answered.rows.into_iter().map(|(value, times)| CountedName { value: text(value), times });
    Ok(named.filter(|name| !name.value.is_empty()).collect())
}

fn text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_are_bound_and_columns_are_known_ones() {
        let (sql, params) = statement(NamesOf::Values, Some("pla'n")).unwrap();
        assert!(sql.contains("properties->>$name") && !sql.contains("pla'n"), "{sql}");
        assert_eq!(params, json!({"name": "pla'n"}));
        let (sql, _) = statement(NamesOf::Values, Some("activity.os")).unwrap();
        assert!(sql.starts_with("SELECT os AS value"), "{sql}");
        let (_, params) = statement(NamesOf::Values, Some("activity.context")).unwrap();
        assert_eq!(params, json!({"name": "activity.context"}), "no column of these: a property of that name");
    }

    #[test]
    fn values_and_keys_need_a_name() {
        assert!(statement(NamesOf::Values, None).is_none());
        assert!(statement(NamesOf::GroupKeys, None).is_none());
        assert!(statement(NamesOf::GroupTypes, None).is_some());
    }
}
