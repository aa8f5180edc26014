//! Clients of Kafka, configured: what is promised to the doors stands here.

use std::sync::Arc;

use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::producer::FutureProducer;

use super::access;
use super::place::Place;
use super::refusals::Refusals;
use crate::{KafkaAccess, LogError, LogOptions};

/// Passes librdkafka's lines on to tracing, and what it says of refusals to whoever waits.
#[derive(Clone)]
pub(super) struct Traced(pub Arc<Refusals>);

impl ClientContext for Traced {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        match level {
            RDKafkaLogLevel::Debug => tracing::trace!(facility, "{line}"),
            // It tells of each try to reach a broker; whether the log works is told by its state.
            _ => tracing::debug!(facility, "{line}"),
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, "{reason}");
        self.0.hear(&error, reason);
    }
}

impl ConsumerContext for Traced {}

pub(super) type Producer = FutureProducer<Traced>;
pub(super) type Consumer = BaseConsumer<Traced>;

pub(super) fn fault(doing: &'static str) -> impl Fn(KafkaError) -> LogError {
    move |error| LogError::Kafka { doing, detail: error.to_string() }
}

/// For what fails when nobody answers.
pub(super) fn away(error: KafkaError) -> LogError {
    LogError::Away { detail: error.to_string() }
}

pub(super) fn common(place: &Place, access: &KafkaAccess) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", &place.brokers)
        .set("client.id", "footfall")
        .set("socket.keepalive.enable", "true")
        .set("reconnect.backoff.ms", "50")
        .set("reconnect.backoff.max.ms", "1000");
    access::configure(&mut config, access);
    config
}

/// Idempotent, acknowledged by all replicas in sync: what is acknowledged is there once and in order.
pub(super) fn producer(place: &Place, options: &LogOptions, refusals: &Arc<Refusals>) -> Result<Producer, LogError> {
    let mut config = common(place, &options.kafka);
    config
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("compression.type", "lz4")
        .set("linger.ms", "2")
        .set("batch.num.messages", "10000")
        .set("batch.size", "1000000")
        .set("message.max.bytes", message_bytes_max(options).to_string())
        .set("message.timeout.ms", place.timeout_ms.to_string())
        .set("queue.buffering.max.messages", "1000000")
        // More than may wait, so that our own bound is met first.
        .set("queue.buffering.max.kbytes", (options.waiting_bytes_max / 1024 * 2 + 65_536).to_string());
    config.create_with_context(Traced(refusals.clone())).map_err(fault("making a producer"))
}

/// Reads partitions that it is given, from offsets that it is given.
pub(super) fn consumer(
    place: &Place,
    options: &LogOptions,
    refusals: &Arc<Refusals>,
) -> Result<Arc<Consumer>, LogError> {
    let mut config = common(place, &options.kafka);
    config
        .set("group.id", format!("footfall-{}", place.topic))
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "earliest")
        // A transaction that somebody else leaves open in the topic must hide nothing of ours that was acknowledged behind it.
        .set("isolation.level", "read_uncommitted")
        .set("fetch.wait.max.ms", "50")
        .set("fetch.error.backoff.ms", "50")
        .set("fetch.message.max.bytes", message_bytes_max(options).to_string())
        .set("queued.max.messages.kbytes", "32768");
    config.create_with_context(Traced(refusals.clone())).map(Arc::new).map_err(fault("making a consumer"))
}

/// One record is an activity, which the doors bound far below this.
pub(super) fn message_bytes_max(options: &LogOptions) -> usize {
    options.append_bytes_max.clamp(1_000_000, 64 << 20)
}
