//! What is made of the lines of a trend when all of them are there: formulas, sums so far, moving averages.

use super::sum::Sum;
use crate::InsightError;
use crate::definition::{Formula, Label, Running, Trend, TrendLine};

/// The formulas of a trend.
pub(super) fn formulas(trend: &Trend) -> Result<Vec<Formula>, InsightError> {
    if !trend.formulas.is_empty() && (trend.breakdown.is_some() || !trend.cohorts.is_empty()) {
        let problem = "each series has lines of its own in a breakdown, so formulas cannot join them";
        return Err(InsightError::question("formulas", problem));
    }
    trend.formulas.iter().map(|text| Formula::parse(text, trend.series.len())).collect()
}

/// Appends a line for each formula. Without a breakdown each series has one line.
pub(super) fn add_formulas(formulas: &[Formula], series: usize, buckets: usize, lines: &mut Vec<TrendLine>) {
    for (place, formula) in formulas.iter().enumerate() {
        let value = |bucket: usize| formula.value(&|index| *lines.get(index)?.measures.first()?.get(bucket)?);
        let values = (0..buckets).map(value).collect();
        lines.push(TrendLine { series: series + place, label: Label::Everything, measures: vec![values] });
    }
}

pub(super) fn run(running: Running, lines: &mut [TrendLine]) -> Result<(), InsightError> {
    let each = lines.iter_mut().flat_map(|line| &mut line.measures);
    match running {
        Running::Each => {}
        Running::Sum => each.for_each(|values| sum(values)),
        Running::Average(0) => return Err(InsightError::question("running", "an average is of one bucket or more")),
        Running::Average(buckets) => each.for_each(|values| average(values, buckets)),
    }
    Ok(())
}

fn sum(values: &mut [Option<f64>]) {
    let mut so_far = Sum::default();
    for value in values {
        so_far.add(value.unwrap_or(0.0));
        *value = Some(so_far.value());
    }
}

/// Values that are there, of some that follow each other.
#[derive(Clone, Copy, Default)]
struct There {
    sum: Sum,
    count: usize,
}

impl There {
    fn add(&mut self, value: Option<f64>) {
        if let Some(value) = value {
            self.sum.add(value);
            self.count += 1;
        }
    }

    fn join(&mut self, other: There) {
        self.sum.join(other.sum);
        self.count += other.count;
    }

    fn mean(self) -> Option<f64> {
        (self.count > 0).then(|| self.sum.value() / self.count as f64)
    }
}

/// Stretches as long as a window are added up from both of their ends: a window is the end of one and the beginning of the
/// next, so that a long one takes no longer than a short one.
fn average(values: &mut [Option<f64>], buckets: usize) {
    let length = buckets.min(values.len()).max(1);
    let mut begins: Vec<There> = Vec::with_capacity(values.len());
    let mut ends = vec![There::default(); values.len()];
    for (stretch, ends) in values.chunks(length).zip(ends.chunks_mut(length)) {
        let (mut so_far, mut rest) = (There::default(), There::default());
        for &value in stretch {
            so_far.add(value);
            begins.push(so_far);
        }
        for (&value, end) in stretch.iter().zip(ends).rev() {
            rest.add(value);
            *end = rest;
        }
    }
    for (place, (value, mut window)) in values.iter_mut().zip(begins).enumerate() {
        let first = (place + 1).checked_sub(length).filter(|first| !first.is_multiple_of(length));
        first.into_iter().for_each(|first| window.join(ends[first]));
        *value = window.mean();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_those_of_each_bucket_alone() {
        let all: Vec<Option<f64>> =
            (0..23).map(|n| Some(f64::from(n * n % 7) - 2.5).filter(|_| n % 4 > 0 && !(8..14).contains(&n))).collect();
        for buckets in [1, 2, 3, 7, 22, 23, 24, usize::MAX] {
            let mut got = all.clone();
            average(&mut got, buckets);
            for (place, got) in got.into_iter().enumerate() {
                let near: Vec<f64> = all[..=place].iter().rev().take(buckets).flatten().copied().collect();
                let want = (!near.is_empty()).then(|| near.iter().sum::<f64>() / near.len() as f64);
                assert_eq!(got, want, "{place} of {buckets}");
            }
        }
        average(&mut [], 5);
    }

    #[test]
    fn what_runs_on_is_not_rounded_on_the_way() {
        let dimes = || vec![Some(0.1); 25];
        let (mut sums, mut means) = (dimes(), dimes());
        sum(&mut sums);
        average(&mut means, 10);
        assert_eq!((sums[9], means[9], means[14], means[24]), (Some(1.0), Some(0.1), Some(0.1), Some(0.1)));
    }
}
