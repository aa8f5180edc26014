//! Which log one is, and to what moments it was restored: two logs have the same records under the same offsets as far as their
//! timelines are the same.

use footfall_ingest_activity::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The timeline of a log in files. It stands in the `meta.json` of the log, and so in each copy of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeline {
    /// Given to a log when it is made; those that older programs made have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
    /// Each time that it was restored, the oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub restored: Vec<Restored>,
}

/// One time that a log was restored. What had been appended after `until` was left behind; what has been since `at` is its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restored {
    pub id: Uuid,
    pub at: Timestamp,
    pub until: Timestamp,
}

impl Timeline {
    /// That of a log that is new.
    pub fn begin() -> Timeline {
        Timeline { id: Some(Uuid::new_v4()), restored: Vec::new() }
    }

    /// Whether all that a log of another timeline had at a moment is of this one too.
    pub fn includes(&self, other: &Timeline, moment: Timestamp) -> bool {
        let is_before = self.id == other.id && self.restored.starts_with(&other.restored);
        is_before && self.restored.get(other.restored.len()).is_none_or(|next| moment <= next.until)
    }

    /// That of a log that is restored, at `at`, from all that one of this timeline had got until `until`.
    #[must_use]
    pub fn then(mut self, until: Timestamp, at: Timestamp) -> Timeline {
        self.restored.push(Restored { id: Uuid::new_v4(), at, until });
        self
    }

    /// That of a log that is restored, at `at`, to a moment of this timeline, which may be of before it was restored last.
    #[must_use]
    pub fn restored_to(mut self, moment: Timestamp, at: Timestamp) -> Timeline {
        let mut until = moment.min(at);
        if let Some(later) = self.restored.iter().position(|restored| until < restored.at) {
            // Nothing was appended between what it was restored to and when it was.
            until = self.restored.get(later).map_or(until, |restored| restored.until.min(until));
            self.restored.truncate(later);
        }
        self.then(until, at)
    }

    /// The restore that left a moment out: what came between what was restored and when is of another timeline.
    pub fn gap(&self, moment: Timestamp) -> Option<&Restored> {
        self.restored.iter().find(|restored| restored.until < moment && moment < restored.at)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn what_was_left_behind_is_of_another_timeline() {
        let first = Timeline::begin();
        let second = first.clone().restored_to(at(20), at(35));
        let third = second.clone().restored_to(at(50), at(70));
        for timeline in [&first, &second, &third] {
            assert!(timeline.includes(timeline, at(1_000)));
            assert!(timeline.includes(&first, at(20)));
        }
        assert!(!second.includes(&first, at(21)) && !third.includes(&first, at(21)));
        assert!(third.includes(&second, at(50)) && !third.includes(&second, at(51)));
        assert!(!first.includes(&second, at(10)), "whoever stayed knows nothing of it");
        assert!(
            !first.clone().restored_to(at(20), at(36)).includes(&second, at(10)),
            "nor does another of that moment"
        );
        assert!(!Timeline::begin().includes(&first, at(1)), "another log");
        assert!(Timeline::default().includes(&Timeline::default(), at(1)), "older programs told nothing");
    }

    #[test]
    fn a_moment_is_of_what_was_there_then() {
        let first = Timeline::begin();
        let second = first.clone().restored_to(at(20), at(35));
        let untils = |timeline: Timeline| -> Vec<i64> {
            timeline.restored.iter().map(|restored| restored.until.millis()).collect()
        };
        assert_eq!(untils(second.clone().restored_to(at(35), at(60))), [20, 35]);
        assert_eq!(untils(second.clone().restored_to(at(10), at(60))), [10], "before it was restored");
        assert_eq!(untils(second.clone().restored_to(at(30), at(60))), [20], "and it had nothing of this any more");
        assert_eq!(untils(second.clone().restored_to(at(90), at(60))), [20, 60], "nothing is known of later");
        assert_eq!(second.gap(at(30)).unwrap().until, at(20));
        assert!(second.gap(at(20)).is_none() && second.gap(at(35)).is_none());
    }

    #[test]
    fn it_is_read_as_it_was_written() {
        let timeline = Timeline::begin().restored_to(at(20), at(35));
        let text = serde_json::to_string(&timeline).unwrap();
        assert_eq!(serde_json::from_str::<Timeline>(&text).unwrap(), timeline);
        assert_eq!(serde_json::from_str::<Timeline>("{}").unwrap(), Timeline::default());
    }
}
