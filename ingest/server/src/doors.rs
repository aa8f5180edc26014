//! The way of a request, the same for every dialect: read the body within bounds, undo compression, read it, append
//! it durably, count it.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use footfall_ingest_activity::{Clock, Limits, Record, Skew};
use footfall_ingest_log::{ActivityLog, LogError};
use http_body_util::BodyExt;
use tokio::sync::Semaphore;

use crate::decode::{DecodeError, Encoding, decode};
use crate::fault::Fault;
use crate::gate::{Backlog, Gate};
use crate::head::Head;
use crate::in_flight::{InFlight, Reservation};
use crate::intake::{self, ParsedRequest, Setting};
use crate::keys::{Caller, WriteKeys};
use crate::plans::Plans;
use crate::wire::Wire;

/// Bounds of the doors.
#[derive(Debug, Clone)]
pub struct DoorsConfig {
    /// Limits on one activity.
    pub limits: Limits,
    /// Largest Segment or RudderStack body, unpacked.
    pub segment_body_bytes_max: usize,
    /// Largest PostHog single-event body (`/e`, `/capture` …), unpacked.
    pub posthog_event_bytes_max: usize,
    /// Largest PostHog batch body, unpacked.
    pub posthog_batch_bytes_max: usize,
    /// Largest native body, unpacked.
    pub native_body_bytes_max: usize,
    /// Most items in one request.
    pub items_max: usize,
    /// Longest time that a body may take to arrive.
    pub body_timeout: Duration,
    /// Most bytes of bodies, packed and unpacked, over all requests at a time.
    pub in_flight_bytes_max: usize,
    /// Longest time that a request is held back while the tables are behind.
    pub hold_max: Duration,
    /// Largest single append to the log; larger requests are appended in parts.
    pub append_bytes_max: usize,
    /// Devices whose clocks are remembered.
    pub skew_devices_max: usize,
}

impl Default for DoorsConfig {
    fn default() -> Self {
        DoorsConfig {
            limits: Limits::default(),
            segment_body_bytes_max: 4 << 20,
            posthog_event_bytes_max: 2 << 20,
            posthog_batch_bytes_max: 20 << 20,
            native_body_bytes_max: 20 << 20,
            items_max: 50_000,
            body_timeout: Duration::from_secs(20),
            in_flight_bytes_max: 256 << 20,
            hold_max: Duration::from_secs(5),
            append_bytes_max: 4 << 20,
            skew_devices_max: 100_000,
        }
    }
}

/// Everything that the doors need; cheap to clone.
#[derive(Clone)]
pub struct Doors {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) log: Arc<dyn ActivityLog>,
    pub(crate) keys: Arc<dyn WriteKeys>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) config: DoorsConfig,
    plans: Option<Arc<dyn Plans>>,
    skew: Skew,
    in_flight: InFlight,
    gate: Gate,
    /// A large body is read when a processor is free for it.
    large: Semaphore,
}

/// What stands around the items of a request (the context of a batch, the client's name) is kept with each of them; together these
/// copies are at most so large. A small body can ask for any amount of them.
const COPIED_BYTES_MAX: usize = 64 << 20;

/// Bodies larger than this are read on a thread of their own: on a shared one they would hold up everybody else.
const BLOCKING_BYTES_MIN: usize = 64 * 1024;

impl Doors {
    /// Doors that append to `log` what the holders of `keys` send.
    pub fn new(
        log: Arc<dyn ActivityLog>,
        keys: Arc<dyn WriteKeys>,
        clock: Arc<dyn Clock>,
        config: DoorsConfig,
    ) -> Self {
        let skew = Skew::with_capacity(config.skew_devices_max);
        let in_flight = InFlight::new(config.in_flight_bytes_max);
        let gate = Gate::new(None, config.hold_max);
        let large = Semaphore::new(std::thread::available_parallelism().map_or(2, usize::from));
        Doors { inner: Arc::new(Inner { log, keys, clock, config, plans: None, skew, in_flight, gate, large }) }
    }

    /// Holds requests back while the tables are behind. To be said before the doors are shared.
    pub fn behind(mut self, backlog: Arc<dyn Backlog>) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.inner) {
            inner.gate = Gate::new(Some(backlog), inner.config.hold_max);
        }
        self
    }

    /// Holds activities against the plans of their projects. To be said before the doors are shared.
    pub fn planned(mut self, plans: Arc<dyn Plans>) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.inner) {
            inner.plans = Some(plans);
        }
        self
    }

    /// Takes a request whole: what it returns is durable.
    pub(crate) async fn accept(&self, wire: Wire, head: Head, body: Body) -> Result<ParsedRequest, Fault> {
        let dialect = wire.dialect().as_str();
        let taken = self.take(wire, head, body).await;
        match &taken {
            Ok(parsed) => count(dialect, parsed),
            Err(fault) => count_refused(dialect, fault),
        }
        taken
    }

    async fn take(&self, wire: Wire, head: Head, body: Body) -> Result<ParsedRequest, Fault> {
        let encoding = Encoding::named(&head.encoding).ok_or(Fault::EncodingUnknown)?;
        let bytes_max = wire.bytes_max(&self.inner.config);
        let mut held = self.inner.in_flight.reservation();
        let packed = self.read_body(body, bytes_max, &mut held).await?;
        let inner = Arc::clone(&self.inner);
        let size = packed.len();
        let passage = self.inner.gate.pass(items_about(size, encoding)).await?;
        let work = move || inner.process(wire, &head, &packed, encoding, held);
        let (mut parsed, project, held) =
            if size > BLOCKING_BYTES_MIN || encoding != Encoding::Identity && size > 32 * 1024 {
                let _turn = self.inner.large.acquire().await.map_err(|_| Fault::Internal)?;
                tokio::task::spawn_blocking(work).await.map_err(|_| Fault::Internal)??
            } else {
                work()?
            };
        self.append(std::mem::take(&mut parsed.records)).await?;
        if let Some(plans) = self.inner.plans.as_ref().filter(|_| !parsed.violated.is_empty()) {
            plans.violated(&project, std::mem::take(&mut parsed.violated));
        }
        drop((held, passage));
        Ok(parsed)
    }

    async fn read_body(&self, body: Body, bytes_max: usize, held: &mut Reservation) -> Result<Bytes, Fault> {
        let read = read_bounded(body, bytes_max, held);
        tokio::time::timeout(self.inner.config.body_timeout, read).await.map_err(|_| Fault::Slow)?
    }

    async fn append(&self, records: Vec<Record>) -> Result<(), LogError> {
        if records.is_empty() {
            return Ok(());
        }
        let bytes: usize = records.iter().map(|record| record.payload.len() + 16).sum();
        if bytes <= self.inner.config.append_bytes_max {
            return self.inner.log.append(records).await.map(drop);
        }
        let (mut part, mut part_bytes) = (Vec::new(), 0);
        for record in records {
            let record_bytes = record.payload.len() + 16;
            if part_bytes + record_bytes > self.inner.config.append_bytes_max && !part.is_empty() {
                self.inner.log.append(std::mem::take(&mut part)).await?;
                part_bytes = 0;
            }
            part_bytes += record_bytes;
            part.push(record);
        }
        self.inner.log.append(part).await.map(drop)
    }
}

/// How many items a body of `size` bytes holds, about.
fn items_about(size: usize, encoding: Encoding) -> u64 {
    let packed_to = if encoding == Encoding::Identity { 1 } else { 8 };
    1 + (size * packed_to / 500) as u64
}

async fn read_bounded(mut body: Body, bytes_max: usize, held: &mut Reservation) -> Result<Bytes, Fault> {
    let mut first: Option<Bytes> = None;
    let mut rest = BytesMut::new();
    let mut size = 0;
    while let Some(frame) = body.frame().await {
        let Ok(chunk) = frame.map_err(|_| Fault::Disconnected)?.into_data() else { continue };
        size += chunk.len();
        if size > bytes_max {
            return Err(Fault::TooLarge { bytes_max });
        }
        if !held.grow(chunk.len()) {
            return Err(Fault::Busy);
        }
        match &first {
            None => first = Some(chunk),
            Some(first) if rest.is_empty() => {
                rest.extend_from_slice(first);
                rest.extend_from_slice(&chunk);
            }
            Some(_) => rest.extend_from_slice(&chunk),
        }
    }
    Ok(if rest.is_empty() { first.unwrap_or_default() } else { rest.freeze() })
}

impl Inner {
    /// Everything between the bytes and the log; no waiting.
    fn process(
        &self,
        wire: Wire,
        head: &Head,
        packed: &[u8],
        said: Encoding,
        mut held: Reservation,
    ) -> Result<(ParsedRequest, Arc<str>, Reservation), Fault> {
        let bytes_max = wire.bytes_max(&self.config);
        let encoding = Encoding::of(packed, said);
        let decoded;
        let body = if encoding == Encoding::Identity && !wire.is_wrapped() {
            packed
        } else {
            let unpacked = decode(packed, encoding, bytes_max, &mut |bytes| held.grow(bytes));
            let unpacked = unpacked.map_err(|error| match error {
                DecodeError::TooLarge { bytes_max } => Fault::TooLarge { bytes_max },
                DecodeError::Broken(fault) => Fault::Body(fault),
            })?;
            decoded = wire.unwrap_body(unpacked.ok_or(Fault::Busy)?)?;
            &decoded
        };
        let envelope = wire.read(body, head, self.config.items_max)?;
        let key = head.key.as_deref().filter(|_| !wire.body_key_first()).or(envelope.key.as_deref());
        let key = key.or(head.key.as_deref()).ok_or(Fault::KeyMissing)?;
        let caller = self.keys.resolve(key).ok_or(Fault::KeyUnknown)?;
        let copied = envelope.copied_bytes();
        if copied > COPIED_BYTES_MAX {
            return Err(Fault::CopiesTooLarge { bytes_max: COPIED_BYTES_MAX });
        }
        if !held.grow(copied) {
            return Err(Fault::Busy);
        }
        let project = project_of(&caller, head);
        let plan = self.plans.as_ref().and_then(|plans| plans.plan(&project));
        let setting = Setting {
            project: &project,
            received_at: self.clock.now(),
            import: head.import.as_deref().filter(|_| caller.operator),
            limits: &self.config.limits,
            skew: Some(&self.skew),
            plan: plan.as_deref(),
            operator: caller.operator,
            environment: caller.environment.as_deref(),
            verbose: head.verbose || wire.wants_every_fate(),
        };
        let parsed = intake::take(&envelope, &setting);
        Ok((parsed, project, held))
    }
}

fn project_of(caller: &Caller, head: &Head) -> Arc<str> {
    let named = head.project.as_deref().filter(|_| caller.operator);
    named.map_or_else(|| caller.project.clone(), Arc::from)
}

/// Adds a request that is refused as a whole to the account: one received, one rejected.
pub(crate) fn count_refused(dialect: &'static str, fault: &Fault) {
    metrics::counter!("footfall_received_total", "dialect" => dialect).increment(1);
    metrics::counter!("footfall_rejected_total", "dialect" => dialect, "reason" => fault.code()).increment(1);
}

/// Adds the request to the account, one call per counter.
fn count(dialect: &'static str, parsed: &ParsedRequest) {
    let add = |name: &'static str, count: usize| {
        if count > 0 {
            metrics::counter!(name, "dialect" => dialect).increment(count as u64);
        }
    };
    add("footfall_received_total", parsed.received());
    add("footfall_accepted_total", parsed.accepted);
    for fate in &parsed.fates {
        let Some(refusal) = &fate.refusal else { continue };
        let name = match fate.outcome {
            intake::Outcome::Quarantined => "footfall_quarantined_total",
            _ => "footfall_rejected_total",
        };
        metrics::counter!(name, "dialect" => dialect, "reason" => refusal.reason.code()).increment(1);
    }
}
