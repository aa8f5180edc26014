//! Sums by key.

use std::hash::Hash;

use hashbrown::HashMap;

use super::record::{Record, Sums};
use super::room::Room;
use super::runs::{Merge, Runs, Source};
use crate::InsightError;
use crate::operators::Context;

/// Keys between two looks at whether the question goes on.
pub(super) const LOOK_EVERY: usize = 1 << 14;

/// Those of one thread.
pub(crate) struct Tally<'c, K, V> {
    sums: HashMap<K, V>,
    most: usize,
    room: Room<'c>,
    runs: Runs<K, V>,
}

impl<'c, K: Record + Ord + Hash, V: Sums> Tally<'c, K, V> {
    pub fn new(room: Room<'c>) -> Tally<'c, K, V> {
        Tally { sums: HashMap::new(), most: room.entries(size_of::<(K, V)>()), room, runs: Runs::new() }
    }

    #[inline]
    pub fn add(&mut self, key: K, value: V) {
        self.sums.entry(key).or_default().add(value);
        if self.sums.len() > self.most {
            self.spill();
        }
    }

    #[cold]
    fn spill(&mut self) {
        let all = ascending(&mut self.sums);
        if let Err(error) = self.runs.write(self.room, all.into_iter()) {
            self.room.fail(error);
        }
    }
}

fn ascending<K: Record + Ord, V: Record>(sums: &mut HashMap<K, V>) -> Vec<(K, V)> {
    let mut all: Vec<(K, V)> = std::mem::take(sums).into_iter().collect();
    all.sort_unstable_by_key(|(key, _)| *key);
    all
}

/// Those of all threads: every key once, in no particular order, as often as they are asked for.
pub(crate) struct Totals<'c, K, V> {
    room: Room<'c>,
    all: All<K, V>,
}

enum All<K, V> {
    Memory(HashMap<K, V>),
    Runs(Vec<Source<K, V>>),
}

impl<'c, K: Record + Ord + Hash, V: Sums> Totals<'c, K, V> {
    pub fn of(tallies: impl IntoIterator<Item = Tally<'c, K, V>>) -> Totals<'c, K, V> {
        let mut tallies: Vec<Tally<'c, K, V>> = tallies.into_iter().collect();
        // The largest takes the others in.
        tallies.sort_by_key(|tally| tally.sums.len());
        let room = tallies.last().map_or_else(Room::endless, |tally| tally.room);
        let count = tallies.iter().fold(0usize, |count, tally| count.saturating_add(tally.sums.len()));
        let most = tallies.last().map_or(0, |tally| tally.most);
        if count <= most && tallies.iter().all(|tally| tally.runs.is_empty()) {
            let mut sums = tallies.pop().map(|tally| tally.sums).unwrap_or_default();
            for (key, value) in tallies.into_iter().flat_map(|tally| tally.sums) {
                sums.entry(key).or_default().add(value);
            }
            return Totals { room, all: All::Memory(sums) };
        }
        let mut sources = Vec::new();
        for mut tally in tallies {
            sources.push(Source::Memory(ascending(&mut tally.sums)));
            sources.extend(tally.runs.sources());
        }
        Totals { room, all: All::Runs(sources) }
    }

    /// Calls with each key and its sum.
    pub fn each(
        &self,
        context: &Context<'_>,
        mut each: impl FnMut(K, V) -> Result<(), InsightError>,
    ) -> Result<(), InsightError> {
        let mut calls = 0usize;
        let mut each = |key: K, value: V| {
            calls += 1;
            if calls.is_multiple_of(LOOK_EVERY) {
                context.look()?;
            }
            each(key, value)
        };
        let sources = match &self.all {
            All::Memory(sums) => return sums.iter().try_for_each(|(&key, &value)| each(key, value)),
            All::Runs(sources) => sources,
        };
        let mut merge = Merge::new(self.room, sources)?;
        let mut open: Option<(K, V)> = None;
        while let Some((key, value)) = merge.next()? {
            match &mut open {
                Some((known, sum)) if *known == key => sum.add(value),
                _ => {
                    if let Some((key, sum)) = open.replace((key, value)) {
                        each(key, sum)?;
                    }
                }
            }
        }
        open.map_or(Ok(()), |(key, sum)| each(key, sum))
    }
}
