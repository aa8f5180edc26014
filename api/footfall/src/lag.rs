//! For how long the oldest record of the log has waited that no answer shows yet. The log does not say when a record came: its end is
//! looked at again and again, and what was there at an earlier look and is not seen yet has waited since.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use footfall_api_server::Lag;
use footfall_ingest_activity::{Checkpoint, Timestamp};

/// So many looks are kept; then every second one goes, and times get coarser the longer nothing moves.
const LOOKS_MAX: usize = 512;

/// The ends of the log that answers have not reached, the oldest first.
#[derive(Debug, Default)]
pub struct Waiting(Mutex<VecDeque<(Timestamp, Checkpoint)>>);

impl Waiting {
    /// Looks at the end of the log and at what is visible, which was asked for first.
    pub fn look(&self, now: Timestamp, end: Checkpoint, visible: &Checkpoint) -> Lag {
        let behind = |(partition, end): (u32, u64)| end.saturating_sub(visible.next_offset(partition));
        let records_behind = end.iter().map(behind).sum();
        let mut looks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while looks.front().is_some_and(|(_, end)| visible.covers(end)) {
            looks.pop_front();
        }
        if records_behind == 0 {
            return Lag { records_behind, seconds_behind: 0.0 };
        }
        let oldest = looks.front().map_or(now, |(since, _)| *since);
        if looks.len() >= LOOKS_MAX {
            let mut number = 0;
            looks.retain(|_| {
                number += 1;
                number % 2 == 1
            });
        }
        if looks.back().is_none_or(|(_, known)| *known != end) {
            looks.push_back((now, end));
        }
        Lag { records_behind, seconds_behind: now.millis_since(oldest).max(0) as f64 / 1000.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    fn upto(offset: u64) -> Checkpoint {
        [(0, offset)].into_iter().collect()
    }

    fn look(waiting: &Waiting, seconds: i64, end: u64, visible: u64) -> (u64, f64) {
        let Lag { records_behind, seconds_behind } = waiting.look(at(seconds), upto(end), &upto(visible));
        (records_behind, seconds_behind)
    }

    #[test]
    fn counts_from_the_look_that_saw_it_first() {
        let waiting = Waiting::default();
        assert_eq!(look(&waiting, 0, 10, 10), (0, 0.0));
        assert_eq!(look(&waiting, 2, 15, 10), (5, 0.0));
        assert_eq!(look(&waiting, 4, 20, 10), (10, 2.0));
        assert_eq!(look(&waiting, 6, 20, 12), (8, 4.0), "a part of the first look still waits");
        assert_eq!(look(&waiting, 8, 20, 15), (5, 4.0), "the rest came at the second look");
        assert_eq!(look(&waiting, 10, 20, 20), (0, 0.0));
        assert_eq!(look(&waiting, 60, 21, 20), (1, 0.0), "nothing waited meanwhile");
    }

    #[test]
    fn stays_small_and_knows_the_oldest_when_nothing_moves() {
        let waiting = Waiting::default();
        let last = (0..5000).map(|turn| look(&waiting, turn, 1 + turn as u64, 0)).last();
        assert_eq!(last, Some((5000, 4999.0)));
        assert!(waiting.0.lock().unwrap_or_else(PoisonError::into_inner).len() <= LOOKS_MAX);
    }
}
