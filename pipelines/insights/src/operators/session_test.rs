//! Conditions on the session of a row: its session is found in the timeline of the segment.

use super::compile::look_up;
use crate::InsightError;
use crate::definition::{SessionComparison, SessionProperty, Tester};
use crate::projection::{Postings, Snapshot, Timeline};

/// A session: how long, and its first and last row.
#[derive(Clone, Copy)]
pub(super) struct Found {
    pub duration_ms: i64,
    pub first: usize,
    pub last: usize,
}

impl Found {
    pub fn of(timeline: &Timeline<'_>, session: usize) -> Found {
        let rows = timeline.rows_of(session);
        Found { duration_ms: timeline.duration(session), first: rows.start, last: rows.end - 1 }
    }
}

/// The session of a timeline that a row is in.
#[inline]
pub(super) fn session_of(timeline: &Timeline<'_>, local: u16, time: i64) -> Option<usize> {
    let sessions = timeline.sessions_of(usize::from(local));
    let starts = &timeline.starts[sessions.clone()];
    let later = starts.partition_point(|&start| start <= time);
    later.checked_sub(1).map(|place| sessions.start + place)
}

/// A test of sessions, compiled.
pub(super) struct SessionTest {
    property: SessionProperty,
    tester: Tester,
    /// For each activity whether its name passes.
    names: Vec<bool>,
}

impl SessionTest {
    pub fn new(snapshot: &Snapshot, comparison: &SessionComparison) -> Result<SessionTest, InsightError> {
        let tester = comparison.test.tester()?;
        let names = snapshot.dictionaries.activities.names();
        let names = (0..names.len() as u32).map(|code| tester.of_text(Some(names.text(code)))).collect();
        Ok(SessionTest { property: comparison.property, tester, names })
    }

    fn holds(&self, timeline: &Timeline<'_>, session: usize) -> bool {
        let rows = timeline.rows_of(session);
        match self.property {
            SessionProperty::DurationMs => self.tester.of_number(Some(timeline.duration(session) as f64)),
            SessionProperty::Rows => self.tester.of_number(Some(rows.len() as f64)),
            SessionProperty::Entry => look_up(&self.names, u32::from(timeline.code(rows.start))),
            SessionProperty::Exit => look_up(&self.names, u32::from(timeline.code(rows.end - 1))),
        }
    }

    /// Whether the session of each row passes.
    pub fn mask(&self, snapshot: &Snapshot, segment: u32, postings: &Postings<'_>) -> Vec<bool> {
        let timeline = snapshot.timeline(segment, Some(Vec::new()));
        let mut last: Option<(usize, bool)> = None;
        let rows = postings.persons.iter().zip(&postings.times);
        let holds = rows.map(|(&local, &time)| {
            let Some(session) = session_of(&timeline, local, time) else { return false };
            match last {
                Some((known, holds)) if known == session => holds,
                _ => {
                    let holds = self.holds(&timeline, session);
                    last = Some((session, holds));
                    holds
                }
            }
        });
        holds.collect()
    }
}
