//! A number of each person in each cell of a trend. Rows come person by person, so one number is open in a cell.

use super::sum::Sum;
use crate::spill::{Gather, ordered};

pub(super) struct PersonNumbers {
    /// Where the cells of these numbers begin among all that is gathered.
    first: usize,
    /// One more than the person whose number is open; 0: none is.
    person: Vec<u32>,
    open: Vec<Sum>,
}

impl PersonNumbers {
    pub fn new(first: usize, cells: usize) -> PersonNumbers {
        PersonNumbers { first, person: vec![0; cells], open: vec![Sum::default(); cells] }
    }

    #[inline]
    pub fn add(&mut self, cell: usize, person: u32, number: f64, gather: &mut Gather<'_>) {
        if self.person[cell] != person + 1 {
            self.close(cell, gather);
            self.person[cell] = person + 1;
        }
        self.open[cell].add(number);
    }

    fn close(&mut self, cell: usize, gather: &mut Gather<'_>) {
        if self.person[cell] != 0 {
            gather.push(self.first + cell, ordered(self.open[cell].value()));
            (self.person[cell], self.open[cell]) = (0, Sum::default());
        }
    }

    /// When all rows of these people are there: no other thread has any.
    pub fn finish(&mut self, gather: &mut Gather<'_>) {
        (0..self.person.len()).for_each(|cell| self.close(cell, gather));
    }
}
