//! The audit of an organisation: listed, exported, and its chain verified.

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use footfall_api_access::{Access, AccessError, Act, AuditRecord, AuditWanted, Permission};
use footfall_api_http::{Answer, Operation, Page, Paging, Path, Problem, Routes, Time, Told, attachment, get};
use futures::stream;
use http::{HeaderValue, StatusCode, header};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::places::InOrganisation;
use crate::authority::Member;
use crate::gate::Gate;
use crate::origin::Whence;
use crate::permission::May;
use crate::problem::{ALWAYS, problem};

/// A record: who did what, on what, from where, with what outcome.
#[derive(Serialize, JsonSchema)]
struct AuditEntry {
    sequence: i64,
    at: Time,
    /// `account`, `key`, `anonymous`, `operator` or `system`.
    actor_kind: String,
    actor: String,
    action: String,
    /// `done` or `refused`.
    outcome: String,
    object_kind: String,
    object: String,
    project_id: Option<String>,
    address: String,
    device: String,
    place: String,
    request_id: String,
    before: Value,
    after: Value,
    /// Chains it to the record before it.
    hash: String,
}

/// From which end the list begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum AuditOrder {
    #[default]
    Oldest,
    Newest,
}

/// Which records are listed.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct AuditFilter {
    /// What comes first; `oldest` if absent.
    order: Option<AuditOrder>,
    /// Words that all occur in a record, in whatever case: of its act, actor, object, address, states. At most ten.
    #[schemars(length(min = 1, max = 200))]
    words: Option<String>,
}

/// Further ones are not looked for.
const WORDS_MAX: usize = 10;

/// What a walk over the whole chain of this installation has found.
#[derive(Serialize, JsonSchema)]
struct AuditCheck {
    records: u64,
    is_intact: bool,
    /// The last record and its hash. Written down elsewhere, they show later that nothing was cut off.
    end_sequence: i64,
    end_hash: String,
    faults: Vec<String>,
}

pub(crate) fn routes() -> Routes<Gate, May> {
    let of = "/v1/organisations/{organisation}/audit";
    let export_of = "/v1/organisations/{organisation}/audit/export";
    let check_of = "/v1/organisations/{organisation}/audit/verification";
    let read = || May(Permission::AuditRead);
    Routes::new(
        "audit",
        "Who did what.",
        [
            get(
                of,
                read(),
                list,
                "Records, oldest first unless the newest are asked for; all, or those with some words.",
            )
            .cost(5)
            .raises(ALWAYS),
            get(export_of, May(Permission::AuditExport), export, "All records, one line of JSON each.")
                .step_up()
                .cost(50)
                .raises(ALWAYS),
            get(check_of, read(), verify, "Walks the chain and tells what was changed, removed or moved.")
                .cost(100)
                .raises(ALWAYS),
        ],
    )
}

fn entry(record: AuditRecord) -> AuditEntry {
    let state = |text: &str| serde_json::from_str(text).unwrap_or(Value::Null);
    AuditEntry {
        sequence: record.sequence,
        at: record.at.into(),
        actor_kind: record.actor_kind,
        actor: record.actor,
        action: record.action,
        outcome: record.outcome,
        object_kind: record.object_kind,
        object: record.object,
        project_id: Some(record.project_id).filter(|project| !project.is_empty()),
        address: record.address,
        device: record.device,
        place: record.place,
        request_id: record.request_id,
        before: state(&record.before_state),
        after: state(&record.after_state),
        hash: record.hash,
    }
}

async fn list(
    State(gate): State<Gate>,
    Path(place): Path<InOrganisation>,
    paging: Paging<AuditFilter, i64>,
) -> Result<Page<AuditEntry>, Problem> {
    let AuditFilter { order, words } = &paging.filter;
    let words = words.as_deref().unwrap_or_default();
    let wanted = AuditWanted {
        is_newest_first: *order == Some(AuditOrder::Newest),
        words: words.split_whitespace().take(WORDS_MAX).map(str::to_owned).collect(),
        after: paging.after,
        limit: paging.limit + 1,
    };
    let records = gate.access.audit_found(&place.organisation, wanted).await;
    Ok(Page::of(records.map_err(problem)?, &paging, |record| record.sequence, entry))
}

async fn verify(State(gate): State<Gate>, Path(_): Path<InOrganisation>) -> Result<Told<AuditCheck>, Problem> {
    let report = gate.access.verify_audit().await.map_err(problem)?;
    Ok(Told(AuditCheck {
        records: report.records,
        is_intact: report.faults.is_empty(),
        end_sequence: report.end.0,
        end_hash: report.end.1,
        faults: report.faults.iter().map(ToString::to_string).collect(),
    }))
}

/// Lines of JSON.
struct Lines(Body);

const NDJSON: &str = "application/x-ndjson";

impl IntoResponse for Lines {
    fn into_response(self) -> Response {
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static(NDJSON)),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
            (header::CONTENT_DISPOSITION, attachment("audit.ndjson")),
        ];
        (headers, self.0).into_response()
    }
}

impl Answer for Lines {
    fn describe(operation: &mut Operation<'_>) {
        let content = vec![(NDJSON, json!({"type": "string"}))];
        operation.replies(StatusCode::OK, "A line of JSON for each record, as the list has them.", &[], content);
    }
}

async fn export(
    State(gate): State<Gate>,
    Extension(member): Extension<Member>,
    Whence(origin): Whence,
    Path(place): Path<InOrganisation>,
) -> Result<Lines, Problem> {
    let act = Act::new(member.caller.actor.clone(), "audit.export", &origin);
    gate.access.record_alone(act.within(&place.organisation, "")).await.map_err(problem)?;
    let start = (gate.access.clone(), place.organisation, 0);
    let lines = stream::try_unfold(start, |(access, organisation, after)| async move {
        let lines = next_lines(&access, &organisation, after).await.inspect_err(|error| {
            tracing::error!(%error, "an export of the audit broke off");
        })?;
        Ok::<_, AccessError>(lines.map(|(lines, last)| (lines, (access, organisation, last))))
    });
    Ok(Lines(Body::from_stream(lines)))
}

/// Some lines after a record, and the last record among them.
async fn next_lines(access: &Access, organisation: &str, after: i64) -> Result<Option<(Bytes, i64)>, AccessError> {
    let records = access.audit_after(Some(organisation), after, 500).await?;
    let Some(last) = records.last().map(|record| record.sequence) else { return Ok(None) };
    let mut lines = Vec::new();
    for record in records {
        serde_json::to_writer(&mut lines, &entry(record)).map_err(|_| AccessError::Damaged("a record"))?;
        lines.push(b'\n');
    }
    Ok(Some((lines.into(), last)))
}
