//! The route by which `footfall migrate` reads on in the log of the running server.

use std::sync::{Arc, Weak};
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use footfall_api_access::Permission;
use footfall_api_app::{Gatekeeper, May};
use footfall_api_http::{JsonBody, Kind, Problem, Routes, Site, Told, post};
use footfall_ingest_activity::Checkpoint;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::lease::Lease;
use crate::wiring::Stack;

/// Payload bytes of an answer, about.
const BYTES_MAX: usize = 2 << 20;
/// How long an answer waits for something to come.
const WAIT: Duration = Duration::from_millis(200);

/// Between two looks whether it is still there.
const LOOK: Duration = Duration::from_secs(60);

#[derive(Clone)]
struct Desk {
    stack: Arc<Stack>,
    lease: Arc<Lease>,
}

static AHEAD: Kind = Kind::new(StatusCode::CONFLICT, "ahead_of_log", "The log has not come so far.");

/// Where to read on in one partition of the log.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogPlace {
    pub partition: u32,
    /// The next record to be read.
    pub offset: u64,
}

/// Where one partition of the log was read to.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
pub struct LogReadTo {
    pub partition: u32,
    /// The next record to be read.
    pub offset: u64,
}

/// From where to read; everything before may be deleted when it is old.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogFrom {
    /// Without it nothing is read, and what the tables on disk do not have yet is kept from now on.
    #[schemars(length(max = 4096))]
    pub from: Option<Vec<LogPlace>>,
}

/// A record as it lies in the log.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct LogLine {
    pub partition: u32,
    pub offset: u64,
    pub kind: u8,
    /// JSON, byte for byte.
    pub payload: String,
}

/// Records in order of offset within each partition.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct LogStretch {
    pub records: Vec<LogLine>,
    pub next: Vec<LogReadTo>,
}

pub fn places_of(checkpoint: &Checkpoint) -> Vec<LogPlace> {
    checkpoint.iter().map(|(partition, offset)| LogPlace { partition, offset }).collect()
}

fn read_to(checkpoint: &Checkpoint) -> Vec<LogReadTo> {
    checkpoint.iter().map(|(partition, offset)| LogReadTo { partition, offset }).collect()
}

/// Adds the route.
#[must_use]
pub fn add(site: Site<Gatekeeper>, stack: Arc<Stack>) -> Site<Gatekeeper> {
    let about = "Reads on in the log, for a move onto other backends; what was not read is kept.";
    let read = post("/v1/operator/log", May(Permission::InstallationManage), read, about).raises([&AHEAD]);
    let lease = Lease::new(stack.log.clone(), stack.clock.clone());
    tokio::spawn(watch(Arc::downgrade(&lease)));
    site.add(Routes::new("log", "The log as it is.", [read]), Desk { stack, lease })
}

/// Looks now and then whether whoever moves the installation is still there.
async fn watch(lease: Weak<Lease>) {
    let mut look = tokio::time::interval(LOOK);
    loop {
        look.tick().await;
        let Some(lease) = lease.upgrade() else { return };
        if lease.look() {
            tracing::warn!("nobody has read on in the log for a move: it is kept for that no longer");
        }
    }
}

async fn read(
    State(Desk { stack, lease }): State<Desk>,
    JsonBody(asked): JsonBody<LogFrom>,
) -> Result<Told<LogStretch>, Problem> {
    let Some(from) = asked.from else {
        let begun = stack.store.durable_checkpoint();
        lease.reads_from(&begun);
        return Ok(Told(LogStretch { records: Vec::new(), next: read_to(&begun) }));
    };
    let from = from.iter().map(|place| (place.partition, place.offset)).collect();
    // The log would take a place that it has not come to for records that it lost.
    if !stack.log.end().covers(&from) {
        return Err(Problem::new(&AHEAD));
    }
    lease.reads_from(&from);
    let batch = stack.log.read(&from, BYTES_MAX, WAIT).await.map_err(Problem::internal)?;
    let lines = batch.records.into_iter().map(|record| {
        let payload = String::from_utf8(record.payload.to_vec()).map_err(Problem::internal)?;
        Ok(LogLine { partition: record.partition, offset: record.offset, kind: record.kind, payload })
    });
    let records = lines.collect::<Result<Vec<_>, Problem>>()?;
    Ok(Told(LogStretch { records, next: read_to(&batch.next) }))
}
