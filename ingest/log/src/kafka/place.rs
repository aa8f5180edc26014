//! `kafka://BROKER[,BROKER…]/TOPIC[?name=value…]`: where the log lies. Secrets have no place in it.

use crate::LogError;

/// What a URL says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// `host:port`, joined by commas.
    pub brokers: String,
    pub topic: String,
    /// Replicas of a topic that is made here.
    pub replication: i32,
    /// Replicas that must have a record before it is acknowledged.
    pub min_insync: u32,
    /// How long a record may wait for the brokers before its append fails.
    pub timeout_ms: u32,
}

impl Place {
    /// Reads what follows `kafka:`.
    pub fn parse(rest: &str) -> Result<Place, LogError> {
        let fault = |detail: &str| LogError::Kafka { doing: "reading log.url", detail: detail.to_owned() };
        let rest = rest.strip_prefix("//").ok_or_else(|| fault("it begins with kafka://"))?;
        if rest.contains('@') {
            return Err(fault(
                "user and password do not belong into an address: see log.kafka_user and log.kafka_password_file",
            ));
        }
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (brokers, topic) =
            rest.split_once('/').ok_or_else(|| fault("a topic follows the brokers: kafka://host:9092/topic"))?;
        let has_port = |broker: &str| {
            broker.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
        };
        if !brokers.split(',').all(has_port) {
            return Err(fault("each broker is host:port, joined by commas"));
        }
        let is_named = (1..=200).contains(&topic.len())
            && topic.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
            && topic.bytes().any(|byte| byte.is_ascii_alphanumeric());
        if !is_named {
            return Err(fault("a topic is 1 to 200 letters, digits, dots, dashes or underscores"));
        }
        let mut place = Place {
            brokers: brokers.to_owned(),
            topic: topic.to_owned(),
            replication: 1,
            min_insync: 1,
            timeout_ms: 10_000,
        };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let number = value.parse::<u32>().map_err(|_| fault("values after the question mark are whole numbers"));
            match name {
                "replication" => place.replication = i32::try_from(number?).unwrap_or(i32::MAX).clamp(1, 32),
                "min_insync" => place.min_insync = number?.clamp(1, 32),
                "timeout_ms" => place.timeout_ms = number?.clamp(1_000, 300_000),
                _ => return Err(fault("after the question mark may stand replication, min_insync and timeout_ms")),
            }
        }
        if i64::from(place.min_insync) > i64::from(place.replication) {
            return Err(fault("min_insync is at most replication"));
        }
        Ok(place)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_address_is_read() {
        let place =
            Place::parse("//a:9092,b:9093/activity?replication=3&min_insync=2&timeout_ms=5000").expect("an address");
        assert_eq!((place.brokers.as_str(), place.topic.as_str()), ("a:9092,b:9093", "activity"));
        assert_eq!((place.replication, place.min_insync, place.timeout_ms), (3, 2, 5_000));
    }

    #[test]
    fn what_is_wrong_is_refused_with_a_sentence() {
        let wrong = [
            "a:9092/t",
            "//a:9092",
            "//a/t",
            "//a:9092/",
            "//a:9092/t t",
            "//u:p@a:9092/t",
            "//a:9092/t?x=1",
            "//a:9092/t?replication=x",
            "//a:9092/t?min_insync=2",
            "//,/t",
            "//a:99999/t",
        ];
        for text in wrong {
            assert!(matches!(Place::parse(text), Err(LogError::Kafka { .. })), "{text}");
        }
        let said = Place::parse("//user:secret@a:9092/t").expect_err("refused").to_string();
        assert!(!said.contains("secret"), "{said}");
    }
}
