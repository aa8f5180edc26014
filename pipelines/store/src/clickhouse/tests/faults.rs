//! A way to the database that refuses, is slow, or is cut after the request has arrived: nothing is lost or counted twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use footfall_ingest_activity::SystemClock;
use tokio::io::{AsyncReadExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::{Given, count, expected, ids, server};
use crate::clickhouse::{ClickHouse, ClickHouseOptions};
use crate::contract::{publication, until};
use crate::tables::Table;
use crate::{Store, StoreError};

/// What the way does with a connection.
const OPEN: u32 = 0;
/// Closed at once.
const REFUSE: u32 = 1;
/// Closed when the answer begins: the database has done what was asked.
const CUT: u32 = 2;
/// Nothing goes through.
const HANG: u32 = 3;

struct Way {
    mode: AtomicU32,
    connections: AtomicU64,
    /// In [`CUT`], one connection of so many.
    every: u64,
    /// Whoever changes it closes all connections.
    generation: watch::Sender<u64>,
}

impl Way {
    fn becomes(&self, mode: u32) {
        self.mode.store(mode, Ordering::SeqCst);
        self.generation.send_modify(|generation| *generation += 1);
    }

    async fn carry(&self, mut client: TcpStream, server: &str) {
        let number = self.connections.fetch_add(1, Ordering::SeqCst);
        let mode = self.mode.load(Ordering::SeqCst);
        if mode == REFUSE {
            return;
        }
        let mut closing = self.generation.subscribe();
        let mut database = TcpStream::connect(server).await.unwrap();
        let work = async {
            match mode {
                HANG => std::future::pending().await,
                CUT if number.is_multiple_of(self.every) => {
                    // The request goes through, its answer does not.
                    let ((mut asked, _answer), (mut answers, mut asks)) = (client.split(), database.split());
                    let mut first = [0; 1];
                    tokio::select! {
                        _ = tokio::io::copy(&mut asked, &mut asks) => {}
                        _ = answers.read(&mut first) => {}
                    }
                }
                _ => drop(copy_bidirectional(&mut client, &mut database).await),
            }
        };
        tokio::select! {
            () = work => {}
            _ = closing.changed() => {}
        }
    }
}

/// A relay on a port of its own.
async fn relay(server: String, every: u64) -> (Arc<Way>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let generation = watch::Sender::new(0);
    let way = Arc::new(Way { mode: AtomicU32::new(OPEN), connections: AtomicU64::new(0), every, generation });
    let shared = way.clone();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let (shared, server) = (shared.clone(), server.clone());
            tokio::spawn(async move { shared.carry(client, &server).await });
        }
    });
    (way, address)
}

fn options() -> ClickHouseOptions {
    ClickHouseOptions {
        statement_timeout: Duration::from_secs(2),
        failures_before_break: 3,
        break_max: Duration::from_millis(200),
        ..ClickHouseOptions::default()
    }
}

async fn through(given: &Given, address: &str) -> Arc<ClickHouse> {
    ClickHouse::open(&format!("clickhouse://{address}/{}", given.database), options(), Arc::new(SystemClock))
        .await
        .unwrap()
}

async fn ids_or_away(store: &ClickHouse) -> Option<usize> {
    match store.read_all("p", Table::Activity).await {
        Ok(batches) => Some(batches.len()),
        Err(error) => {
            assert!(error.is_passing(), "{error}");
            None
        }
    }
}

/// As a job does: the same again until it goes through.
async fn publish(store: &ClickHouse, numbers: std::ops::Range<u64>) {
    let begun = Instant::now();
    while let Err(error) = store.publish(publication("p", numbers.clone())).await {
        assert!(error.is_passing(), "{error}");
        assert!(begun.elapsed() < Duration::from_secs(240), "{error}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_refuses_or_hangs_is_waited_for() {
    let Some(server) = server() else { return };
    let given = Given::new(&server);
    let (way, address) = relay(server, 1).await;
    let store = through(&given, &address).await;
    publish(&store, 0..5).await;
    for (mode, numbers) in [(REFUSE, 5..9), (HANG, 9..14)] {
        way.becomes(mode);
        let failed = store.publish(publication("p", numbers.clone())).await;
        assert!(matches!(failed, Err(StoreError::Away { .. })), "{failed:?}");
        assert!(store.failing().is_some());
        assert_eq!(ids_or_away(&store).await, None, "questions fail too, and say so");
        way.becomes(OPEN);
        publish(&store, numbers.clone()).await;
        assert_eq!(store.failing(), None);
        assert_eq!(ids(&store).await, expected(numbers.end));
    }
    assert_eq!(count(&store, "SELECT count() FROM activity").await, 14, "nothing lies there twice");
    given.drop(&store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_are_lost_change_nothing() {
    let Some(server) = server() else { return };
    let given = Given::new(&server);
    let (way, address) = relay(server, 3).await;
    let store = through(&given, &address).await;
    let mut at = 0;
    for part in 1..=12 {
        way.becomes(CUT);
        publish(&store, at..at + part).await;
        at += part;
    }
    assert!(way.connections.load(Ordering::SeqCst) > 12);
    way.becomes(OPEN);
    assert_eq!(store.durable_checkpoint(), until(at));
    assert_eq!(ids(&store).await, expected(at));
    assert_eq!(count(&store, "SELECT count() FROM activity").await, at, "nothing lies there twice");
    assert_eq!(count(&store, "SELECT count() FROM message_keys").await, at);
    given.drop(&store).await;
}
