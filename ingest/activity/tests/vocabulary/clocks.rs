//! Clock correction per device.

use footfall_ingest_activity::{Skew, Timestamp};
use proptest::prelude::*;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn correct(skew: &Skew, client: i64, sent: i64, received: i64) -> i64 {
    skew.correct("p", "d", at(client), at(sent), at(received)).millis()
}

#[test]
fn a_stalled_batch_does_not_reorder() {
    let skew = Skew::default();
    // The clock is right. The first batch arrives at once, the second stalls for ten minutes.
    assert_eq!(correct(&skew, 1_000, 2_000, 2_000), 1_000);
    assert_eq!(correct(&skew, 3_000, 4_000, 604_000), 3_000);
    assert_eq!(correct(&skew, 5_000, 6_000, 6_000), 5_000);
}

#[test]
fn a_better_estimate_is_adopted_for_what_comes_after() {
    let skew = Skew::default();
    // Skew 0; the first request took 10 s, the later ones nothing.
    assert_eq!(correct(&skew, 1_000, 2_000, 12_000), 11_000);
    assert_eq!(correct(&skew, 900, 20_000, 20_000), 10_900); // before the newest seen: as it was
    assert_eq!(correct(&skew, 1_500, 20_000, 20_000), 11_000); // held at the newest corrected
    assert_eq!(correct(&skew, 15_000, 20_000, 20_000), 15_000);
}

#[test]
fn a_clock_set_back_is_noticed() {
    let skew = Skew::default();
    let hour = 3_600_000;
    assert_eq!(correct(&skew, 10 * hour, 10 * hour, 10 * hour), 10 * hour);
    // Set back by five hours; requests every 20 s.
    let corrected: Vec<_> = (1..=6)
        .map(|n| {
            let now = 10 * hour + n * 20_000;
            correct(&skew, now - 5 * hour, now - 5 * hour, now) - now
        })
        .collect();
    assert_eq!(corrected, [-5 * hour, -5 * hour, -5 * hour, -5 * hour, 0, 0]);
}

#[test]
fn a_clock_set_back_by_less_than_the_pause_is_noticed() {
    let skew = Skew::default();
    correct(&skew, 0, 0, 0);
    let slow = |n: i64| 600_000 + n * 20_000;
    let corrected: Vec<_> = (1..=5).map(|n| correct(&skew, slow(n), slow(n), slow(n) + 60_000)).collect();
    assert_eq!(corrected, [620_000, 640_000, 660_000, 680_000, 760_000]);
}

#[test]
fn devices_and_projects_are_apart() {
    let skew = Skew::default();
    let (sent, received) = (at(0), at(100));
    skew.correct("p", "d", at(0), sent, received);
    assert_eq!(skew.correct("q", "d", at(0), sent, at(900)).millis(), 900);
    assert_eq!(skew.correct("p", "e", at(0), sent, at(900)).millis(), 900);
    assert_eq!(skew.len(), 3);
}

#[test]
fn memory_is_bounded_and_the_busy_are_kept() {
    let skew = Skew::with_capacity(1_000);
    correct(&skew, 0, 0, 0);
    for n in 0..20_000 {
        skew.correct("p", &n.to_string(), at(0), at(0), at(0));
        correct(&skew, 0, 0, 0);
    }
    assert!(skew.len() <= 1_000, "{}", skew.len());
    assert_eq!(correct(&skew, 5, 5, 500), 5);
}

/// Requests of one device: client times, when they are sent, and how long they take.
fn requests() -> impl Strategy<Value = Vec<(i64, Vec<i64>, i64)>> {
    let delay = prop_oneof![0i64..200, 0i64..5_000, 0i64..4_000_000];
    let request = (1i64..100_000, prop::collection::vec(0i64..200_000, 1..5), delay);
    prop::collection::vec(request, 1..60).prop_map(|steps| {
        let mut sent = 1_000_000_000;
        let made = steps.into_iter().map(|(pause, ages, delay)| {
            sent += pause;
            (sent, ages.into_iter().map(|age| sent - age).collect(), delay)
        });
        made.collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn order_by_client_time_is_never_inverted(requests in requests(), offset in -10_000_000_000i64..10_000_000_000) {
        let skew = Skew::default();
        let mut arrivals = requests;
        arrivals.sort_by_key(|(sent, _, delay)| sent + delay);
        let mut corrected = Vec::new();
        for (sent, clients, delay) in &arrivals {
            for client in clients {
                corrected.push((*client, correct(&skew, *client, *sent, sent + delay + offset)));
            }
        }
        corrected.sort();
        for pair in corrected.windows(2) {
            prop_assert!(pair[0].1 <= pair[1].1, "{:?}", pair);
        }
        // And never before it happened: every estimate contains some delay.
        for (client, time) in corrected {
            prop_assert!(time >= client + offset);
        }
    }

    #[test]
    fn one_request_alone_equals_the_formula(
        sent in 0i64..2_000_000_000_000, received in 0i64..2_000_000_000_000,
        ages in prop::collection::vec(-1_000_000i64..1_000_000_000, 1..20),
    ) {
        let skew = Skew::default();
        for age in ages {
            let client = sent - age;
            prop_assert_eq!(correct(&skew, client, sent, received), received - (sent - client));
        }
    }
}
