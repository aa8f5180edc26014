//! Whatever bytes come, a connection ends or waits for more: nothing panics, and nothing is read without bound.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use pgwire::messages::PgWireFrontendMessage;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;

use crate::cancel::Sessions;
use crate::parameters;
use crate::split::{split, words};
use crate::startup::{Wants, first};
use crate::waiting::Waiting;
use crate::wire::{Broken, Wire};

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// What the door makes of `bytes` and the end of the connection after them.
fn begun(bytes: Vec<u8>) -> Result<Wants, Broken> {
    runtime().block_on(async move {
        let (mut client, server) = tokio::io::duplex(1 << 16);
        client.write_all(&bytes).await.unwrap();
        client.shutdown().await.unwrap();
        let mut wire = Wire::new(server, 10_000, Duration::from_secs(1));
        let begun = first(&mut wire, true, &Arc::new(Sessions::default())).await;
        // The client still reads, so that an answer never blocks.
        drop(client);
        begun
    })
}

fn message(bytes: Vec<u8>) -> Result<(), Broken> {
    runtime().block_on(async move {
        let (mut client, server) = tokio::io::duplex(1 << 16);
        client.write_all(&bytes).await.unwrap();
        client.shutdown().await.unwrap();
        let mut wire = Wire::new(server, 10_000, Duration::from_secs(1));
        loop {
            wire.message().await?;
        }
    })
}

fn framed(letter: Option<u8>, body: &[u8]) -> Vec<u8> {
    let length = (body.len() as i32 + 4).to_be_bytes();
    letter.into_iter().chain(length).chain(body.iter().copied()).collect()
}

/// The program stops: what has come is answered, a series of messages to its end, and then the client is told.
#[test]
fn the_end_comes_between_two_questions() {
    runtime().block_on(async {
        let (mut client, server) = tokio::io::duplex(1 << 16);
        let mut wire = Wire::new(server, 10_000, Duration::from_secs(60));
        let (_stop, stopping) = watch::channel(true);
        let mut waiting = Waiting { idle_timeout: Duration::from_secs(60), stopping };
        let sync = framed(Some(b'S'), &[]);
        client.write_all(&sync).await.unwrap();
        assert!(matches!(waiting.next(&mut wire, true).await, Ok(Some(PgWireFrontendMessage::Sync(_)))));
        let later = async {
            tokio::task::yield_now().await;
            client.write_all(&sync).await.unwrap();
        };
        let (next, ()) = tokio::join!(waiting.next(&mut wire, false), later);
        assert!(matches!(next, Ok(Some(PgWireFrontendMessage::Sync(_)))));
        assert!(matches!(waiting.next(&mut wire, true).await, Ok(None)));
        drop(wire);
        let mut told = Vec::new();
        client.read_to_end(&mut told).await.unwrap();
        let told = String::from_utf8_lossy(&told);
        assert!(told.starts_with('E') && told.contains("FATAL") && told.contains("57P01"), "{told}");
    });
}

#[test]
fn lists_are_known_by_any() {
    let of = |sql: &str| {
        let mut numbers: Vec<usize> = parameters::any_of(sql).into_iter().collect();
        numbers.sort_unstable();
        numbers
    };
    assert_eq!(of("SELECT 1 WHERE a = ANY($1) AND b = any ( $12 ) AND c = $3"), [1, 12]);
    assert_eq!(of("any($) any($1 any($2x) ANY($2"), [0_usize; 0]);
    // As many as fit into a message, each as far from its bracket as can be.
    assert_eq!(of(&"any($".repeat(200_000)), [0_usize; 0]);
    assert_eq!(of(&format!("any(${})", "9".repeat(1_000_000))), [0_usize; 0], "no number of a parameter");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_bytes_begin_nothing_or_something(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        drop(begun(bytes));
    }

    #[test]
    fn any_start_up_is_read_or_refused(
        code in prop::sample::select(vec![196_608, 196_610, 80_877_103, 80_877_104, 80_877_102, 0, -1]),
        body in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let body: Vec<u8> = i32::to_be_bytes(code).into_iter().chain(body).collect();
        drop(begun(framed(None, &body)));
    }

    #[test]
    fn any_message_is_read_or_refused(
        letter in prop::sample::select(b"QPBDECHSXpFdcf?".to_vec()),
        body in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        prop_assert!(message(framed(Some(letter), &body)).is_err(), "the connection has ended");
    }

    #[test]
    fn any_parameter_is_a_value_or_a_fault(
        oid in prop::sample::select(vec![0, 16, 20, 21, 23, 25, 26, 700, 701, 1082, 1114, 1184, 1700, 2950, 3802, 1007, 1009, 1016, 1231]),
        is_binary: bool,
        bytes in prop::collection::vec(any::<u8>(), 0..64),
    ) {
        drop(parameters::value(oid, Some(&Bytes::from(bytes)), is_binary));
    }

    #[test]
    fn statements_are_parts_of_the_text(sql in "[a-z;'\"$/*\\-\n \\\\eü1]{0,60}") {
        for part in split(&sql) {
            prop_assert!(sql.contains(part) && !words(part).is_empty());
        }
    }
}

#[test]
fn a_message_longer_than_its_bound_is_not_waited_for() {
    let mut bytes = vec![b'Q'];
    bytes.extend(i32::MAX.to_be_bytes());
    assert!(matches!(message(bytes), Err(Broken::TooLong(..))));
    assert!(matches!(begun(i32::MAX.to_be_bytes().to_vec()), Err(Broken::TooLong(..))));
}

#[test]
fn lists_of_text_are_read_as_postgresql_writes_them() {
    use footfall_pipelines_store::query::{ParameterContent, ParameterKind, ParameterValue};
    let read = parameters::value(1009, Some(&Bytes::from_static(br#"{a,"b \"c\",{}",NULL,"NULL"}"#)), false).unwrap();
    let text = |text: &str| ParameterValue::one(ParameterKind::Unknown, text);
    let items = vec![text("a"), text("b \"c\",{}"), ParameterValue::null(ParameterKind::Unknown), text("NULL")];
    assert_eq!(read.content, ParameterContent::Many(items));
}
