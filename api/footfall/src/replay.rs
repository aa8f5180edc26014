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
use footfall_ingest_log::{ActivityLog, LogError};
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
/// Records of one append.
const APPENDED_MAX: usize = 500;

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
        let stack = Stack::open_to_append(&settings, clock).await?;
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
        let again = read_again(&batch?, project, (limits, plan.as_deref()), stack.clock.now(), &mut done)?;
        append(&*stack.log, &again).await?;
    }
    Ok(done)
}

/// Two records for every item that can be taken now.
#[derive(Debug, Default)]
struct Again {
    activities: Vec<Record>,
    /// That the items are settled.
    settled: Vec<Record>,
}

/// The activities first. Both records of an item may lie in different partitions, and of one append a part alone may be written; nobody
/// reads again what is settled.
async fn append(log: &dyn ActivityLog, again: &Again) -> Result<(), LogError> {
    for part in again.activities.chunks(APPENDED_MAX).chain(again.settled.chunks(APPENDED_MAX)) {
        log.append(part.to_vec()).await?;
    }
    Ok(())
}

fn read_again(
    batch: &RecordBatch,
    project: &str,
    (limits, plan): (&Limits, Option<&Plan>),
    now: Timestamp,
    done: &mut Replayed,
) -> Result<Again, AppError> {
    let text = |name: &str, row: usize| {
        let column = batch.column_by_name(name)?;
        let column = arrow::compute::cast(column, &arrow::datatypes::DataType::Utf8View).ok()?;
        column.is_valid(row).then(|| column.as_string_view().value(row).to_owned())
    };
    let time = |name: &str, row: usize| {
        let column = batch.column_by_name(name)?.as_primitive_opt::<TimestampMillisecondType>()?;
        column.is_valid(row).then(|| Timestamp::from_millis(column.value(row)))
    };
    let mut again = Again::default();
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
            // Whoever is stopped between the activity and what settles the item reads it again: it has to be the same one.
            id_of_none: Some(&id),
            skew: None,
        };
        let known = Dialect::of(&dialect).unwrap_or(Dialect::Import);
        let Ok(record) = parse_quarantined(known, &source, limits, plan) else {
            done.quarantined += 1;
            continue;
        };
        let settled = Resolved { project: project.into(), quarantine_id: id.as_str().into(), resolved_at: now };
        let settled = Entry::Resolved(settled).encode().map_err(|error| AppError::Internal(error.to_string()))?;
        again.activities.push(record);
        again.settled.push(settled);
        done.replayed += 1;
    }
    Ok(again)
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use arrow::array::{ArrayRef, StringArray, TimestampMillisecondArray};

    use super::*;
    use crate::away::Away;

    fn quarantined() -> RecordBatch {
        let text = |text: &str| -> ArrayRef { Arc::new(StringArray::from(vec![text])) };
        let at = |at: Option<i64>| -> ArrayRef { Arc::new(TimestampMillisecondArray::from(vec![at])) };
        RecordBatch::try_from_iter_with_nullable([
            ("quarantine_id", text("0190a6b4-0000-8000-8000-000000000001"), false),
            ("dialect", text("native"), false),
            ("raw", text("{\"distinctId\":\"ada\",\"event\":\"signed\"}"), false),
            ("received_at", at(Some(1_800_000_000_000)), true),
            ("sent_at", at(None), true),
        ])
        .unwrap()
    }

    fn read() -> Again {
        let (limits, mut done) = (Limits::default(), Replayed::default());
        let again = read_again(&quarantined(), "shop", (&limits, None), Timestamp::from_millis(1), &mut done).unwrap();
        assert_eq!((done.replayed, done.quarantined), (1, 0));
        again
    }

    #[tokio::test]
    async fn no_item_is_settled_whose_activity_was_not_written() {
        let log = Away::of(|record| record.kind == Record::KIND_ACTIVITY);
        assert!(append(&log, &read()).await.is_err());
        assert!(log.written().is_empty(), "it can be replayed again");
        let log = Away::of(|record| record.kind == Record::KIND_RESOLVED);
        assert!(append(&log, &read()).await.is_err());
        assert_eq!(log.written(), [Record::KIND_ACTIVITY]);
    }

    #[test]
    fn an_item_without_id_and_time_is_the_same_activity_each_time() {
        let (once, again) = (read(), read());
        assert_eq!(once.activities, again.activities);
        let id = "0190a6b4-0000-8000-8000-000000000001";
        let entry = Entry::decode(once.activities[0].kind, &once.activities[0].payload).unwrap();
        assert!(matches!(entry, Entry::Activity(activity) if activity.message_id.as_str() == id));
    }
}
