//! Activities per second that one core turns from records of the log into rows of all tables.
#![allow(clippy::unwrap_used)]

use std::collections::HashSet;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use footfall_ingest_activity::{Entry, Record, Timestamp};
use footfall_ingest_log::{Batch, LogRecord};
use footfall_pipelines_jobs::identity::IdentityGraph;
use footfall_pipelines_jobs::{Graphs, Sources, build};
use serde_json::json;

const ACTIVITIES: usize = 16_000;

/// Activity as a web SDK sends it: 4,000 people, page context, a handful of properties.
fn batch() -> Batch {
    let record = |n: usize| {
        let person = (n * 2_654_435_761) % 4_000;
        let payload = json!({
            "project": "default", "message_id": format!("3f2b8c1e-9d4a-4c67-8e21-{n:012x}"), "kind": "track",
            "event": format!("Event {}", n % 40), "distinct_id": format!("user-{person}@example.test"),
            "user_id": format!("user-{person}@example.test"), "anonymous_id": format!("anon-{person}"),
            "timestamp": 1_700_000_000_000i64 + n as i64 * 10, "original_timestamp": 1_700_000_000_000i64,
            "sent_at": 1_700_000_000_100i64, "received_at": 1_700_000_000_200i64, "dialect": "segment", "identified": true,
            "link": {"kind": "identify", "from": format!("anon-{person}"), "into": format!("user-{person}@example.test")},
            "common": {
                "os": "Android", "os_version": "14", "browser": "Chrome", "browser_version": "119.0", "locale": "nb-NO",
                "country": (["NO", "SE", "DK", "FI"][n % 4]), "ip": format!("10.0.{}.{}", person / 256, person % 256),
                "user_agent": "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/119.0 Mobile",
                "page_path": format!("/item/{}", n % 300), "page_title": format!("Item {}", n % 300),
                "library": "analytics.js", "library_version": "2.11.1", "amount": 12.5, "currency": "NOK",
            },
            "properties": {"item": n % 300, "price": 12.5, "color": "green", "tags": ["a", "b"]},
            "context": {"library": {"name": "analytics.js", "version": "2.11.1"}, "locale": "nb-NO"},
        });
        let payload = serde_json::to_vec(&payload).unwrap();
        LogRecord { partition: 0, offset: n as u64, kind: Record::KIND_ACTIVITY, payload: payload.into() }
    };
    let records = (0..ACTIVITIES).map(record).collect();
    Batch { records, damages: Vec::new(), next: [(0, ACTIVITIES as u64)].into_iter().collect() }
}

fn transform(c: &mut Criterion) {
    let batch = batch();
    let sources = Sources {
        is_new: &|keys| Ok(vec![true; keys.len()]),
        graph: &|project| Ok(IdentityGraph::new(project.clone())),
        projects: vec![Arc::from("default")],
        now: Timestamp::from_millis(0),
        poisoned: HashSet::new(),
        erasures: Default::default(),
        live_activities_max: 0,
    };
    let mut graphs = Graphs::new();
    let mut group = c.benchmark_group("transform");
    group.throughput(Throughput::Elements(ACTIVITIES as u64)).sample_size(20).measurement_time(Duration::from_secs(4));
    group.bench_function("decode", |b| {
        b.iter(|| batch.records.iter().filter(|r| black_box(Entry::decode(r.kind, &r.payload)).is_ok()).count());
    });
    group.bench_function("decode_and_build", |b| {
        b.iter(|| black_box(build(&batch, &sources, &mut graphs)).unwrap());
    });
    group.finish();
}

criterion_group!(benches, transform);
criterion_main!(benches);
