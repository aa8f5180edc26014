//! Where each partition begins and ends: known from own appends and reads at once, from others' by asking the brokers.

use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use footfall_ingest_activity::Checkpoint;
use tokio::sync::watch;

/// First offset kept and next offset, by partition.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Span {
    pub first: u64,
    pub end: u64,
    /// Readers will never ask for anything below.
    pub passed: u64,
    /// Offsets below are skipped already, or about to be.
    pub skipped: u64,
    /// The brokers have said where it ends.
    pub is_known: bool,
    /// Where they have said once that it ends, if that is before what they had said.
    pub doubted: Option<u64>,
}

impl Span {
    /// Whoever appends now gets an offset from here on, unless the brokers have lost records.
    pub fn floor(&self) -> u64 {
        self.end.max(self.passed)
    }
}

/// Where a record lies that was delivered, as the offset after it.
///
/// # Errors
/// Why it must not be acknowledged: its place is not known, or no reader will come by.
pub(super) fn placed(floors: &[Span], partition: i32, offset: i64) -> Result<(u32, u64), String> {
    let (Ok(partition), Ok(offset)) = (u32::try_from(partition), u64::try_from(offset)) else {
        return Err("the brokers have it, but did not say where".to_owned());
    };
    let floor = floors.get(partition as usize).map_or(0, Span::floor);
    if offset < floor {
        return Err(format!("partition {partition} was read up to {floor}, and the brokers put it at {offset}"));
    }
    Ok((partition, offset + 1))
}

/// Spans of all partitions, and a bell that rings when one of them grows.
pub(super) struct Ends {
    spans: Mutex<Vec<Span>>,
    bell: watch::Sender<u64>,
}

impl Ends {
    pub fn new(partitions: u32) -> Ends {
        Ends { spans: Mutex::new(vec![Span::default(); partitions as usize]), bell: watch::Sender::new(0) }
    }

    fn hold(&self) -> MutexGuard<'_, Vec<Span>> {
        self.spans.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn spans(&self) -> Vec<Span> {
        self.hold().clone()
    }

    /// The checkpoint of a reader that has read everything.
    pub fn end(&self) -> Checkpoint {
        self.hold()
            .iter()
            .enumerate()
            .filter(|(_, span)| span.end > 0)
            .map(|(index, span)| (index as u32, span.end))
            .collect()
    }

    /// The first partition of which the brokers have not said yet where it ends.
    pub fn unknown(&self) -> Option<u32> {
        self.hold().iter().position(|span| !span.is_known).map(|index| index as u32)
    }

    /// Moves the end forward, never backward ([`Ends::answered`] does).
    pub fn reached(&self, partition: u32, end: u64) {
        let mut spans = self.hold();
        let mut span = spans.get_mut(partition as usize);
        if let Some(span) = &mut span {
            span.is_known = true;
        }
        let has_moved = match span {
            Some(span) if end > span.end => {
                span.end = end;
                true
            }
            _ => false,
        };
        drop(spans);
        if has_moved {
            self.bell.send_modify(|rings| *rings += 1);
        }
    }

    /// Takes an answer of the brokers, asked when a partition was known to end at `known`. Gives the offsets of what they have
    /// lost, when they have said so twice: the end moves back then, and nobody is given an offset below what it was.
    pub fn answered(&self, partition: u32, known: u64, end: u64) -> Option<Range<u64>> {
        let mut spans = self.hold();
        let span = spans.get_mut(partition as usize)?;
        if end >= known {
            span.doubted = None;
            drop(spans);
            self.reached(partition, end);
            return None;
        }
        let before = span.doubted.replace(end)?;
        *span = Span { end, passed: span.floor(), skipped: 0, doubted: None, ..*span };
        // What was appended meanwhile lies where the lost ones were.
        Some(before.min(end)..known)
    }

    /// Where a partition ends, as far as is known.
    pub fn end_of(&self, partition: u32) -> u64 {
        self.hold().get(partition as usize).map_or(0, |span| span.end)
    }

    /// Up to where offsets are to be skipped, if a partition ends before what was read of it or acknowledged.
    pub fn gap(&self, partition: u32) -> Option<u64> {
        let span = *self.hold().get(partition as usize)?;
        (span.is_known && span.passed > span.end).then_some(span.passed)
    }

    /// Below this nothing is kept.
    pub fn begins(&self, partition: u32, first: u64) {
        if let Some(span) = self.hold().get_mut(partition as usize) {
            span.first = span.first.max(first);
        }
    }

    /// Whether a partition is known to end before this offset, as far as the brokers were asked, and nobody skips what lies between.
    pub fn is_before(&self, partition: u32, offset: u64) -> bool {
        let spans = self.hold();
        spans.get(partition as usize).is_some_and(|span| span.is_known && span.end.max(span.skipped) < offset)
    }

    /// Readers have read up to here; whether the brokers still have it is not known.
    pub fn read_to(&self, partition: u32, offset: u64) {
        if let Some(span) = self.hold().get_mut(partition as usize) {
            span.passed = span.passed.max(offset);
        }
    }

    /// Readers have read up to here. Gives the first and the number of the offsets that are to be skipped for that: those
    /// between the end and there that are not being skipped already, at most `skipped_max`.
    pub fn passed(&self, partition: u32, offset: u64, skipped_max: u64) -> Option<(u64, u64)> {
        let mut spans = self.hold();
        let span = spans.get_mut(partition as usize)?;
        span.passed = span.passed.max(offset);
        if !span.is_known {
            return None;
        }
        let from = span.end.max(span.skipped);
        let missing = offset.checked_sub(from).filter(|missing| (1..=skipped_max).contains(missing))?;
        span.skipped = offset;
        Some((from, missing))
    }

    /// Skipping has failed: it is to be tried again.
    pub fn not_skipped(&self, partition: u32) {
        if let Some(span) = self.hold().get_mut(partition as usize) {
            span.skipped = 0;
        }
    }

    /// Why nothing can be appended: a partition ends so far before what was read of it that it is not skipped.
    pub fn lost(&self, skipped_max: u64) -> Option<String> {
        let spans = self.spans();
        let (partition, missing) = spans
            .iter()
            .map(|span| if span.is_known { span.passed.saturating_sub(span.end) } else { 0 })
            .enumerate()
            .find(|(_, missing)| *missing > skipped_max)?;
        Some(format!("partition {partition} ends {missing} records before what was read of it"))
    }

    pub fn listen(&self) -> watch::Receiver<u64> {
        self.bell.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_acknowledged_only_where_readers_come_by() {
        let ends = Ends::new(2);
        ends.reached(0, 5);
        ends.passed(1, 9, 100);
        let floors = ends.spans();
        assert_eq!(placed(&floors, 0, 5), Ok((0, 6)));
        assert_eq!(placed(&floors, 1, 9), Ok((1, 10)));
        assert!(placed(&floors, 0, 4).is_err() && placed(&floors, 1, 8).is_err());
        // What librdkafka says of records that it takes for delivered because later ones were.
        assert!(placed(&floors, 0, -1001).is_err());
    }

    #[test]
    fn offsets_are_skipped_once_and_again_after_a_failure() {
        let ends = Ends::new(1);
        ends.reached(0, 3);
        assert_eq!(ends.passed(0, 10, 100), Some((3, 7)));
        assert_eq!(ends.passed(0, 10, 100), None);
        assert_eq!(ends.passed(0, 12, 100), Some((10, 2)));
        ends.not_skipped(0);
        assert_eq!(ends.passed(0, 12, 100), Some((3, 9)));
        assert_eq!(ends.lost(100), None);
        assert_eq!(Ends::new(1).passed(0, 10, 100), None, "nobody knows where it ends");
    }

    #[test]
    fn what_others_may_have_appended_is_asked_for_before_it_is_skipped() {
        let ends = Ends::new(2);
        assert!(!ends.is_before(0, 10), "nobody knows where it ends");
        ends.reached(0, 3);
        assert!(ends.is_before(0, 10) && !ends.is_before(0, 3));
        ends.read_to(0, 10);
        assert!(ends.is_before(0, 10), "it is asked for again");
        assert!(placed(&ends.spans(), 0, 9).is_err(), "nobody reads what lies below");
        ends.reached(0, 12);
        assert!(!ends.is_before(0, 10));
        assert_eq!(ends.passed(0, 10, 100), None, "others had appended it");
        assert_eq!(ends.passed(0, 14, 100), Some((12, 2)));
        assert!(!ends.is_before(0, 14), "it is being skipped");
    }

    #[test]
    fn a_partition_is_unknown_until_the_brokers_have_answered_for_it() {
        let ends = Ends::new(2);
        ends.reached(1, 7);
        assert_eq!((ends.unknown(), ends.end().next_offset(0)), (Some(0), 0));
        ends.reached(0, 0);
        assert_eq!(ends.unknown(), None, "an empty one is known as well");
    }

    #[test]
    fn what_the_brokers_have_lost_is_told_once_and_when_they_say_so_twice() {
        let ends = Ends::new(1);
        assert_eq!(ends.answered(0, 0, 9), None);
        ends.reached(0, 22);
        assert_eq!(ends.answered(0, 9, 15), None, "asked before the others were appended");
        assert_eq!((ends.end_of(0), ends.gap(0)), (22, None));
        assert_eq!(ends.answered(0, 22, 3), None, "once may be a broker that has just begun to lead");
        assert_eq!(ends.answered(0, 22, 22), None);
        assert_eq!(ends.answered(0, 22, 2), None);
        assert_eq!(ends.answered(0, 22, 3), Some(2..22));
        assert_eq!((ends.end_of(0), ends.gap(0)), (3, Some(22)));
        assert!(placed(&ends.spans(), 0, 3).is_err(), "a reader elsewhere may have read up to there");
        assert_eq!(ends.answered(0, 3, 3), None, "once");
        assert_eq!(ends.passed(0, 22, 100), Some((3, 19)));
        ends.reached(0, 22);
        assert_eq!((ends.gap(0), placed(&ends.spans(), 0, 22)), (None, Ok((0, 23))));
    }

    #[test]
    fn too_many_lost_records_stop_the_log_until_the_topic_has_them_again() {
        let ends = Ends::new(2);
        assert_eq!(ends.passed(1, 101, 100), None);
        assert_eq!(ends.lost(100), None, "nobody knows where it ends");
        ends.reached(1, 0);
        assert!(ends.lost(100).is_some_and(|why| why.contains("partition 1 ends 101 records")));
        ends.reached(1, 1);
        assert_eq!(ends.lost(100), None);
    }
}
