//! The contract on both buses, and a Redis that is killed.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use footfall_api_bus::contract::suite;
use footfall_api_bus::{Bus, Heard, Listener, LocalBus, Opened, Topic, open};
use footfall_api_http::limit::{Bucket, Buckets, MemoryBuckets, Quota, contract};
use footfall_ingest_activity::Timestamp;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A Redis of the test's own; it goes with the test's process.
struct Redis {
    url: String,
    folder: String,
}

fn script(what: &str, argument: &str) -> std::process::Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dev/services/redis");
    Command::new(script).args([what, argument]).output().expect("the script runs")
}

impl Redis {
    /// `None`, and a line that says so, where there is none; in CI that fails.
    fn start() -> Option<Redis> {
        let output = script("up", &std::process::id().to_string());
        let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        if output.status.code() == Some(69) {
            assert!(std::env::var_os("CI").is_none(), "with CI set nothing may be skipped: {why}");
            // Past libtest's capture, so that the line is seen.
            let _ = writeln!(std::io::stderr().lock(), "skipped: the bus on Redis: {why}");
            return None;
        }
        assert!(output.status.success(), "{why}");
        let said = String::from_utf8(output.stdout).expect("text");
        let (url, folder) = said.trim().split_once(' ').expect("an address and a folder");
        Some(Redis { url: url.to_owned(), folder: folder.to_owned() })
    }

    fn does(&self, what: &str) {
        assert!(script(what, &self.folder).status.success(), "{what}");
    }

    fn open(&self, installation: &str) -> Opened {
        open(&self.url, installation).expect("a bus")
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        drop(script("down", &self.folder));
    }
}

#[tokio::test]
async fn one_process_keeps_the_contract() {
    let bus = LocalBus::default();
    suite(&bus, &bus.clone()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_keeps_the_contract_and_its_death_stops_nobody() {
    let Some(redis) = Redis::start() else { return };
    let (one, other) = (redis.open("a"), redis.open("a"));
    suite(&*one.bus, &*other.bus).await;
    contract::suite(&*of_told_moments(&one)).await;
    limits_count_together(&one, &other).await;
    clocks_apart_count_as_one(&one, &other).await;
    installations_do_not_hear_each_other(&redis, &one).await;
    its_death_stops_nobody(&redis, &one, &other).await;
}

fn counters(of: &Opened) -> Arc<dyn Buckets> {
    of.counters.as_ref().expect("counters").or_else(Arc::new(MemoryBuckets::default()))
}

/// For tests that make the time.
fn of_told_moments(of: &Opened) -> Arc<dyn Buckets> {
    of.counters.clone().expect("counters").by_told_moments().or_else(Arc::new(MemoryBuckets::default()))
}

/// What a process takes for the time neither refuses others what is theirs nor gives them more.
async fn clocks_apart_count_as_one(one: &Opened, other: &Opened) {
    let (bucket, quota) = (Bucket::of("clocks", "a"), Quota::new(4, Duration::from_secs(3600)));
    let now = Timestamp::from_millis(1_764_000_000_000);
    let day = 26 * 3_600_000;
    for (at, told, remaining) in [(one, day, 3), (other, 0, 2), (one, -day, 1), (other, day, 0)] {
        let level = counters(at).take(bucket, quota, 1, now.plus_millis(told)).await.unwrap();
        assert_eq!((level.remaining, level.wait), (remaining, None), "{told}");
    }
    for (at, told) in [(one, day), (other, 0), (one, -day)] {
        let wait = counters(at).take(bucket, quota, 1, now.plus_millis(told)).await.unwrap().wait.expect("it is empty");
        assert!(wait <= Duration::from_secs(900), "{wait:?}");
    }
    counters(other).give_back(bucket, quota, 1, now).await.unwrap();
    assert_eq!(counters(one).take(bucket, quota, 0, now.plus_millis(day)).await.unwrap().remaining, 1);
}

async fn limits_count_together(one: &Opened, other: &Opened) {
    let (bucket, quota) = (Bucket::of("both", "a"), Quota::new(3, Duration::from_secs(3600)));
    let now = Timestamp::from_millis(1_764_000_000_000);
    for (at, remaining) in [(one, 2), (other, 1), (one, 0)] {
        let level = counters(at).take(bucket, quota, 1, now).await.unwrap();
        assert_eq!((level.remaining, level.wait), (remaining, None));
    }
    assert!(counters(other).take(bucket, quota, 1, now).await.unwrap().wait.is_some());
}

async fn installations_do_not_hear_each_other(redis: &Redis, one: &Opened) {
    let stranger = redis.open("b");
    let (mut near, mut far) = (stranger.bus.listen(), one.bus.listen());
    // Connected when it says so.
    assert_eq!(tokio::time::timeout(Duration::from_secs(120), near.next()).await.unwrap(), Some(Heard::Missed));
    one.bus.tell(Topic::Flags, "ours");
    assert!(matches!(far.next().await, Some(Heard::News(_))));
    assert!(
        tokio::time::timeout(Duration::from_millis(300), near.next()).await.is_err(),
        "it heard of another's flags"
    );
}

async fn its_death_stops_nobody(redis: &Redis, one: &Opened, other: &Opened) {
    redis.does("kill");
    let begun = Instant::now();
    while one.bus.failing().is_none() {
        assert!(begun.elapsed() < Duration::from_secs(120), "it does not notice");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let mut own = one.bus.listen();
    one.bus.tell(Topic::Flags, "to itself");
    assert!(matches!(own.next().await, Some(Heard::News(_))), "who tells hears it");
    let (bucket, quota) = (Bucket::of("away", "a"), Quota::new(1, Duration::from_secs(3600)));
    let now = Timestamp::from_millis(1_764_000_000_000);
    let buckets = counters(one);
    assert!(buckets.take(bucket, quota, 1, now).await.unwrap().wait.is_none());
    assert!(buckets.take(bucket, quota, 1, now).await.unwrap().wait.is_some(), "the counters instead count");
    let mut far = other.bus.listen();
    redis.does("start");
    let again = tokio::time::timeout(Duration::from_secs(120), far.next()).await.expect("it comes back");
    assert_eq!(again, Some(Heard::Missed), "who listens knows that it may have missed some");
    suite(&*one.bus, &*other.bus).await;
}

/// A way to a Redis on which connections can die without a word: both ends keep them, and nothing passes any more. Those that are
/// made afterwards are as good as new.
struct Way {
    url: String,
    cuts: watch::Sender<()>,
}

impl Way {
    async fn to(redis: &Redis) -> Way {
        let target = redis.url.strip_prefix("redis://").expect("an address").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("redis://{}", listener.local_addr().expect("an address"));
        let cuts = watch::Sender::new(());
        let cut = cuts.clone();
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let (target, mut cut) = (target.clone(), cut.subscribe());
                tokio::spawn(async move {
                    let mut far = TcpStream::connect(target).await.expect("Redis is there");
                    tokio::select! {
                        _ = copy_bidirectional(&mut near, &mut far) => {}
                        _ = cut.changed() => std::future::pending().await,
                    }
                });
            }
        });
        Way { url, cuts }
    }
}

/// Tells until it is heard: an end may still be connecting.
async fn told(by: &dyn Bus, listener: &mut Listener, text: &str) {
    let begun = Instant::now();
    loop {
        by.tell(Topic::Live, text);
        let heard = tokio::time::timeout(Duration::from_millis(100), listener.next()).await;
        if matches!(heard, Ok(Some(Heard::News(news))) if &*news.text == text) {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(120), "{text:?} is not heard");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_died_without_a_word_is_made_anew() {
    let Some(redis) = Redis::start() else { return };
    let way = Way::to(&redis).await;
    let (near, far) = (open(&way.url, "a").expect("a bus").bus, redis.open("a").bus);
    let mut heard = near.listen();
    told(&*far, &mut heard, "before").await;
    way.cuts.send_replace(());
    let noticed = async { while heard.next().await.expect("a bus") != Heard::Missed {} };
    tokio::time::timeout(Duration::from_secs(120), noticed).await.expect("it notices that nothing can come any more");
    told(&*far, &mut heard, "after").await;
    assert_eq!(near.failing(), None);
}

#[test]
fn an_address_that_is_none_is_refused_without_its_password() {
    for url in ["http://host", "redis", "rediss://user:secret@host"] {
        let refused = open(url, "a").err().expect("refused").to_string();
        assert!(!refused.contains("secret"), "{refused}");
    }
}
