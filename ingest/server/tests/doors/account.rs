//! received = accepted + quarantined + rejected in the metrics, whatever became of a request.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use axum::body::Body;
use bytes::Bytes;
use footfall_ingest_log::LogError;
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};

use crate::house::{House, KEY, gzip};

/// Counters by name, over all labels.
#[derive(Default)]
struct Counted(Mutex<BTreeMap<String, Arc<AtomicU64>>>);

impl Counted {
    fn of(&self, fate: &str) -> u64 {
        let counters = self.0.lock().unwrap();
        counters.get(&format!("footfall_{fate}_total")).map_or(0, |counter| counter.load(Ordering::SeqCst))
    }
}

impl Recorder for Counted {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.0.lock().unwrap().entry(key.name().to_owned()).or_default().clone())
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

/// The head of a body, and then no more of it.
fn broken_off(head: &[u8]) -> Body {
    let parts = [Ok(Bytes::copy_from_slice(head)), Err(std::io::Error::other("the connection is gone"))];
    Body::from_stream(futures::stream::iter(parts))
}

#[tokio::test]
async fn every_request_is_in_the_account_once() {
    let counted = Counted::default();
    let _recording = metrics::set_default_local_recorder(&counted);
    let house = House::new();
    let items = r#"[{"event":"e","userId":"u"},{"event":"e"},7]"#;
    let json = [("authorization", "Bearer phc_test"), ("content-type", "application/json")];
    let text = [("authorization", "Bearer phc_test"), ("content-type", "text/plain")];
    let mut torn = gzip(items.as_bytes());
    torn.truncate(torn.len() - 9);
    let statuses = [
        house.native("", items).await.status,
        house.native("", broken_off(&items.as_bytes()[..10])).await.status,
        house.native("", torn).await.status,
        house.post("/v1/activity", &[("x-write-key", "nobody")], items).await.status,
        house.post("/v1/activity", &[("x-write-key", KEY), ("content-encoding", "lzma")], items).await.status,
        house.post("/i/v1/analytics/events", &text, "{}").await.status,
        house.post("/i/v1/analytics/events", &json, "{}").await.status,
    ];
    assert_eq!(statuses.map(|status| status.as_u16()), [200, 400, 400, 401, 415, 415, 400]);
    house.refuse_appends(Some(LogError::DiskFull));
    assert_eq!(house.native("", items).await.status, 503);
    let fates = ["received", "accepted", "quarantined", "rejected"].map(|fate| counted.of(fate));
    assert_eq!(fates, [10, 1, 2, 7]);
}
