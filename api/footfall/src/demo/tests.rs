//! The demo is the same for the same seed, keeps its rate, and is all taken by the parser.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::HashMap;

use footfall_ingest_activity::Limits;
use footfall_ingest_server::{BodyKind, Setting, parse_body};

use super::*;

const NOON: i64 = 1_795_608_000_000;

fn made(seed: u64, per_second: f64, seasons: bool, count: usize) -> (String, Vec<Timestamp>) {
    let from = Timestamp::from_millis(NOON);
    let until = from.plus_millis(30 * DAY);
    let mut stream = Stream::new(Plan { seed, people: 500, from, until, per_second, seasons });
    let mut text = String::new();
    let times = (0..count)
        .map(|_| {
            let at = stream.next(&mut text);
            text.push('\n');
            at
        })
        .collect();
    (text, times)
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    for seasons in [false, true] {
        let (first, times) = made(7, 20.0, seasons, 3000);
        assert!(first == made(7, 20.0, seasons, 3000).0, "not the same");
        assert!(first != made(8, 20.0, seasons, 3000).0, "another seed, another story");
        assert!(times.is_sorted());
    }
}

#[test]
fn every_item_is_accepted_once() {
    let (text, _) = made(1, 50.0, false, 5000);
    let limits = Limits::default();
    let setting = Setting { verbose: true, ..Setting::new("p", Timestamp::from_millis(NOON + DAY), &limits) };
    let parsed = parse_body(BodyKind::Native, text.as_bytes(), &setting, usize::MAX).unwrap();
    assert_eq!((parsed.accepted, parsed.quarantined, parsed.rejected), (5000, 0, 0));
    let mut ids: Vec<_> = parsed.fates.iter().filter_map(|fate| fate.message_id.clone()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 5000);
}

#[test]
fn rates_are_kept_and_funnels_narrow() {
    for (per_second, count) in [(20.0, 60_000), (50_000.0, 400_000)] {
        let (_, times) = made(3, per_second, false, count);
        let later = &times[count / 2..];
        let seconds = later.last().unwrap().millis_since(later[0]) as f64 / 1000.0;
        let rate = later.len() as f64 / seconds;
        assert!((0.85..1.15).contains(&(rate / per_second)), "{rate} instead of {per_second}");
    }
    let (text, times) = made(3, 0.5, true, 100_000);
    let days = times.last().unwrap().millis_since(times[0]) as f64 / DAY as f64;
    assert!((1.4..3.6).contains(&days), "{days} days");
    let mut events: HashMap<String, u32> = HashMap::new();
    for line in text.lines() {
        let item: serde_json::Value = serde_json::from_str(line).unwrap();
        *events.entry(item["event"].as_str().unwrap_or("-").to_owned()).or_default() += 1;
    }
    let funnel = ["view_place", "save_place", "rsvp", "checkin", "review_place"].map(|event| events[event]);
    assert!(funnel.is_sorted_by(|a, b| a > b), "{funnel:?}");
    assert!(events["signup"] > 0 && events["purchase"] > 0 && events["search"] > 0);
}
