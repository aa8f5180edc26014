//! The topic: made with stated settings if there is none, and agreed with if there is.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::consumer::Consumer as _;
use rdkafka::types::RDKafkaErrorCode;

use super::blocking;
use super::clients::{Consumer, Traced, away, common, fault, message_bytes_max};
use super::place::Place;
use super::refusals::Refusals;
use crate::{LogError, LogOptions};

const ANSWER: Duration = Duration::from_secs(10);
/// A broker that refuses us does not answer: it is looked for why, each time that nobody has.
const ASKED_AGAIN: Duration = Duration::from_secs(1);
/// The bytes of a partition between two entries of a broker's index. See `docs/kafka.md`: where a disk is full, a broker that has no room for
/// another page of its index loses the partition's newest file when it starts again. With this many, a file of 1 GiB has two such pages.
const INDEX_INTERVAL: i64 = 1 << 20;
const PAUSE: Duration = Duration::from_millis(50);

type Admin = AdminClient<Traced>;

/// Makes sure that the topic is there, with as many partitions as the settings say, and as safe as they say.
pub(super) async fn settle(
    place: &Place,
    options: &LogOptions,
    consumer: &Arc<Consumer>,
    refusals: &Arc<Refusals>,
) -> Result<(), LogError> {
    let deadline = Instant::now() + Duration::from_millis(u64::from(place.timeout_ms)).max(ANSWER);
    let context = Traced(refusals.clone());
    let admin: Admin =
        common(place, &options.kafka).create_with_context(context).map_err(fault("making an admin client"))?;
    let mut found = look(place, consumer, refusals).await?;
    if found.partitions == 0 {
        make(place, options, &admin).await?;
        while found.partitions == 0 && Instant::now() < deadline {
            tokio::time::sleep(PAUSE).await;
            found = look(place, consumer, refusals).await?;
        }
        if found.partitions == 0 {
            return Err(LogError::Away { detail: format!("topic {} was made and does not appear", place.topic) });
        }
    }
    let unlike = |detail: String| LogError::Incompatible { path: PathBuf::from(&place.topic), detail };
    if found.partitions != options.partitions as usize {
        return Err(unlike(format!(
            "topic {} has {} partitions and log.partitions is {}: keys would change their places; set it to what the topic has",
            place.topic, found.partitions, options.partitions
        )));
    }
    if found.replicas < place.replication.unsigned_abs() as usize {
        return Err(unlike(format!(
            "log.url says replication={}, and a partition of the topic has {}: reassign its replicas, or say what it has",
            place.replication, found.replicas
        )));
    }
    agree(&settings(place, &admin).await?, place, options).map_err(unlike)
}

/// What the brokers say of the topic.
struct Found {
    /// 0 if there is no such topic.
    partitions: usize,
    /// Of the partition that has the fewest.
    replicas: usize,
}

async fn look(place: &Place, consumer: &Arc<Consumer>, refusals: &Arc<Refusals>) -> Result<Found, LogError> {
    let (consumer, topic, refusals) = (consumer.clone(), place.topic.clone(), refusals.clone());
    blocking(move || {
        let deadline = Instant::now() + ANSWER;
        let metadata = loop {
            let error = match consumer.fetch_metadata(Some(&topic), ASKED_AGAIN) {
                Ok(metadata) => break metadata,
                Err(error) => error,
            };
            // Another broker has had the time to take us.
            if let Some(detail) = refusals.last() {
                return Err(LogError::Refused { detail });
            }
            if Instant::now() > deadline {
                return Err(LogError::Away { detail: refusals.explain(&error.to_string()) });
            }
            std::thread::sleep(PAUSE);
        };
        let found = metadata.topics().iter().find(|found| found.name() == topic);
        let partitions = found.filter(|found| found.error().is_none()).map(|found| found.partitions());
        let partitions = partitions.unwrap_or_default();
        let replicas = partitions.iter().map(|partition| partition.replicas().len()).min().unwrap_or(0);
        Ok(Found { partitions: partitions.len(), replicas })
    })
    .await?
}

/// The topic's own settings, by name.
async fn settings(place: &Place, admin: &Admin) -> Result<HashMap<String, String>, LogError> {
    let answer = AdminOptions::new().request_timeout(Some(ANSWER));
    let described = admin.describe_configs([&ResourceSpecifier::Topic(&place.topic)], &answer).await.map_err(away)?;
    let mut settings = HashMap::new();
    for resource in described {
        let resource = resource.map_err(|code| LogError::Kafka {
            doing: "reading the topic's settings",
            detail: format!("{code} (the right DescribeConfigs is needed)"),
        })?;
        settings.extend(resource.entries.into_iter().filter_map(|entry| Some((entry.name, entry.value?))));
    }
    Ok(settings)
}

/// What would lose records that were acknowledged is refused; what may lose unread ones, or refuse large ones, is said.
///
/// # Errors
/// What is not as the settings say.
fn agree(settings: &HashMap<String, String>, place: &Place, options: &LogOptions) -> Result<(), String> {
    let text = |name: &str| settings.get(name).map_or("", String::as_str);
    let number = |name: &str| text(name).parse::<i64>().ok();
    let min_insync = number("min.insync.replicas").unwrap_or(1);
    if min_insync < i64::from(place.min_insync) {
        return Err(format!(
            "log.url says min_insync={}, and the topic has min.insync.replicas={min_insync}: what is acknowledged would be \
             on fewer brokers; alter the topic, or say what it has",
            place.min_insync
        ));
    }
    if text("cleanup.policy").split(',').any(|policy| policy.trim() == "compact") {
        return Err(
            "the topic has cleanup.policy=compact, which keeps one record of each key: alter it to delete".into()
        );
    }
    if text("unclean.leader.election.enable") == "true" {
        return Err(
            "the topic has unclean.leader.election.enable=true: a broker that is behind could become its leader, and \
                    acknowledged records would be gone; alter it to false"
                .into(),
        );
    }
    if text("message.timestamp.type") == "CreateTime" {
        tracing::warn!(
            topic = place.topic,
            "the topic has message.timestamp.type=CreateTime: brokers refuse what a process sends whose clock is far ahead, and \
             retention goes by the clocks of senders; alter it to LogAppendTime"
        );
    }
    let kept = number("retention.ms").filter(|kept| *kept >= 0);
    if let Some(kept) = kept.filter(|kept| options.retention_age_millis.is_none_or(|wanted| *kept < wanted)) {
        tracing::warn!(topic = place.topic, "the topic keeps records for {kept} ms, less than log.retention_age says");
    }
    if place.replication == 1 && number("index.interval.bytes").is_some_and(|bytes| bytes < INDEX_INTERVAL) {
        tracing::warn!(
            topic = place.topic,
            "the topic has one replica and index.interval.bytes below {INDEX_INTERVAL}: a broker whose disk was full may lose what it \
             had acknowledged; alter it"
        );
    }
    let (bytes, wanted) = (number("max.message.bytes"), message_bytes_max(options) as i64);
    if let Some(bytes) = bytes.filter(|bytes| *bytes < wanted) {
        tracing::warn!(topic = place.topic, "the topic refuses records above {bytes} bytes; {wanted} can be needed");
    }
    Ok(())
}

async fn make(place: &Place, options: &LogOptions, admin: &Admin) -> Result<(), LogError> {
    let retention_ms = options.retention_age_millis.unwrap_or(-1).to_string();
    // The setting bounds the whole log, Kafka's bounds a partition.
    let retention_bytes =
        options.retention_bytes.map_or(-1, |bytes| (bytes / u64::from(options.partitions.max(1))) as i64).to_string();
    let (min_insync, bytes_max) = (place.min_insync.to_string(), (message_bytes_max(options) + 65_536).to_string());
    let index_interval = INDEX_INTERVAL.to_string();
    let replication = TopicReplication::Fixed(place.replication);
    let partitions = i32::try_from(options.partitions).unwrap_or(i32::MAX);
    let topic = NewTopic::new(&place.topic, partitions, replication)
        .set("cleanup.policy", "delete")
        .set("retention.ms", &retention_ms)
        .set("retention.bytes", &retention_bytes)
        .set("min.insync.replicas", &min_insync)
        .set("unclean.leader.election.enable", "false")
        .set("compression.type", "producer")
        // By the brokers' clock: they refuse records of a process whose own is an hour ahead, and retention goes by it.
        .set("message.timestamp.type", "LogAppendTime")
        .set("max.message.bytes", &bytes_max)
        .set("index.interval.bytes", &index_interval);
    let answer = AdminOptions::new().operation_timeout(Some(ANSWER)).request_timeout(Some(ANSWER));
    for result in admin.create_topics([&topic], &answer).await.map_err(away)? {
        match result {
            // Another process was quicker.
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            // Fewer brokers than replicas may be there yet.
            Err((_, code @ RDKafkaErrorCode::InvalidReplicationFactor)) => {
                return Err(LogError::Away { detail: format!("making the topic: {code}") });
            }
            Err((_, code)) => return Err(LogError::Kafka { doing: "making the topic", detail: code.to_string() }),
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;

    fn refusal(given: &[(&str, &str)]) -> Option<String> {
        let place = Place::parse("//a:1/t?replication=3&min_insync=2").unwrap();
        let settings = given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        agree(&settings, &place, &LogOptions::default()).err()
    }

    #[test]
    fn a_topic_that_would_lose_what_is_acknowledged_is_refused() {
        let safe =
            [("min.insync.replicas", "2"), ("cleanup.policy", "delete"), ("unclean.leader.election.enable", "false")];
        assert_eq!(refusal(&safe), None);
        let with = |name: &'static str, value: &'static str| {
            let mut given = safe.to_vec();
            given.retain(|(known, _)| *known != name);
            given.push((name, value));
            refusal(&given).expect("refused")
        };
        assert!(with("min.insync.replicas", "1").contains("min_insync=2"));
        assert!(with("cleanup.policy", "compact,delete").contains("alter it to delete"));
        assert!(with("unclean.leader.election.enable", "true").contains("alter it to false"));
    }
}
