//! What brokers do that no real one can be made to do: partitions that do not answer, or whose records do not come. On the brokers that
//! librdkafka has for tests, which are always there, and make no topics.

use rdkafka::TopicPartitionList;
use rdkafka::consumer::Consumer as _;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{DefaultProducerContext, FutureRecord};
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

use super::*;
use crate::kafka::message::Key;
use crate::kafka::place::Place;
use crate::kafka::{Clients, Patience};

/// The records numbered 0 and 1 go to partitions 0 and 1.
const PARTITIONS: u32 = 2;
const BROKER: i32 = 1;

type Mock = MockCluster<'static, DefaultProducerContext>;

/// A broker with a topic.
fn mock(topic: &str) -> Mock {
    let mock = MockCluster::new(1).unwrap();
    mock.create_topic(topic, PARTITIONS as i32, 1).unwrap();
    mock
}

async fn on(mock: &Mock, topic: &str, patience: Patience) -> KafkaLog {
    let place = Place::parse(&format!("//{}/{topic}?timeout_ms=3000", mock.bootstrap_servers())).unwrap();
    let options = LogOptions { partitions: PARTITIONS, ..LogOptions::default() };
    let clients = Clients::new(&place, &options).unwrap();
    KafkaLog::on(place, options, clients, patience).await.unwrap()
}

fn ends(of: &Checkpoint) -> [u64; 2] {
    [of.next_offset(0), of.next_offset(1)]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_start_waits_for_a_partition_that_does_not_answer_yet() {
    use RDKafkaRespErr::{RD_KAFKA_RESP_ERR_NO_ERROR as WELL, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED as NOT_YET};
    let mock = mock("made");
    // For each partition it is asked where it begins, and where it ends; the start asks twice within a second.
    let round = [WELL, WELL, NOT_YET, NOT_YET];
    mock.request_errors(RDKafkaApiKey::ListOffsets, &[round, round].concat());
    let log = on(&mock, "made", Patience { start: SOON, ..Patience::default() }).await;
    assert_eq!(log.shared.ends.unknown(), None);
    let covering = log.append(vec![numbered(0), numbered(1)]).await.expect("whoever appends at once hears of nothing");
    assert_eq!(ends(&covering), [1, 1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_a_log_ends_is_not_said_while_one_partition_is_silent() {
    let mock = mock("silent");
    on(&mock, "silent", Patience::default()).await.append(vec![numbered(0), numbered(1)]).await.unwrap();
    mock.partition_leader("silent", 1, None).unwrap();
    let log = on(&mock, "silent", Patience { start: Duration::ZERO, ..Patience::default() }).await;
    assert_eq!(ends(&log.end()), [1, 0], "the other has answered");
    assert!(log.status().impaired.is_some_and(|why| why.starts_with("partition 1: ")));
    let error = log.whole_end().await.expect_err("nobody says where it ends");
    assert!(matches!(&error, LogError::Away { detail } if detail.starts_with("partition 1: ")), "{error}");
    let refused = log.append(vec![numbered(1)]).await.map(drop).expect_err("nobody takes it");
    assert!(matches!(refused, LogError::Away { .. }), "{refused}");
    assert_eq!(ends(&log.append(vec![numbered(0)]).await.unwrap()), [2, 0], "the other goes on");

    mock.partition_leader("silent", 1, Some(BROKER)).unwrap();
    let asked = Instant::now();
    let end = loop {
        match log.whole_end().await {
            Ok(end) => break end,
            Err(error) => assert!(asked.elapsed() < SOON, "{error}"),
        }
    };
    assert_eq!(ends(&end), [2, 1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_that_starves_while_others_are_read_gets_another_reader() {
    let mock = mock("starved");
    let log = on(&mock, "starved", Patience { read: Duration::from_secs(2), ..Patience::default() }).await;
    let covering = log.append(vec![numbered(0), numbered(1)]).await.unwrap();
    let mut at = Checkpoint::default();
    while !at.covers(&covering) {
        at = log.read(&at, 1 << 20, SOON).await.unwrap().next;
    }
    // The reader that goes on from here gives nothing of one partition from now on.
    let mut one = TopicPartitionList::new();
    one.add_partition("starved", 1);
    {
        let readers = log.readers.lock().unwrap();
        assert!(!readers.is_empty(), "it is kept");
        readers.iter().for_each(|reader| reader.consumer.pause(&one).unwrap());
    }
    let starved = log.append(vec![numbered(1)]).await.unwrap();
    let asked = Instant::now();
    let mut of_the_other = 0;
    while at.next_offset(1) < starved.next_offset(1) {
        assert!(asked.elapsed() < SOON, "{of_the_other} of the other partition were read meanwhile");
        log.append(vec![numbered(0)]).await.unwrap();
        // On a machine that is slow enough nothing comes in time; it is read again then, as by the jobs.
        let Ok(batch) = log.read(&at, 1 << 20, SOON).await else { continue };
        assert!(batch.damages.is_empty(), "{:?}", batch.damages);
        of_the_other += batch.records.iter().filter(|record| record.partition == 0).count();
        at = batch.next;
    }
    assert!(of_the_other > 0, "the other was read meanwhile");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reading_stops_at_a_record_of_a_newer_program_and_passes_nothing_over() {
    let mock = mock("newer");
    let log = on(&mock, "newer", Patience::default()).await;
    log.append(vec![numbered(0)]).await.unwrap();
    let (kind, schema) = (b"1".as_slice(), b"2".as_slice());
    let headers = OwnedHeaders::new()
        .insert(Header { key: "footfall-kind", value: Some(kind) })
        .insert(Header { key: "footfall-schema", value: Some(schema) });
    let newer: FutureRecord<'_, Key, [u8]> =
        FutureRecord::to("newer").partition(0).payload(b"{}".as_slice()).headers(headers);
    log.send(&log.shared.producer().unwrap(), newer).unwrap().await.unwrap().unwrap();
    // The end is known to be behind both.
    assert_eq!(ends(&log.append(vec![numbered(0)]).await.unwrap()), [3, 0]);

    // What comes before it may be read with it or alone.
    let (mut at, mut stops) = (Checkpoint::default(), 0);
    while stops < 2 {
        match log.read(&at, 1 << 20, SOON).await {
            Ok(batch) => {
                assert_eq!((batch.records.len(), batch.damages.len(), ends(&batch.next)), (1, 0, [1, 0]));
                at = batch.next;
            }
            Err(LogError::OtherVersion { partition: 0, offset: 1, version }) if version == "2" => stops += 1,
            Err(error) => panic!("{error}"),
        }
    }
    let error = LogError::OtherVersion { partition: 0, offset: 1, version: "2".to_owned() };
    assert!(!error.is_retryable() && error.to_string().ends_with("update the program"), "{error}");
}
