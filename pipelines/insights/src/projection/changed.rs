//! What fresh rows make of the sessions of a segment: made once for all questions of a snapshot, which go through all sessions as
//! they lie, and through the few that are others now.

use std::ops::Range;

use super::timeline::TimelineBuilder;
use super::{SESSION_GAP_MS, Timeline, Timelines};

/// A person whose sessions stay.
const STAYS: (u32, u32) = (u32::MAX, u32::MAX);

/// Sessions of the first of some timelines that are no longer, and those that are there instead: cut where sessions are.
pub(crate) struct Changed {
    /// By person: which of the first timeline's sessions are replaced, maybe none; or [`STAYS`].
    replaced: Vec<(u32, u32)>,
    /// Sessions of those who do not stay as they are.
    pub timeline: Timeline<'static>,
}

impl Changed {
    /// Of timelines with the order of activities by name.
    pub fn new(timelines: &Timelines<'_>, ranks: &[u16]) -> Changed {
        let mut builder = TimelineBuilder::new();
        let mut replaced = vec![STAYS; timelines.persons()];
        let mut rows = Vec::new();
        for (local, replaced) in replaced.iter_mut().enumerate().filter(|(local, _)| timelines.differs(*local)) {
            let change = timelines.change_of(local, SESSION_GAP_MS);
            *replaced = (change.replaced.start as u32, change.replaced.end as u32);
            change.rows(ranks, &mut rows);
            builder.person(local);
            rows.iter().for_each(|&(time, _, code)| builder.push(time, code));
        }
        Changed { replaced, timeline: builder.finish() }
    }

    /// The sessions of a person in the first timeline that are replaced, maybe none; `None` if all stay.
    #[inline]
    pub fn of(&self, local: usize) -> Option<Range<usize>> {
        let (start, end) = self.replaced.get(local).copied().filter(|place| *place != STAYS)?;
        Some(start as usize..end as usize)
    }

    /// All sessions of the first timeline that are replaced.
    pub fn replaced(&self) -> impl Iterator<Item = usize> {
        let changed = self.replaced.iter().filter(|place| **place != STAYS);
        changed.flat_map(|&(start, end)| start as usize..end as usize)
    }

    /// Persons up to the last who has rows in any of the timelines.
    pub fn persons(&self) -> usize {
        self.replaced.len()
    }
}

/// What has changed, held by a snapshot or made for a question alone.
pub(crate) enum Held<'a> {
    Kept(&'a Changed),
    Own(Box<Changed>),
}

/// The sessions of a segment: those of a timeline, but for those that have changed.
pub(crate) struct Sessions<'a> {
    pub first: Timeline<'a>,
    changed: Option<Held<'a>>,
}

impl<'a> Sessions<'a> {
    /// Of which none has changed.
    pub fn whole(first: Timeline<'a>) -> Sessions<'a> {
        Sessions { first, changed: None }
    }

    /// Of which some have.
    pub fn with(first: Timeline<'a>, changed: Held<'a>) -> Sessions<'a> {
        Sessions { first, changed: Some(changed) }
    }

    pub fn changed(&self) -> Option<&Changed> {
        self.changed.as_ref().map(|held| match held {
            Held::Kept(changed) => *changed,
            Held::Own(changed) => changed,
        })
    }

    /// Persons up to the last that has rows.
    pub fn persons(&self) -> usize {
        self.first.persons().max(self.changed().map_or(0, Changed::persons))
    }

    /// Rows that are there, those of replaced sessions included.
    pub fn rows(&self) -> usize {
        self.first.rows() + self.changed().map_or(0, |changed| changed.timeline.rows())
    }
}
