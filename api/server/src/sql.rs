//! A question in SQL, answered as it is worked out, in the format that the asker prefers, with what their role shows them.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use footfall_api_access::Permission;
use footfall_api_app::{May, Member, NOT_FOUND, Whence};
use footfall_api_http::{Answer, JsonBody, Kind, Operation, Path, Problem, Query, Routes, get, post, signed_in};
use footfall_api_sql::AuditTable;
use footfall_pipelines_store::query::{Dialect, Format, Question, encode};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Data;
use crate::reach::{PROJECT_MISSING, Reach};
use accept::{FORMATS, NOT_ACCEPTABLE};
use failure::{KINDS, problem};

mod accept;
mod failure;
pub(crate) mod names;
pub(crate) mod properties;

/// The engine has limits of its own, which are shorter and say more.
const LONGER_THAN_ANY_QUESTION: Duration = Duration::from_secs(24 * 3600);

static PARAMS_INVALID: Kind = Kind::new(StatusCode::BAD_REQUEST, "params_invalid", "The parameters have a wrong form.");

/// A question.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// One statement that reads.
    sql: String,
    /// An object of values for `$name`, or an array of them for `$1`, `$2` …. They are bound, never spliced into the text.
    #[serde(default)]
    params: Value,
    /// The SQL that the statement is in; `standard` when it is left out.
    dialect: Option<Spoken>,
}

/// A question in an address.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Addressed {
    /// One statement that reads.
    sql: String,
    /// The values of its parameters, as JSON: an object for `$name`, an array for `$1`, `$2` ….
    params: Option<String>,
    /// The SQL that the statement is in; `standard` when it is left out.
    dialect: Option<Spoken>,
}

impl Addressed {
    fn asked(self) -> Result<Asked, Problem> {
        let Addressed { sql, params, dialect } = self;
        let params = params.map_or(Ok(Value::Null), |text| serde_json::from_str(&text));
        let params =
            params.map_err(|error| Problem::new(&PARAMS_INVALID).detail(format!("params is no JSON: {error}")))?;
        Ok(Asked { sql, params, dialect })
    }
}

/// Dialects of SQL.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Spoken {
    /// That of this API, whatever the store.
    Standard,
    /// ClickHouse's own, where the tables are there. Without params.
    Clickhouse,
}

/// The project that a path names.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct InProject {
    #[schemars(length(min = 1, max = 64))]
    pub project: String,
}

pub(crate) fn routes() -> Routes<Data, May> {
    let reason = "The handler asks the policy for the project of the key.";
    let raised = || KINDS.iter().copied().chain([&NOT_ACCEPTABLE, &PARAMS_INVALID, &PROJECT_MISSING, &NOT_FOUND]);
    Routes::new(
        "sql",
        "Questions in SQL.",
        [
            post("/v1/sql", signed_in(reason), ask, "Answers a question about the key's project.")
                .time_max(LONGER_THAN_ANY_QUESTION)
                .raises(raised()),
            post(
                "/v1/projects/{project}/sql",
                May(Permission::SqlRun),
                ask_in_project,
                "Answers a question about a project.",
            )
            .time_max(LONGER_THAN_ANY_QUESTION)
            .raises(raised()),
            get("/v1/sql", signed_in(reason), ask_by_address, "The same, for tools that follow an address.")
                .time_max(LONGER_THAN_ANY_QUESTION)
                .raises(raised()),
            get(
                "/v1/projects/{project}/sql",
                May(Permission::SqlRun),
                ask_in_project_by_address,
                "The same, for tools that follow an address.",
            )
            .time_max(LONGER_THAN_ANY_QUESTION)
            .raises(raised()),
        ],
    )
}

/// Rows in one of the formats.
struct Rows(Response);

impl IntoResponse for Rows {
    fn into_response(self) -> Response {
        self.0
    }
}

impl Answer for Rows {
    fn describe(operation: &mut Operation<'_>) {
        let column = json!({"type": "object", "required": ["name", "type"], "properties": {
            "name": {"type": "string"}, "type": {"type": "string"}}});
        let rows = json!({"type": "object", "required": ["columns", "rows"], "properties": {
            "columns": {"type": "array", "items": column}, "rows": {"type": "array", "items": {"type": "array"}}}});
        let schema = |name: &str| match name {
            "application/json" => rows.clone(),
            _ => json!({"type": "string"}),
        };
        let content = FORMATS.iter().map(|(name, _)| (*name, schema(name))).collect();
        operation.replies(StatusCode::OK, "The rows, in the format of Accept.", &[], content);
        let accept = json!({"type": "string"});
        operation.header("Accept", false, accept, "One of the media types of the answer; JSON when it is left out.");
    }
}

async fn ask(
    State(data): State<Data>,
    Extension(member): Extension<Member>,
    whence: Whence,
    headers: HeaderMap,
    JsonBody(asked): JsonBody<Asked>,
) -> Result<Rows, Problem> {
    let reach = data.reach(&member, Permission::SqlRun, None, &whence).await?;
    answer(&data, reach, &headers, asked).await
}

async fn ask_in_project(
    State(data): State<Data>,
    Extension(member): Extension<Member>,
    whence: Whence,
    Path(place): Path<InProject>,
    headers: HeaderMap,
    JsonBody(asked): JsonBody<Asked>,
) -> Result<Rows, Problem> {
    let reach = data.reach(&member, Permission::SqlRun, Some(&place.project), &whence).await?;
    answer(&data, reach, &headers, asked).await
}

async fn ask_by_address(
    State(data): State<Data>,
    Extension(member): Extension<Member>,
    whence: Whence,
    headers: HeaderMap,
    Query(asked): Query<Addressed>,
) -> Result<Rows, Problem> {
    let reach = data.reach(&member, Permission::SqlRun, None, &whence).await?;
    answer(&data, reach, &headers, asked.asked()?).await
}

async fn ask_in_project_by_address(
    State(data): State<Data>,
    Extension(member): Extension<Member>,
    whence: Whence,
    Path(place): Path<InProject>,
    headers: HeaderMap,
    Query(asked): Query<Addressed>,
) -> Result<Rows, Problem> {
    let reach = data.reach(&member, Permission::SqlRun, Some(&place.project), &whence).await?;
    answer(&data, reach, &headers, asked.asked()?).await
}

async fn answer(data: &Data, reach: Reach, headers: &HeaderMap, asked: Asked) -> Result<Rows, Problem> {
    let format: Format = accept::choose(headers)?;
    let mut question = question(asked)?.under(Arc::new(reach.policy));
    if reach.reads_insights {
        question = question.calling((data.functions)(&reach.project));
    }
    if let Some(audit) = reach.audit {
        question = question.beside(Arc::new(AuditTable { access: data.access.clone(), organisation: audit.0 }));
    }
    let answer = data.engine.query(&reach.project, question).await.map_err(problem)?;
    let pieces = encode(answer, format).await.map_err(problem)?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(format.content_type())),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    Ok(Rows((headers, Body::from_stream(pieces)).into_response()))
}

fn question(asked: Asked) -> Result<Question, Problem> {
    match asked.params {
        Value::Null | Value::Object(_) | Value::Array(_) => {
            let dialect = match asked.dialect {
                None | Some(Spoken::Standard) => Dialect::Standard,
                Some(Spoken::Clickhouse) => Dialect::ClickHouse,
            };
            Ok(Question::new(asked.sql).speaking(dialect).with_params(asked.params))
        }
        _ => Err(Problem::new(&PARAMS_INVALID)
            .detail("params is an object with values for $name, or an array for $1, $2 ….")),
    }
}
