//! How long questions will take, by how fast those of their kind were answered so far.

use std::collections::HashMap;
use std::mem::{Discriminant, discriminant};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use footfall_pipelines_insights::definition::Question;

/// Of a kind of which none was answered yet.
const ROWS_A_SECOND: f64 = 200e6;
/// Shorter ones tell of planning, not of rows.
const TELLING: Duration = Duration::from_millis(2);
/// How much the last question counts against all before.
const WEIGHT: f64 = 0.25;

/// Seconds for a row that a question is about, by kind: moving averages.
#[derive(Default)]
pub(crate) struct Speeds {
    by_kind: Mutex<HashMap<Discriminant<Question>, f64>>,
}

impl Speeds {
    /// How long a question about so many rows will take.
    pub fn expected(&self, question: &Question, rows: u64) -> Duration {
        let known = self.by_kind.lock().unwrap_or_else(PoisonError::into_inner);
        let a_row = known.get(&discriminant(question)).copied().unwrap_or(1.0 / ROWS_A_SECOND);
        Duration::try_from_secs_f64(a_row * rows as f64).unwrap_or(Duration::MAX)
    }

    /// One about so many rows took so long.
    pub fn learn(&self, question: &Question, rows: u64, took: Duration) {
        if took < TELLING || rows == 0 {
            return;
        }
        let a_row = took.as_secs_f64() / rows as f64;
        let mut known = self.by_kind.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry(discriminant(question)).and_modify(|old| *old += (a_row - *old) * WEIGHT).or_insert(a_row);
    }
}

/// Of how many people one is taken for each answer of a part, before all are: those parts that take long enough to tell of, as
/// long as all of them and the whole are done in time.
pub(crate) fn parts(expected: Duration, after: Duration, within: Duration) -> Vec<usize> {
    if expected < after {
        return Vec::new();
    }
    let mut all = expected;
    let mut parts = Vec::new();
    for one_in in PARTS {
        let takes = expected / one_in as u32;
        if (takes >= PART_LEAST || one_in == PARTS[PARTS.len() - 1]) && all.saturating_add(takes) <= within {
            all += takes;
            parts.push(one_in);
        }
    }
    parts
}

/// Together they take a third of what the whole does.
const PARTS: [usize; 3] = [64, 16, 4];
/// Parts that are done before this are told of too soon after each other.
const PART_LEAST: Duration = Duration::from_millis(150);

#[cfg(test)]
mod tests {
    use footfall_pipelines_insights::definition::{Bucket, Lifecycle, RankBy, Ranking, Scope, Selector};

    use super::*;

    fn lifecycle() -> Question {
        Question::Lifecycle(Lifecycle { scope: Scope::utc(0, 1), bucket: Bucket::Day, select: Selector::any() })
    }

    #[test]
    fn a_kind_is_as_slow_as_its_last_questions_were() {
        let (speeds, ms) = (Speeds::default(), Duration::from_millis);
        let other =
            Question::Ranking(Ranking { scope: Scope::utc(0, 1), select: Selector::any(), by: RankBy::Person, top: 1 });
        assert_eq!(speeds.expected(&lifecycle(), 20_000_000), ms(100));
        speeds.learn(&lifecycle(), 1_000, Duration::from_micros(900));
        assert_eq!(speeds.expected(&lifecycle(), 20_000_000), ms(100), "too short to tell");
        speeds.learn(&lifecycle(), 1_000_000, ms(100));
        assert_eq!(speeds.expected(&lifecycle(), 20_000_000), ms(2_000));
        speeds.learn(&lifecycle(), 1_000_000, ms(20));
        assert_eq!(speeds.expected(&lifecycle(), 20_000_000), ms(1_600));
        assert_eq!(speeds.expected(&other, 20_000_000), ms(100));
        (0..50).for_each(|_| speeds.learn(&lifecycle(), 1_000_000, ms(20)));
        assert!(speeds.expected(&lifecycle(), 20_000_000) < ms(401));
        assert_eq!(speeds.expected(&lifecycle(), 0), Duration::ZERO);
    }

    #[test]
    fn parts_are_told_of_long_questions_that_have_the_time() {
        let (ms, long) = (Duration::from_millis, Duration::from_secs(600));
        assert!(parts(ms(499), ms(500), long).is_empty());
        assert_eq!(parts(ms(500), ms(500), long), [4]);
        assert_eq!(parts(ms(3_000), ms(500), long), [16, 4]);
        assert_eq!(parts(ms(20_000), ms(500), long), [64, 16, 4]);
        // A question that is hardly done in time is not made late.
        assert_eq!(parts(ms(20_000), ms(500), ms(22_000)), [64, 16]);
        assert!(parts(ms(20_000), ms(500), ms(20_100)).is_empty());
        assert_eq!(parts(Duration::ZERO, Duration::ZERO, long), [4]);
    }
}
