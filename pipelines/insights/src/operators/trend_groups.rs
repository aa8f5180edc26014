//! The groups of a trend's breakdown: values of up to three columns as one key, and the top of them.

use hashbrown::HashMap;

use super::best::Best;
use super::compile::Compiled;
use super::division::{Division, columns_of, put};
use super::engine::Context;
use super::reader::{Need, Within};
use crate::InsightError;
use crate::definition::{Breakdown, Label};
use crate::projection::{Column, Postings, Snapshot};
use crate::spill::{Tally, Totals};

/// Keys below this are counted in an array.
const DENSE_MAX: u64 = 1 << 20;
const PROPERTIES_MAX: usize = 3;

/// What a breakdown is by.
pub(super) struct Groups<'a> {
    divisions: Vec<Division<'a>>,
    /// Columns that are read for it.
    pub columns: Vec<usize>,
    /// Codes of each column are below this.
    sizes: Vec<u64>,
}

/// Which group each key is in; the groups are those of `labels`.
pub(super) struct Chosen {
    pub labels: Vec<Label>,
    dense: Vec<u32>,
    sparse: HashMap<u64, u32>,
    /// The group of all other keys.
    other: u32,
}

impl<'a> Groups<'a> {
    pub fn new(context: &Context<'a>, breakdown: Option<&Breakdown>) -> Result<Groups<'a>, InsightError> {
        let properties = breakdown.map_or(&[][..], |breakdown| &breakdown.properties);
        if breakdown.is_some() && !(1..=PROPERTIES_MAX).contains(&properties.len()) {
            return Err(InsightError::question("breakdown", format!("takes 1 to {PROPERTIES_MAX} properties")));
        }
        let divisions: Vec<Division<'a>> =
            properties.iter().map(|by| Division::new(context, by)).collect::<Result<_, _>>()?;
        let sizes = divisions.iter().map(|division| division.size() as u64).collect();
        let groups = Groups { columns: columns_of(&divisions), sizes, divisions };
        if groups.sizes.iter().try_fold(1u64, |all, &size| all.checked_mul(size)).is_none() {
            return Err(InsightError::question("breakdown", "the properties have too many values together"));
        }
        Ok(groups)
    }

    /// How many properties.
    pub fn len(&self) -> usize {
        self.divisions.len()
    }

    pub fn is_empty(&self) -> bool {
        self.divisions.is_empty()
    }

    /// Whether activities alone tell groups apart.
    pub fn is_of_events(&self) -> bool {
        matches!(self.divisions.as_slice(), [division] if division.is_of_events())
    }

    /// As much of the times of rows as is needed, where this much is in any case.
    pub fn need(&self, need: Need) -> Need {
        if self.divisions.iter().any(Division::needs_times) { Need::Times } else { need }
    }

    /// Puts the codes of values in the place of what was read for them.
    pub fn put(&self, snapshot: &Snapshot, segment: u32, postings: &mut Postings<'_>) {
        put(&self.divisions, snapshot, segment, postings);
    }

    fn is_dense(&self) -> bool {
        self.sizes.iter().product::<u64>() <= DENSE_MAX
    }

    #[inline]
    fn key(&self, columns: &[Column<'_>], row: usize) -> u64 {
        columns.iter().zip(&self.sizes).fold(0, |key, (column, &size)| key * size + u64::from(column.word(row)))
    }

    fn codes(&self, mut key: u64) -> Vec<u32> {
        let mut codes: Vec<u32> = Vec::new();
        for &size in self.sizes.iter().rev() {
            codes.push((key % size) as u32);
            key /= size;
        }
        codes.reverse();
        codes
    }

    /// Counts the rows of each key and takes the top.
    pub fn choose(
        &self,
        context: &Context<'_>,
        compiled: &Compiled,
        within: Within<'_>,
        top: usize,
    ) -> Result<Chosen, InsightError> {
        if self.is_empty() {
            return Ok(Chosen { labels: vec![Label::Everything], dense: vec![0], sparse: HashMap::new(), other: 0 });
        }
        let size = if self.is_dense() { self.sizes.iter().product::<u64>() as usize } else { 0 };
        let state = || (vec![0u64; size], Tally::<u64, u64>::new(context.room()), Postings::default());
        let states = context.each_segment(state, |(dense, sparse, postings), reader, segment| {
            for &activity in &compiled.activities {
                let need = self.need(Need::Span);
                reader.select_with(need, segment, activity, compiled, &self.columns, within, postings);
                self.put(reader.snapshot, segment, postings);
                match postings.columns.as_slice() {
                    [Column::Same(code)] if (*code as usize) < dense.len() => {
                        dense[*code as usize] += postings.len() as u64;
                    }
                    [Column::Words8(codes)] if dense.len() >= 256 => {
                        codes.iter().for_each(|&code| dense[usize::from(code)] += 1)
                    }
                    [Column::Words8(codes)] if size > 0 => {
                        codes.iter().for_each(|&code| dense[usize::from(code).min(size - 1)] += 1);
                    }
                    columns => {
                        for row in 0..postings.len() {
                            let key = self.key(columns, row);
                            match dense.get_mut(key as usize) {
                                Some(count) => *count += 1,
                                None => sparse.add(key, 1),
                            }
                        }
                    }
                }
            }
        })?;
        let mut counted = vec![0u64; size];
        let mut tallies = Vec::new();
        for (dense, sparse, _) in states {
            counted.iter_mut().zip(dense).for_each(|(sum, count)| *sum += count);
            tallies.push(sparse);
        }
        let mut best = Best::new(top);
        let names = |keys: &[u64]| self.labels(keys);
        for (key, count) in (0u64..).zip(counted).filter(|(_, count)| *count > 0) {
            best.offer(key, count, &names);
        }
        Totals::of(tallies).each(context, |key, count| {
            best.offer(key, count, &names);
            Ok(())
        })?;
        let (ranked, others) = best.finish(&names);
        Ok(self.chosen(ranked, others))
    }

    fn labels(&self, keys: &[u64]) -> Vec<Label> {
        let codes: Vec<Vec<u32>> = keys.iter().map(|key| self.codes(*key)).collect();
        let mut labels: Vec<Vec<Option<String>>> = vec![Vec::with_capacity(self.divisions.len()); keys.len()];
        for (place, division) in self.divisions.iter().enumerate() {
            // One after the other: two may be of one dictionary, which nobody may hold twice.
            let values = division.values();
            let text = |codes: &[u32]| values.text(codes[place]).map(str::to_owned);
            labels.iter_mut().zip(&codes).for_each(|(label, codes)| label.push(text(codes)));
        }
        labels.into_iter().map(Label::Values).collect()
    }

    /// Keys that are none of these are the others, if there are any.
    fn chosen(&self, ranked: Vec<(u64, Label, u64)>, others: bool) -> Chosen {
        let other = ranked.len() as u32;
        let mut labels = Vec::with_capacity(ranked.len() + 1);
        let mut group_of = HashMap::with_capacity(ranked.len());
        for (group, (_, label, key)) in (0u32..).zip(ranked) {
            labels.push(label);
            group_of.insert(key, group);
        }
        if others {
            labels.push(Label::Other);
        }
        let size = if self.is_dense() { self.sizes.iter().product::<u64>() } else { 0 };
        let dense = (0..size).map(|key| group_of.get(&key).copied().unwrap_or(other)).collect();
        Chosen { labels, dense, sparse: if size > 0 { HashMap::new() } else { group_of }, other }
    }

    /// For codes of one byte, of one property, the group of each.
    pub fn table<'c>(&self, chosen: &Chosen, columns: &'c [Column<'c>]) -> Option<(&'c [u8], [u16; 256])> {
        let [Column::Words8(codes)] = columns else { return None };
        let of = |code: usize| chosen.dense.get(code).copied().unwrap_or(chosen.other);
        (!chosen.dense.is_empty()).then(|| (codes.as_ref(), std::array::from_fn(|code| of(code) as u16)))
    }

    /// The group of a row.
    #[inline]
    pub fn group(&self, chosen: &Chosen, columns: &[Column<'_>], row: usize) -> usize {
        let key = self.key(columns, row);
        match chosen.dense.get(key as usize) {
            Some(&group) => group as usize,
            None => chosen.sparse.get(&key).copied().unwrap_or(chosen.other) as usize,
        }
    }
}
