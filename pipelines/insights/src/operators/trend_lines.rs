//! What is made of the lines of a trend when all of them are there: formulas, sums so far, moving averages.

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
    let mut so_far = 0.0;
    for value in values {
        so_far += value.unwrap_or(0.0);
        *value = Some(so_far);
    }
}

fn average(values: &mut [Option<f64>], buckets: usize) {
    let all = values.to_vec();
    for (place, value) in values.iter_mut().enumerate() {
        let window = &all[(place + 1).saturating_sub(buckets)..=place];
        let there: Vec<f64> = window.iter().flatten().copied().collect();
        *value = (!there.is_empty()).then(|| there.iter().sum::<f64>() / there.len() as f64);
    }
}
