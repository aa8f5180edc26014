//! A number of each person in each cell of a trend. Rows come person by person, so one number is open in a cell.

use super::order::percentile;
use crate::definition::PersonStatistic;

pub(super) struct PersonNumbers {
    /// One more than the person whose number is open; 0: none is.
    person: Vec<u32>,
    open: Vec<f64>,
    all: Vec<Vec<f64>>,
}

impl PersonNumbers {
    pub fn new(cells: usize) -> PersonNumbers {
        PersonNumbers { person: vec![0; cells], open: vec![0.0; cells], all: vec![Vec::new(); cells] }
    }

    #[inline]
    pub fn add(&mut self, cell: usize, person: u32, number: f64) {
        if self.person[cell] != person + 1 {
            self.close(cell);
            self.person[cell] = person + 1;
        }
        self.open[cell] += number;
    }

    fn close(&mut self, cell: usize) {
        if self.person[cell] != 0 {
            self.all[cell].push(self.open[cell]);
            (self.person[cell], self.open[cell]) = (0, 0.0);
        }
    }

    /// Takes another thread's numbers: of other people.
    pub fn join(&mut self, mut other: PersonNumbers) {
        for cell in 0..self.all.len() {
            other.close(cell);
            self.all[cell].append(&mut other.all[cell]);
        }
    }

    /// When all is there.
    pub fn finish(&mut self) {
        (0..self.all.len()).for_each(|cell| self.close(cell));
        self.all.iter_mut().for_each(|all| all.sort_unstable_by(f64::total_cmp));
    }

    pub fn statistic(&self, cell: usize, statistic: PersonStatistic) -> Option<f64> {
        let all = &self.all[cell];
        match statistic {
            PersonStatistic::Average => (!all.is_empty()).then(|| all.iter().sum::<f64>() / all.len() as f64),
            PersonStatistic::Minimum => all.first().copied(),
            PersonStatistic::Maximum => all.last().copied(),
            PersonStatistic::Percentile(rank) => percentile(all, rank),
        }
    }
}
