//! Violations counted in memory until they are written down.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};

use footfall_ingest_activity::Timestamp;
use footfall_ingest_plan::Violation;
use footfall_ingest_server::Violated;

/// Kinds of violations that are counted at a time; more are not told apart until the next are written down.
const KEYS_MAX: usize = 5_000;

/// What is counted together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    pub project: String,
    pub activity: String,
    pub kind: &'static str,
    pub path: String,
    pub is_refused: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Count {
    pub times: i64,
    pub first_at: Timestamp,
    pub last_at: Timestamp,
    /// The newest.
    pub example: String,
    pub example_at: Timestamp,
}

/// Items of which it is remembered that they were counted, half of them at least.
const SEEN_MAX: usize = 200_000;

/// What was counted lately, as hashes: what is sent again is not counted again.
#[derive(Debug, Default)]
struct Seen {
    hashing: RandomState,
    young: HashSet<u64>,
    old: HashSet<u64>,
}

impl Seen {
    /// Whether it is the first time; from now on it is not.
    fn is_new(&mut self, project: &str, found: &Violated) -> bool {
        let hash = self.hashing.hash_one((project, &found.example, found.is_refused));
        if self.old.contains(&hash) || !self.young.insert(hash) {
            return false;
        }
        if self.young.len() >= SEEN_MAX / 2 {
            self.old = std::mem::take(&mut self.young);
        }
        true
    }
}

#[derive(Debug, Default)]
pub(crate) struct Tally {
    counts: HashMap<Key, Count>,
    seen: Seen,
}

impl Tally {
    pub fn take(&mut self) -> Vec<(Key, Count)> {
        let mut all: Vec<_> = std::mem::take(&mut self.counts).into_iter().collect();
        // Processes that write at one time take the rows in one order.
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all
    }

    pub fn note(&mut self, project: &str, found: &Violated) {
        if !self.seen.is_new(project, found) {
            return;
        }
        // Names of properties and message ids may hold U+0000, which PostgreSQL keeps in no text: nothing more would be written down.
        let storable = |text: &str| text.replace('\0', "\u{fffd}");
        for Violation { kind, path } in &found.violations {
            let key = Key {
                project: project.to_owned(),
                activity: found.activity.clone(),
                kind,
                path: storable(path),
                is_refused: found.is_refused,
            };
            let count = Count {
                times: 1,
                first_at: found.received_at,
                last_at: found.received_at,
                example: storable(&found.example),
                example_at: if found.is_refused { found.received_at } else { found.timestamp },
            };
            self.add(key, count);
        }
    }

    pub fn add(&mut self, mut key: Key, count: Count) {
        if self.counts.len() >= KEYS_MAX && !self.counts.contains_key(&key) {
            key.path = OTHER.to_owned();
        }
        if self.counts.len() >= 2 * KEYS_MAX && !self.counts.contains_key(&key) {
            metrics::counter!("footfall_plan_violations_untold_total").increment(count.times.unsigned_abs());
            return;
        }
        match self.counts.get_mut(&key) {
            None => drop(self.counts.insert(key, count)),
            Some(there) => {
                there.times += count.times;
                there.first_at = there.first_at.min(count.first_at);
                if count.last_at >= there.last_at {
                    *there = Count { times: there.times, first_at: there.first_at, ..count };
                }
            }
        }
    }
}

/// The path of those that are not told apart.
pub(crate) const OTHER: &str = "…";

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: usize, at: i64) -> Violated {
        Violated {
            activity: "buy".to_owned(),
            violations: vec![Violation { kind: "additionalProperties", path: format!("/{path}") }],
            is_refused: false,
            example: format!("m{path} {at}"),
            timestamp: Timestamp::from_millis(at),
            received_at: Timestamp::from_millis(at),
        }
    }

    #[test]
    fn the_newest_is_the_example_and_memory_is_bounded() {
        let mut tally = Tally::default();
        for at in [5, 9, 7] {
            tally.note("p", &found(0, at));
        }
        let all = tally.take();
        let (first, last) = (Timestamp::from_millis(5), Timestamp::from_millis(9));
        let want = Count { times: 3, first_at: first, last_at: last, example: "m0 9".to_owned(), example_at: last };
        assert_eq!(all.into_iter().map(|(_, count)| count).collect::<Vec<_>>(), [want]);
        for path in 0..20_000 {
            tally.note("p", &found(path, 1));
        }
        let all = tally.take();
        assert_eq!(all.len(), KEYS_MAX + 1);
        assert_eq!(all.iter().map(|(_, count)| count.times).sum::<i64>(), 20_000);
        assert_eq!(tally.take(), []);
    }

    #[test]
    fn what_is_sent_again_is_counted_once_for_as_long_as_it_is_remembered() {
        let mut tally = Tally::default();
        let refused = Violated { is_refused: true, ..found(0, 1) };
        for _ in 0..3 {
            tally.note("p", &found(0, 1));
            tally.note("other", &found(0, 1));
            tally.note("p", &refused);
        }
        assert_eq!(tally.take().iter().map(|(_, count)| count.times).collect::<Vec<_>>(), [1, 1, 1]);
        tally.note("p", &found(0, 1));
        assert_eq!(tally.take(), [], "written down between the two");
        for at in 0..2 * SEEN_MAX as i64 {
            tally.note("p", &found(1, at));
        }
        assert!(tally.seen.young.len() + tally.seen.old.len() <= SEEN_MAX);
        tally.take();
        for at in (3 * SEEN_MAX as i64 / 2 + 1)..2 * SEEN_MAX as i64 {
            tally.note("p", &found(1, at));
        }
        assert_eq!(tally.take(), []);
        tally.note("p", &found(0, 1));
        assert_eq!(tally.take().len(), 1, "long ago");
    }
}
