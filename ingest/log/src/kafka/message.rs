//! A record as a message of Kafka: the payload is the value, kind and version of the schema stand in headers (docs/kafka.md).

use bytes::Bytes;
use footfall_ingest_activity::Record;
use rdkafka::Message;
use rdkafka::message::{Header, Headers, OwnedHeaders};
use rdkafka::producer::FutureRecord;

use crate::LogRecord;

const KIND: &str = "footfall-kind";
const SCHEMA: &str = "footfall-schema";
/// Version of the payloads' shape.
const SCHEMA_VERSION: &str = "1";
/// A message that only moves the end of its partition; no record.
const SKIPPED: &str = "skipped";

/// Key of a message: the partition key, big-endian.
pub(super) type Key = [u8; 8];

pub(super) fn headers(kind: u8) -> OwnedHeaders {
    let kind = kind.to_string();
    OwnedHeaders::new_with_capacity(2)
        .insert(Header { key: KIND, value: Some(kind.as_bytes()) })
        .insert(Header { key: SCHEMA, value: Some(SCHEMA_VERSION.as_bytes()) })
}

pub(super) fn message<'a>(
    topic: &'a str,
    partition: i32,
    key: &'a Key,
    record: &'a Record,
) -> FutureRecord<'a, Key, [u8]> {
    FutureRecord::to(topic)
        .partition(partition)
        .key(key)
        .payload(record.payload.as_slice())
        .headers(headers(record.kind))
}

pub(super) fn skipped(topic: &str, partition: i32) -> FutureRecord<'_, Key, [u8]> {
    let kind = Header { key: KIND, value: Some(SKIPPED.as_bytes()) };
    FutureRecord::to(topic).partition(partition).payload([].as_slice()).headers(OwnedHeaders::new().insert(kind))
}

/// What a message is to a reader.
pub(super) enum Read {
    Record(LogRecord),
    /// No record of ours, or one that moves the end alone: why its offset is reported as lost.
    Lost(String),
    /// A record of a program that writes payloads of this other version.
    OtherVersion(String),
}

pub(super) fn read(message: &impl Message, partition: u32, offset: u64) -> Read {
    let header = |name: &str| {
        let headers = message.headers()?;
        let value = headers.iter().find(|header| header.key == name)?.value?;
        std::str::from_utf8(value).ok().map(str::to_owned)
    };
    if let Some(version) = header(SCHEMA).filter(|version| version != SCHEMA_VERSION) {
        return Read::OtherVersion(version);
    }
    match (header(KIND).as_deref(), message.payload()) {
        (Some(SKIPPED), _) => Read::Lost("skipped: the brokers have lost what they had put here".to_owned()),
        (Some(kind), Some(payload)) => match kind.parse() {
            Ok(kind) => Read::Record(LogRecord { partition, offset, kind, payload: Bytes::copy_from_slice(payload) }),
            Err(_) => Read::Lost(format!("header {KIND} is {kind:?}, which is no number")),
        },
        (Some(_), None) => Read::Lost("the message has no value".to_owned()),
        (None, _) => Read::Lost(format!("the message has no header {KIND}: somebody else wrote it")),
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::Timestamp;
    use rdkafka::message::OwnedMessage;

    use super::*;

    fn read_with(headers: OwnedHeaders) -> Read {
        let payload = Some(b"{}".to_vec());
        read(&OwnedMessage::new(payload, None, "t".to_owned(), Timestamp::NotAvailable, 0, 7, Some(headers)), 0, 7)
    }

    #[test]
    fn what_is_written_is_read() {
        let record = LogRecord { partition: 0, offset: 7, kind: 3, payload: Bytes::from_static(b"{}") };
        assert!(matches!(read_with(headers(3)), Read::Record(read) if read == record));
    }

    #[test]
    fn a_record_of_another_version_is_neither_read_nor_lost() {
        let header = |key, value: &'static str| Header { key, value: Some(value.as_bytes()) };
        let of = |version| OwnedHeaders::new().insert(header(KIND, "1")).insert(header(SCHEMA, version));
        assert!(matches!(read_with(of("1")), Read::Record(_)));
        for version in ["2", "10", "next"] {
            assert!(matches!(read_with(of(version)), Read::OtherVersion(told) if told == version));
        }
        let without = OwnedHeaders::new().insert(header(KIND, "1"));
        assert!(matches!(read_with(without), Read::Record(_)), "where nothing is said it is the first");
        let strange = OwnedHeaders::new().insert(header("other", "2"));
        assert!(matches!(read_with(strange), Read::Lost(_)));
    }
}
