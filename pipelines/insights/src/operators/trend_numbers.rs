//! What is kept of the numbers of a cell, and which place among them is asked for.

use super::sum::Sum;
use crate::definition::PersonStatistic;

/// Of the numbers of some rows.
#[derive(Clone, Default)]
pub(super) struct Numbers {
    pub count: u64,
    pub sum: Sum,
    pub minimum: Option<f64>,
    pub maximum: Option<f64>,
}

impl Numbers {
    pub fn add(&mut self, number: f64) {
        self.count += 1;
        self.sum.add(number);
        self.minimum = Some(self.minimum.map_or(number, |minimum| minimum.min(number)));
        self.maximum = Some(self.maximum.map_or(number, |maximum| maximum.max(number)));
    }

    pub fn join(&mut self, other: Numbers) {
        self.count += other.count;
        self.sum.join(other.sum);
        self.minimum = [self.minimum, other.minimum].into_iter().flatten().reduce(f64::min);
        self.maximum = [self.maximum, other.maximum].into_iter().flatten().reduce(f64::max);
    }
}

/// The rank of a statistic that is one of the numbers.
pub(super) fn rank_of(statistic: PersonStatistic) -> Option<f64> {
    match statistic {
        PersonStatistic::Average => None,
        PersonStatistic::Minimum => Some(0.0),
        PersonStatistic::Maximum => Some(1.0),
        PersonStatistic::Percentile(rank) => Some(rank),
    }
}
