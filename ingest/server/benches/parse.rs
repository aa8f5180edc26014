//! How fast each dialect is read, from the decoded body to encoded log records: items per second.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use footfall_ingest_activity::{Limits, Skew, Timestamp};
use footfall_ingest_server::{BodyKind, Setting, parse_body};
use serde_json::{Value, json};

const ITEMS: usize = 1000;

fn uuid(n: usize) -> String {
    format!("0190a0d0-0000-7000-8000-{n:012}")
}

fn segment(n: usize) -> Value {
    json!({"type": "track", "event": "Product Viewed", "userId": format!("user-{}", n % 97), "messageId": uuid(n),
        "anonymousId": uuid(n % 97), "timestamp": "2026-11-23T11:59:50.123Z",
        "properties": {"product_id": n, "category": "Games", "name": "Monopoly: 3rd Edition", "price": 18.99, "position": 3},
        "context": {"library": {"name": "analytics.js", "version": "2.11.1"}, "locale": "en-US", "ip": "108.0.78.21",
            "userAgent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_9_5) AppleWebKit/537.36 Chrome/40.0 Safari/537.36",
            "page": {"path": "/academy/", "referrer": "", "title": "Academy", "url": "https://example.com/academy/"}}})
}

fn posthog(n: usize) -> Value {
    json!({"event": "product viewed", "uuid": uuid(n), "distinct_id": format!("user-{}", n % 97),
        "timestamp": "2026-11-23T11:59:50.123Z",
        "properties": {"$os": "Mac OS X", "$browser": "Chrome", "$browser_version": 120, "$device_type": "Desktop",
            "$current_url": "https://example.com/academy/", "$host": "example.com", "$pathname": "/academy/",
            "$screen_height": 1080, "$screen_width": 1920, "$lib": "web", "$lib_version": "1.449.2", "$device_id": uuid(n % 97),
            "$session_id": uuid(n % 50), "$window_id": uuid(n % 50), "token": "phc_test", "price": 18.99, "category": "Games"}})
}

fn native(n: usize) -> Value {
    json!({"event": "view", "distinctId": format!("user-{}", n % 97), "messageId": uuid(n),
        "timestamp": "2026-11-23T11:59:50.123Z", "properties": {"product": n, "price": 18.99, "category": "Games"}})
}

fn parse(criterion: &mut Criterion) {
    let limits = Limits::default();
    let skew = Skew::default();
    let now = Timestamp::parse("2026-11-23T12:00:00Z").unwrap();
    let setting = Setting { skew: Some(&skew), ..Setting::new("p", now, &limits) };
    let all = |item: fn(usize) -> Value| (0..ITEMS).map(item).collect::<Vec<_>>();
    let bodies = [
        ("segment", BodyKind::SegmentBatch, json!({"batch": all(segment), "sentAt": "2026-11-23T11:59:59Z"})),
        (
            "posthog_v0",
            BodyKind::PosthogV0,
            json!({"api_key": "phc_test", "batch": all(posthog), "sent_at": "2026-11-23T11:59:59Z"}),
        ),
        ("posthog_v1", BodyKind::PosthogV1, json!({"batch": all(posthog)})),
        ("native", BodyKind::Native, Value::from(all(native))),
    ];
    let mut group = criterion.benchmark_group("parse");
    group.throughput(Throughput::Elements(ITEMS as u64));
    for (name, kind, body) in bodies {
        let body = body.to_string();
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let parsed = parse_body(kind, black_box(body.as_bytes()), &setting, 10_000).unwrap();
                assert_eq!(parsed.accepted, ITEMS);
                parsed
            });
        });
    }
    group.finish();
}

criterion_group!(benches, parse);
criterion_main!(benches);
