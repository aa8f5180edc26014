//! Sums and orders are those of everything in memory, however little of it there is.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use proptest::prelude::*;

use super::{Gather, Room, Sorted, SpillFolder, Tally, Totals, number, ordered};
use crate::Control;
use crate::operators::Context;
use crate::projection::{Dictionaries, Snapshot};

/// Calls with a context, and a room of so many bytes.
fn with_room<R>(bytes: usize, call: impl FnOnce(&Context<'_>, Room<'_>) -> R) -> R {
    let folder = tempfile::tempdir().unwrap();
    let spill = Arc::new(SpillFolder::open(&folder.path().join("spills"), u64::MAX).unwrap());
    let control = Control::default().with_spill(spill.clone(), bytes);
    let snapshot = Snapshot::new(Dictionaries::new(&[]), Vec::new(), &Default::default(), Vec::new()).unwrap();
    let cancel = AtomicBool::new(false);
    let found = call(&Context::new(&snapshot, 1, &cancel), Room::share(&control, 1));
    assert_eq!(spill.bytes(), 0);
    found
}

proptest! {
    #[test]
    fn sums_by_key(
        pairs in prop::collection::vec((0u64..60, 0u64..9), 0..400),
        threads in 1usize..4,
        bytes in prop::sample::select(vec![0usize, 200, 5_000, 1 << 20]),
    ) {
        let mut want: BTreeMap<u64, u64> = BTreeMap::new();
        pairs.iter().for_each(|&(key, value)| *want.entry(key).or_default() += value);
        let got = with_room(bytes, |context, room| {
            let mut tallies: Vec<Tally<'_, u64, u64>> = (0..threads).map(|_| Tally::new(room)).collect();
            pairs.iter().enumerate().for_each(|(place, &(key, value))| tallies[place % threads].add(key, value));
            let totals = Totals::of(tallies);
            // As often as they are asked for.
            (0..2).map(|_| {
                let mut all: Vec<(u64, u64)> = Vec::new();
                totals.each(context, |key, value| { all.push((key, value)); Ok(()) }).unwrap();
                all.sort_unstable();
                all
            }).collect::<Vec<_>>()
        });
        let want: Vec<(u64, u64)> = want.into_iter().collect();
        prop_assert_eq!(got, vec![want.clone(), want]);
    }

    #[test]
    fn numbers_by_cell(
        numbers in prop::collection::vec((0usize..5, -50i32..50), 0..400),
        threads in 1usize..4,
        bytes in prop::sample::select(vec![0usize, 200, 5_000, 1 << 20]),
        ranks in prop::collection::vec(0.0f64..=1.0, 0..5),
    ) {
        let mut want: Vec<Vec<f64>> = vec![Vec::new(); 6];
        numbers.iter().for_each(|&(cell, value)| want[cell].push(f64::from(value) / 4.0));
        want.iter_mut().for_each(|cell| cell.sort_unstable_by(f64::total_cmp));
        let (got, ranked, joined) = with_room(bytes, |context, room| {
            let mut gathers: Vec<Gather<'_>> = (0..threads).map(|_| Gather::new(room)).collect();
            for (place, &(cell, value)) in numbers.iter().enumerate() {
                gathers[place % threads].push(cell, ordered(f64::from(value) / 4.0));
            }
            let sorted = Sorted::of(gathers, 6);
            let mut all: Vec<Vec<f64>> = vec![Vec::new(); 6];
            sorted.each(context, |cell, value| all[cell].push(number(value))).unwrap();
            let ranked = sorted.ranked(context, &ranks).unwrap();
            let mut joined: Vec<Vec<f64>> = vec![Vec::new(); 2];
            let again = sorted.regrouped(context, 2, |cell| cell % 2).unwrap();
            again.each(context, |cell, value| joined[cell].push(number(value))).unwrap();
            (all, ranked, joined)
        });
        for (cell, found) in ranked.iter().enumerate() {
            let values = &want[cell];
            let at = |rank: &f64| values[(values.len().saturating_sub(1) as f64 * rank) as usize];
            let wanted: Vec<f64> = if values.is_empty() { Vec::new() } else { ranks.iter().map(at).collect() };
            prop_assert_eq!(found.count as usize, values.len());
            prop_assert_eq!(found.at.iter().map(|value| number(*value)).collect::<Vec<_>>(), wanted);
        }
        let mut halves: Vec<Vec<f64>> = vec![Vec::new(); 2];
        want.iter().enumerate().for_each(|(cell, values)| halves[cell % 2].extend(values));
        halves.iter_mut().for_each(|cell| cell.sort_unstable_by(f64::total_cmp));
        prop_assert_eq!((got, joined), (want, halves));
    }
}

#[test]
fn the_order_of_numbers_is_kept() {
    let all = [f64::NEG_INFINITY, -1e300, -1.5, -0.0, 0.0, 1e-300, 2.0, f64::INFINITY, f64::NAN];
    let codes: Vec<i64> = all.iter().map(|number| ordered(*number)).collect();
    assert!(codes.is_sorted_by(|a, b| a < b));
    assert!(codes.iter().zip(all).all(|(code, value)| number(*code).to_bits() == value.to_bits()));
}
