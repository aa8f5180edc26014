//! A way to the database that refuses, is slow, is cut after the request has arrived, or delivers it long after whoever asked has
//! lost the lead: nothing is lost or counted twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use footfall_ingest_activity::SystemClock;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::{Given, count, expected, ids, server};
use crate::clickhouse::{ClickHouse, ClickHouseOptions, Role};
use crate::contract::{key, publication, until};
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
/// What is sent to be inserted is kept, and arrives when it is let go, whether somebody waits for it or not.
const HOLD: u32 = 4;
/// Ends a body whose length was not said before.
const BODY_END: &[u8] = b"\r\n0\r\n\r\n";

struct Way {
    mode: AtomicU32,
    connections: AtomicU64,
    /// In [`CUT`], one connection of so many.
    every: u64,
    /// Whoever changes it closes all connections.
    generation: watch::Sender<u64>,
    /// First lines of the requests that are held.
    held: watch::Sender<Vec<String>>,
    lets_go: watch::Sender<bool>,
    /// What the database has answered to them.
    answers: watch::Sender<Vec<String>>,
}

impl Way {
    fn becomes(&self, mode: u32) {
        self.mode.store(mode, Ordering::SeqCst);
        self.generation.send_modify(|generation| *generation += 1);
    }

    async fn carry(&self, mut client: TcpStream, server: &str) {
        let number = self.connections.fetch_add(1, Ordering::SeqCst);
        let mode = self.mode.load(Ordering::SeqCst);
        match mode {
            REFUSE => return,
            HOLD => return self.hold(client, server).await,
            _ => {}
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

impl Way {
    /// Takes in one request. Others than inserts have no such end: they go when whoever asks gives up.
    async fn hold(&self, mut client: TcpStream, server: &str) {
        let (mut request, mut part) = (Vec::new(), [0; 8_192]);
        while !request.ends_with(BODY_END) {
            match client.read(&mut part).await {
                Ok(0) | Err(_) => return,
                Ok(read) => request.extend_from_slice(&part[..read]),
            }
        }
        let first_line = String::from_utf8_lossy(&request).lines().next().unwrap_or_default().to_owned();
        let mut lets_go = self.lets_go.subscribe();
        self.held.send_modify(|held| held.push(first_line));
        lets_go.wait_for(|lets_go| *lets_go).await.unwrap();
        let mut database = TcpStream::connect(server).await.unwrap();
        database.write_all(&request).await.unwrap();
        let mut status = [0; 12];
        database.read_exact(&mut status).await.unwrap();
        self.answers.send_modify(|answers| answers.push(String::from_utf8_lossy(&status).into_owned()));
    }

    fn holds(&self, table: &str) -> bool {
        self.held.borrow().iter().any(|line| line.contains(table))
    }

    /// Delivers what is held; ends when the database has answered all of it.
    async fn let_go(&self) {
        let held = self.held.borrow().len();
        self.lets_go.send_replace(true);
        let mut answers = self.answers.subscribe();
        let answered = tokio::time::timeout(Duration::from_secs(240), answers.wait_for(|all| all.len() == held));
        let answers = answered.await.expect("an answer to each").unwrap().clone();
        assert!(answers.iter().all(|status| status == "HTTP/1.1 200"), "{answers:?}");
    }
}

/// A relay on a port of its own.
async fn relay(server: String, every: u64) -> (Arc<Way>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let generation = watch::Sender::new(0);
    let way = Arc::new(Way {
        mode: AtomicU32::new(OPEN),
        connections: AtomicU64::new(0),
        every,
        generation,
        held: watch::Sender::default(),
        lets_go: watch::Sender::default(),
        answers: watch::Sender::default(),
    });
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
    opened(given, address, options()).await
}

async fn opened(given: &Given, address: &str, options: ClickHouseOptions) -> Arc<ClickHouse> {
    let url = format!("clickhouse://{address}/{}", given.database);
    ClickHouse::open(&url, options, Arc::new(SystemClock)).await.unwrap()
}

/// Looks until it is so.
async fn becomes(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < Duration::from_secs(240), "not yet: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
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

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_arrive_long_after_a_change_of_leader_are_nobodys() {
    let Some(server) = server() else { return };
    let given = Given::new(&server);
    let (way, address) = relay(server.clone(), 1).await;
    let halted = opened(&given, &address, ClickHouseOptions { tries: 1, ..options() }).await;
    publish(&halted, 0..5).await;
    // Sent, and still on its way when another takes over, publishes the same with other cuts, and clears up behind.
    way.becomes(HOLD);
    becomes("the rows are on their way", async || {
        let failed = halted.publish(publication("p", 5..20)).await;
        assert!(matches!(failed, Err(StoreError::Away { .. })), "{failed:?}");
        way.holds("activity") && way.holds("identities") && way.holds("message_keys")
    })
    .await;
    let settling = || ClickHouseOptions { settle_after: Duration::from_millis(50), ..ClickHouseOptions::default() };
    let next = opened(&given, &server, settling()).await;
    publish(&next, 5..9).await;
    publish(&next, 9..15).await;
    becomes("nothing is left to be cleared up", async || next.shared.view().visible.void.is_empty()).await;
    drop(next);

    way.let_go().await;
    let leader = opened(&given, &server, ClickHouseOptions::default()).await;
    let reader = opened(&given, &server, ClickHouseOptions { role: Role::Reader, ..Default::default() }).await;
    assert_eq!(count(&leader, "SELECT count() FROM activity").await, 15 + 15, "they have come");
    for store in [&leader, &reader] {
        assert_eq!(ids(store).await, expected(15), "nobody sees them");
        assert_eq!(store.durable_checkpoint(), until(15));
    }
    assert_eq!(leader.is_new(&[key(14), key(17)]).unwrap(), [false, true], "what came only so is not known");
    // Whoever was halted goes on with what it was about to do.
    way.becomes(OPEN);
    let begun = Instant::now();
    let late = loop {
        match halted.publish(publication("p", 5..20)).await {
            Err(error) if error.is_passing() => assert!(begun.elapsed() < Duration::from_secs(240), "{error}"),
            other => break other,
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert!(matches!(late, Err(StoreError::Fenced)), "{late:?}");
    publish(&leader, 15..20).await;
    assert_eq!(ids(&leader).await, expected(20));
    // And they go.
    let last = opened(&given, &server, settling()).await;
    becomes("late rows go", async || count(&last, "SELECT count() FROM activity").await == 20).await;
    becomes("late keys go", async || count(&last, "SELECT count() FROM message_keys").await == 20).await;
    assert_eq!(ids(&last).await, expected(20));
    given.drop(&last).await;
}
