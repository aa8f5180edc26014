//! `footfall replay`: reads quarantined items again with the limits and the tracking plan in force; what can be taken now becomes activity.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::TimestampMillisecondType;
use axum::extract::State;
use footfall_api_access::Permission;
use footfall_api_app::{Gatekeeper, May};
use footfall_api_data::TrackingPlans;
use footfall_api_http::{Problem, Query, Routes, Site, Told, post};
use footfall_ingest_activity::{Clock, Entry, Limits, Record, Resolved, Source, Timestamp};
use footfall_ingest_plan::Plan;
use footfall_ingest_server::{Dialect, Plans, parse_quarantined};
use footfall_pipelines_store::query::Question;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::app;
use crate::client::Call;
use crate::config::Settings;
use crate::console::say;
use crate::error::AppError;
use crate::operator::Presence;
use crate::wiring::{self, Stack};

/// What to replay.
#[derive(Debug, Clone, Default, clap::Args, Serialize, Deserialize)]
pub struct ReplayArgs {
    /// Only items with this reason, as in the table quarantine
    #[arg(long)]
    pub(crate) reason: Option<String>,
    /// At most this many items, oldest first
    #[arg(long, default_value_t = 1_000_000)]
    pub(crate) limit: u64,
}

/// Many items take their time.
const LONG: Duration = Duration::from_secs(3600);

#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Replayed {
    pub(crate) replayed: u64,
    pub(crate) quarantined: u64,
}

/// Runs the command.
pub async fn run(arguments: ReplayArgs, settings: Settings, clock: Arc<dyn Clock>) -> Result<(), AppError> {
    let done = if let Some(server) = Presence::find(&settings.data_dir).await {
        let encoded = |reason: &str| format!("&reason={}", utf8_percent_encode(reason, NON_ALPHANUMERIC));
        let reason = arguments.reason.as_deref().map(encoded).unwrap_or_default();
        let path = format!("/v1/operator/replay?project={}&limit={}{reason}", settings.project, arguments.limit);
        server.json(&Call::post(&path, "", "")).await?
    } else {
        let access = app::open_for_command(&settings, clock.clone()).await?;
        let plans = app::open_plans(&access, clock.clone()).await?;
        let stack = Stack::open(&settings, clock).await?;
        stack.catch_up(Duration::from_secs(600)).await;
        let done = replay(&stack, &settings.project, &wiring::limits(&settings), &plans, &arguments).await;
        stack.close(Duration::from_secs(600)).await?;
        done?
    };
    say(format!("replayed {}, still quarantined {}", done.replayed, done.quarantined));
    Ok(())
}

pub(crate) async fn replay(
    stack: &Stack,
    project: &str,
    limits: &Limits,
    plans: &TrackingPlans,
    arguments: &ReplayArgs,
) -> Result<Replayed, AppError> {
    plans.refresh().await.map_err(|error| AppError::Internal(error.to_string()))?;
    let plan = plans.plan(project);
    let of_reason = if arguments.reason.is_some() { "AND reason = $reason" } else { "" };
    let sql = format!(
        "SELECT quarantine_id, dialect, raw, received_at, sent_at FROM quarantine
         WHERE resolved_at IS NULL {of_reason} ORDER BY received_at, quarantine_id LIMIT {}",
        arguments.limit
    );
    let question = match &arguments.reason {
        Some(reason) => Question::new(sql).with_params(serde_json::json!({ "reason": reason })),
        None => Question::new(sql),
    };
    let mut answer = stack.engine.query(project, question).await?;
    let mut done = Replayed::default();
    while let Some(batch) = answer.next().await {
        let records = read_again(&batch?, project, (limits, plan.as_deref()), stack.clock.now(), &mut done)?;
        for part in records.chunks(1000) {
            stack.log.append(part.to_vec()).await?;
        }
    }
    Ok(done)
}

/// Two records for every item that can be taken now: the activity, and that the item is settled.
fn read_again(
    batch: &RecordBatch,
    project: &str,
    (limits, plan): (&Limits, Option<&Plan>),
    now: Timestamp,
    done: &mut Replayed,
) -> Result<Vec<Record>, AppError> {
    let text = |name: &str, row: usize| {
        let column = batch.column_by_name(name)?;
        let column = arrow::compute::cast(column, &arrow::datatypes::DataType::Utf8View).ok()?;
        column.is_valid(row).then(|| column.as_string_view().value(row).to_owned())
    };
    let time = |name: &str, row: usize| {
        let column = batch.column_by_name(name)?.as_primitive_opt::<TimestampMillisecondType>()?;
        column.is_valid(row).then(|| Timestamp::from_millis(column.value(row)))
    };
    let mut records = Vec::new();
    for row in 0..batch.num_rows() {
        let (id, raw) = (text("quarantine_id", row).unwrap_or_default(), text("raw", row).unwrap_or_default());
        let dialect = text("dialect", row).unwrap_or_default();
        let source = Source {
            project,
            dialect: &dialect,
            received_at: time("received_at", row).unwrap_or(now),
            sent_at: time("sent_at", row),
            raw: &raw,
            import: None,
            skew: None,
        };
        let known = Dialect::of(&dialect).unwrap_or(Dialect::Import);
        let Ok(record) = parse_quarantined(known, &source, limits, plan) else {
            done.quarantined += 1;
            continue;
        };
        let settled = Resolved { project: project.into(), quarantine_id: id.into(), resolved_at: now };
        let settled = Entry::Resolved(settled).encode().map_err(|error| AppError::Internal(error.to_string()))?;
        records.extend([record, settled]);
        done.replayed += 1;
    }
    Ok(records)
}

#[derive(Clone)]
struct Replay {
    stack: Arc<Stack>,
    limits: Limits,
    plans: TrackingPlans,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Asked {
    #[schemars(length(min = 1, max = 64))]
    project: String,
    /// Only items with this reason.
    #[schemars(length(min = 1, max = 64))]
    reason: Option<String>,
    /// At most this many items, oldest first.
    #[schemars(range(min = 0, max = 10_000_000))]
    limit: u64,
}

/// Adds the route by which the command asks the running server.
#[must_use]
pub fn add(site: Site<Gatekeeper>, stack: Arc<Stack>, limits: Limits, plans: TrackingPlans) -> Site<Gatekeeper> {
    let operator = May(Permission::InstallationManage);
    let about = "Reads quarantined items again with the limits and the tracking plan in force.";
    let route = post("/v1/operator/replay", operator, replay_quarantine, about).time_max(LONG);
    site.add(Routes::new("replay", "Quarantined items, once more.", [route]), Replay { stack, limits, plans })
}

async fn replay_quarantine(State(state): State<Replay>, Query(asked): Query<Asked>) -> Result<Told<Replayed>, Problem> {
    let arguments = ReplayArgs { reason: asked.reason, limit: asked.limit };
    let done = replay(&state.stack, &asked.project, &state.limits, &state.plans, &arguments).await;
    done.map(Told).map_err(Problem::internal)
}
