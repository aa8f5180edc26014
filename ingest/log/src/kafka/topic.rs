//! The topic: made with stated settings if there is none, and agreed with if there is.

use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::consumer::Consumer as _;
use rdkafka::types::RDKafkaErrorCode;

use super::clients::{Consumer, Traced, common, fault, message_bytes_max};
use super::place::Place;
use crate::{LogError, LogOptions};

const ANSWER: Duration = Duration::from_secs(10);

/// Makes sure that the topic is there with as many partitions as the settings say.
pub(super) async fn settle(place: &Place, options: &LogOptions, consumer: &Consumer) -> Result<(), LogError> {
    let deadline = Instant::now() + Duration::from_millis(u64::from(place.timeout_ms)).max(ANSWER);
    let mut found = partitions(place, consumer)?;
    if found == 0 {
        make(place, options).await?;
        while found == 0 && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(50)).await;
            found = partitions(place, consumer)?;
        }
    }
    if found == options.partitions as usize {
        return Ok(());
    }
    let detail = format!(
        "topic {} has {found} partitions and log.partitions is {}: keys would change their places; set it to what the topic has",
        place.topic, options.partitions
    );
    Err(LogError::Kafka { doing: "opening the topic", detail })
}

/// How many partitions the topic has; 0 if there is no such topic.
fn partitions(place: &Place, consumer: &Consumer) -> Result<usize, LogError> {
    let metadata = consumer.fetch_metadata(Some(&place.topic), ANSWER).map_err(fault("asking for the topic"))?;
    let topic = metadata.topics().iter().find(|topic| topic.name() == place.topic);
    Ok(topic.filter(|topic| topic.error().is_none()).map_or(0, |topic| topic.partitions().len()))
}

async fn make(place: &Place, options: &LogOptions) -> Result<(), LogError> {
    let admin: AdminClient<Traced> =
        common(place, &options.kafka)?.create_with_context(Traced).map_err(fault("making an admin client"))?;
    let retention_ms = options.retention_age_millis.unwrap_or(-1).to_string();
    // The setting bounds the whole log, Kafka's bounds a partition.
    let retention_bytes =
        options.retention_bytes.map_or(-1, |bytes| (bytes / u64::from(options.partitions.max(1))) as i64).to_string();
    let (min_insync, bytes_max) = (place.min_insync.to_string(), (message_bytes_max(options) + 65_536).to_string());
    let replication = TopicReplication::Fixed(place.replication);
    let partitions = i32::try_from(options.partitions).unwrap_or(i32::MAX);
    let topic = NewTopic::new(&place.topic, partitions, replication)
        .set("cleanup.policy", "delete")
        .set("retention.ms", &retention_ms)
        .set("retention.bytes", &retention_bytes)
        .set("min.insync.replicas", &min_insync)
        .set("unclean.leader.election.enable", "false")
        .set("compression.type", "producer")
        .set("max.message.bytes", &bytes_max);
    let answer = AdminOptions::new().operation_timeout(Some(ANSWER)).request_timeout(Some(ANSWER));
    for result in admin.create_topics([&topic], &answer).await.map_err(fault("making the topic"))? {
        match result {
            // Another process was quicker.
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((_, code)) => return Err(LogError::Kafka { doing: "making the topic", detail: code.to_string() }),
        }
    }
    Ok(())
}
