//! Rows and people of each group and bucket of a trend, counted without a branch for each row.

use super::coder::Coder;
use crate::projection::{Postings, join_person};

/// Cells are at `group * (buckets + 1) + bucket`; the last of each group takes what is outside the span.
pub(super) struct Tally {
    groups: usize,
    buckets: usize,
    people: bool,
    /// Of rows without groups, of one activity and segment: rows, and in the upper half people.
    pairs: Vec<u64>,
    cells: Vec<Cell>,
}

#[derive(Clone, Copy, Default)]
struct Cell {
    rows: u64,
    people: u32,
    /// One more than the person last seen: rows come person by person.
    last: u32,
}

impl Tally {
    pub fn new(groups: usize, buckets: usize, people: bool) -> Tally {
        // Rows outside the span may have values that no group has been made for: they go behind the last.
        let cells = vec![Cell::default(); (groups + 1) * (buckets + 1)];
        Tally { groups, buckets, people, pairs: vec![0; buckets + 1], cells }
    }

    /// Rows by person, then time: those of a person in a bucket lie together, so that each is seen by comparing a row
    /// with the one before.
    pub fn plain(&mut self, coder: &Coder<'_>, postings: &Postings<'_>) {
        let mut before = u32::MAX;
        let pairs = self.pairs.as_mut_slice();
        coder.each_block(postings, |rows, codes| {
            for (&local, &code) in postings.persons[rows].iter().zip(codes) {
                let pair = u32::from(local) << 16 | u32::from(code);
                // Anything but 0 carries into the upper half. A comparison becomes a branch that nothing can foresee.
                let is_new = (u64::from(pair ^ before) + u64::from(u32::MAX)) & (1 << 32);
                pairs[usize::from(code)] += 1 + is_new;
                before = pair;
            }
        });
        for (cell, pair) in self.cells.iter_mut().zip(&mut self.pairs) {
            let pair = std::mem::take(pair);
            cell.rows += pair & u64::from(u32::MAX);
            cell.people += (pair >> 32) as u32;
        }
    }

    pub fn grouped(
        &mut self,
        coder: &Coder<'_>,
        segment: u32,
        postings: &Postings<'_>,
        group: impl Fn(usize) -> usize,
    ) {
        let (stride, first) = (self.buckets + 1, join_person(segment, 0) + 1);
        coder.each_block(postings, |rows, codes| {
            for ((row, &local), &code) in rows.clone().zip(&postings.persons[rows]).zip(codes) {
                let cell = &mut self.cells[group(row) * stride + usize::from(code)];
                let person = first + u32::from(local);
                cell.rows += 1;
                cell.people += ((u64::from(cell.last ^ person) + u64::from(u32::MAX)) >> 32) as u32;
                cell.last = person;
            }
        });
    }

    /// Adds rows, and people if they are asked for, at `group * buckets + bucket`.
    pub fn add_to(&self, rows: &mut [u64], people: &mut [u64]) {
        for group in 0..self.groups {
            let cells = &self.cells[group * (self.buckets + 1)..][..self.buckets];
            for (place, cell) in (group * self.buckets..).zip(cells) {
                rows[place] += cell.rows;
                if self.people {
                    people[place] += u64::from(cell.people);
                }
            }
        }
    }
}
