//! Numbers by cell, for what needs their order: percentiles above all.

use super::room::Room;
use super::runs::{Merge, Runs, Source};
use super::tally::LOOK_EVERY;
use crate::InsightError;
use crate::operators::Context;

/// A number whose order is that of [`f64::total_cmp`].
#[inline]
pub(crate) fn ordered(number: f64) -> i64 {
    let bits = number.to_bits().cast_signed();
    bits ^ (((bits >> 63).cast_unsigned()) >> 1).cast_signed()
}

/// … and back.
#[inline]
pub(crate) fn number(ordered: i64) -> f64 {
    f64::from_bits((ordered ^ (((ordered >> 63).cast_unsigned()) >> 1).cast_signed()).cast_unsigned())
}

/// Those of one thread.
pub(crate) struct Gather<'c> {
    cells: Vec<Vec<i64>>,
    held: usize,
    most: usize,
    room: Room<'c>,
    runs: Runs<(u32, i64), ()>,
    /// In the runs, of each cell.
    written: Vec<u64>,
}

impl<'c> Gather<'c> {
    pub fn new(room: Room<'c>) -> Gather<'c> {
        let most = room.entries(size_of::<((u32, i64), ())>());
        Gather { cells: Vec::new(), held: 0, most, room, runs: Runs::new(), written: Vec::new() }
    }

    #[inline]
    pub fn push(&mut self, cell: usize, value: i64) {
        if self.cells.len() <= cell {
            self.cells.resize(cell + 1, Vec::new());
        }
        self.cells[cell].push(value);
        self.held += 1;
        if self.held > self.most {
            self.spill();
        }
    }

    #[cold]
    fn spill(&mut self) {
        self.held = 0;
        self.written.resize(self.written.len().max(self.cells.len()), 0);
        self.cells.iter().zip(&mut self.written).for_each(|(cell, written)| *written += cell.len() as u64);
        if let Err(error) = self.runs.write(self.room, ascending(std::mem::take(&mut self.cells))) {
            self.room.fail(error);
        }
    }
}

fn ascending(cells: Vec<Vec<i64>>) -> impl Iterator<Item = ((u32, i64), ())> {
    (0u32..).zip(cells).flat_map(|(cell, mut values)| {
        values.sort_unstable();
        values.into_iter().map(move |value| ((cell, value), ()))
    })
}

/// Those of all threads, of each cell ascending.
pub(crate) struct Sorted<'c> {
    room: Room<'c>,
    all: All,
}

enum All {
    Memory(Vec<Vec<i64>>),
    Runs { counts: Vec<u64>, sources: Vec<Source<(u32, i64), ()>> },
}

/// Some values of a cell, at ranks: of `n` ascending ones the one at `floor((n − 1) · rank)`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ranked {
    pub count: u64,
    /// For each rank; nothing where the cell is empty.
    pub at: Vec<i64>,
}

impl<'c> Sorted<'c> {
    /// As many cells, or more where there are values.
    pub fn of(gathers: impl IntoIterator<Item = Gather<'c>>, cells: usize) -> Sorted<'c> {
        let gathers: Vec<Gather<'c>> = gathers.into_iter().collect();
        let room = gathers.first().map_or_else(Room::endless, |gather| gather.room);
        let held = gathers.iter().fold(0usize, |held, gather| held.saturating_add(gather.held));
        let most = gathers.first().map_or(usize::MAX, |gather| gather.most);
        if held <= most && gathers.iter().all(|gather| gather.runs.is_empty()) {
            let mut all = vec![Vec::new(); cells];
            for gather in gathers {
                all.resize(all.len().max(gather.cells.len()), Vec::new());
                for (all, cell) in all.iter_mut().zip(gather.cells) {
                    if all.is_empty() { *all = cell } else { all.extend(cell) }
                }
            }
            all.iter_mut().for_each(|cell| cell.sort_unstable());
            return Sorted { room, all: All::Memory(all) };
        }
        let mut counts = vec![0; cells];
        let mut sources = Vec::new();
        for gather in gathers {
            counts.resize(counts.len().max(gather.cells.len()).max(gather.written.len()), 0);
            counts.iter_mut().zip(&gather.written).for_each(|(count, written)| *count += written);
            counts.iter_mut().zip(&gather.cells).for_each(|(count, cell)| *count += cell.len() as u64);
            sources.push(Source::Memory(ascending(gather.cells).collect()));
            sources.extend(gather.runs.sources());
        }
        Sorted { room, all: All::Runs { counts, sources } }
    }

    /// How many cells.
    pub fn cells(&self) -> usize {
        match &self.all {
            All::Memory(all) => all.len(),
            All::Runs { counts, .. } => counts.len(),
        }
    }

    /// How many values a cell has.
    pub fn count(&self, cell: usize) -> u64 {
        match &self.all {
            All::Memory(all) => all.get(cell).map_or(0, |cell| cell.len() as u64),
            All::Runs { counts, .. } => counts.get(cell).copied().unwrap_or(0),
        }
    }

    /// Calls with the cells, and of each its values, ascending.
    pub fn each(&self, context: &Context<'_>, mut each: impl FnMut(usize, i64)) -> Result<(), InsightError> {
        match &self.all {
            All::Memory(all) => {
                for (cell, values) in all.iter().enumerate() {
                    values.iter().for_each(|&value| each(cell, value));
                }
            }
            All::Runs { sources, .. } => {
                let mut merge = Merge::new(self.room, sources)?;
                let mut calls = 0usize;
                while let Some(((cell, value), ())) = merge.next()? {
                    calls += 1;
                    if calls.is_multiple_of(LOOK_EVERY) {
                        context.look()?;
                    }
                    each(cell as usize, value);
                }
            }
        }
        Ok(())
    }

    /// The same values in other cells, of which several may be one.
    pub fn regrouped(
        self,
        context: &Context<'_>,
        cells: usize,
        cell: impl Fn(usize) -> usize,
    ) -> Result<Sorted<'c>, InsightError> {
        let mut again = Gather::new(self.room);
        self.each(context, |from, value| again.push(cell(from), value))?;
        Ok(Sorted::of([again], cells))
    }

    /// Values at ranks, of every cell.
    pub fn ranked(&self, context: &Context<'_>, ranks: &[f64]) -> Result<Vec<Ranked>, InsightError> {
        let place = |count: u64, rank: f64| (count.saturating_sub(1) as f64 * rank) as u64;
        let mut order: Vec<usize> = (0..ranks.len()).collect();
        order.sort_by(|&a, &b| ranks[a].total_cmp(&ranks[b]));
        let new = |cell: usize| {
            let count = self.count(cell);
            Ranked { count, at: if count == 0 { Vec::new() } else { vec![0; ranks.len()] } }
        };
        let mut found: Vec<Ranked> = (0..self.cells()).map(new).collect();
        if let All::Memory(all) = &self.all {
            for (found, values) in found.iter_mut().zip(all).filter(|(found, _)| found.count > 0) {
                let at = |rank: &f64| values[place(found.count, *rank) as usize];
                found.at = ranks.iter().map(at).collect();
            }
            return Ok(found);
        }
        // The cell at hand, how many of its values came, and which rank is next.
        let (mut now, mut came, mut next) = (0, 0u64, 0);
        self.each(context, |cell, value| {
            if cell != now {
                (now, came, next) = (cell, 0, 0);
            }
            let found = &mut found[cell];
            while let Some(&rank) = order.get(next).filter(|&&rank| place(found.count, ranks[rank]) == came) {
                found.at[rank] = value;
                next += 1;
            }
            came += 1;
        })?;
        Ok(found)
    }
}
