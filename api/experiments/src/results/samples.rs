//! Rows of the answer as sufficient statistics, by variation and day of exposure (or level of a dimension).

use std::collections::BTreeMap;

use footfall_models_experiment::statistics::{Moments, Quantile, Statistic, Values};
use serde_json::Value;

use crate::definition::{Measure, QuantileOf};
use crate::error::ExperimentError;

use super::facts::Rows;
use super::prediction::Predictions;
use super::question::Measured;

/// What one arm comes to on one day of exposure: people, and a statistic for each metric.
#[derive(Debug, Clone, Default)]
pub(super) struct Cell {
    pub people: f64,
    /// What was divided: people, or clusters of them.
    pub units: f64,
    pub statistics: Vec<Option<Statistic>>,
    /// Of each metric whose time has to be over, the people for whom it is.
    pub mature: Vec<Option<f64>>,
}

/// What the rows are of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape<'a> {
    pub has_clusters: bool,
    /// The models of each metric whose covariate is a prediction.
    pub predictions: &'a Predictions,
}

impl Shape<'_> {
    fn is_predicted(&self, index: usize) -> bool {
        self.predictions.get(index).is_some_and(Option::is_some)
    }
}

impl Cell {
    pub fn merged(&self, other: &Cell) -> Cell {
        let both = self.statistics.iter().zip(&other.statistics);
        let mature = self.mature.iter().zip(&other.mature);
        Cell {
            mature: mature.map(|(a, b)| Some((*a)? + (*b)?)).collect(),
            people: self.people + other.people,
            units: self.units + other.units,
            statistics: both.map(|(a, b)| joint(a.as_ref()?, b.as_ref()?)).collect(),
        }
    }

    /// Who count for a metric.
    pub fn people_of(&self, index: usize) -> f64 {
        self.mature.get(index).copied().flatten().unwrap_or(self.people)
    }
}

/// Together, with proportions staying what they are.
pub(super) fn joint(a: &Statistic, b: &Statistic) -> Option<Statistic> {
    Some(match (a, b) {
        (Statistic::Mean(a), Statistic::Mean(b)) => Statistic::Mean(a.joint(b)),
        (Statistic::Ratio(a), Statistic::Ratio(b)) => Statistic::Ratio(a.joint(b)),
        (Statistic::Adjusted { values: a, .. }, Statistic::Adjusted { values: b, .. }) => {
            Statistic::Adjusted { values: a.joint(b), theta: 0.0 }
        }
        (Statistic::AdjustedRatio { values: a, .. }, Statistic::AdjustedRatio { values: b, .. }) => {
            Statistic::AdjustedRatio { values: a.joint(b), theta: 0.0 }
        }
        _ => return None,
    })
}

fn broken(what: &str) -> ExperimentError {
    ExperimentError::Facts(format!("the answer has no {what}"))
}

/// A row by the names of its columns.
pub(super) struct Named<'a>(pub &'a [String], pub &'a [Value]);

impl Named<'_> {
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.1.get(self.0.iter().position(|column| column == name)?)
    }

    pub fn number(&self, name: &str) -> Result<f64, ExperimentError> {
        self.get(name).and_then(Value::as_f64).ok_or_else(|| broken(name))
    }

    pub fn text(&self, name: &str) -> Result<&str, ExperimentError> {
        self.get(name).and_then(Value::as_str).ok_or_else(|| broken(name))
    }
}

/// The cells of the answer, by variation and day or level.
pub(super) fn cells(
    rows: &Rows,
    measured: &[Measured<'_>],
    shape: Shape<'_>,
) -> Result<BTreeMap<String, BTreeMap<String, Cell>>, ExperimentError> {
    let mut found: BTreeMap<String, BTreeMap<String, Cell>> = BTreeMap::new();
    for row in &rows.rows {
        let row = Named(&rows.columns, row);
        let units = row.number("n")?;
        let people = if shape.has_clusters { row.number("people")? } else { units };
        let statistics = measured.iter().enumerate().map(|(index, one)| {
            let own = row.get(&format!("m{index}_n")).and_then(Value::as_f64);
            statistic(&row, index, (one, shape), own.unwrap_or(units))
        });
        let mature = measured.iter().enumerate().map(|(index, one)| match one.metric.matures_days() {
            Some(_) => Ok(Some(row.number(&format!("m{index}_people"))?)),
            None => Ok(None),
        });
        let mature = mature.collect::<Result<_, ExperimentError>>()?;
        let cell = Cell { people, units, statistics: statistics.collect::<Result<_, _>>()?, mature };
        let parts = found.entry(row.text("variation")?.to_owned()).or_default();
        let part = row.text("part")?;
        // Levels of two properties may read the same.
        let cell = parts.get(part).map(|known| known.merged(&cell)).unwrap_or(cell);
        parts.insert(part.to_owned(), cell);
    }
    Ok(found)
}

fn moments<const D: usize>(row: &Named<'_>, index: usize, n: f64) -> Result<Moments<D>, ExperimentError> {
    let mut moments = Moments { n, means: [0.0; D], scatter: [[0.0; D]; D] };
    for left in 0..D {
        // Of nobody there is no mean.
        let told = |name: String| if n > 0.0 { row.number(&name) } else { Ok(0.0) };
        moments.means[left] = told(format!("m{index}_mean{left}"))?;
        for right in left..D {
            let product = told(format!("m{index}_c{left}_{right}"))? * n;
            moments.scatter[left][right] = product;
            moments.scatter[right][left] = product;
        }
    }
    Ok(moments)
}

fn statistic(
    row: &Named<'_>,
    index: usize,
    (one, shape): (&Measured<'_>, Shape<'_>),
    n: f64,
) -> Result<Option<Statistic>, ExperimentError> {
    let is_share = matches!(one.metric.measure, Measure::Conversion { .. } | Measure::Retention { .. });
    let (post, pre) = one.widths(shape.has_clusters);
    Ok(match (&one.metric.measure, post, pre) {
        (Measure::Quantile { .. }, ..) => None,
        (_, 1, 0) => Some(Statistic::Mean(Values { moments: moments(row, index, n)?, is_proportion: [is_share] })),
        (_, 1, _) => {
            // A prediction of a share is none.
            let is_proportion = [is_share, is_share && !shape.is_predicted(index)];
            let values = Values { moments: moments(row, index, n)?, is_proportion };
            Some(Statistic::Adjusted { values, theta: 0.0 })
        }
        (_, _, 0) => Some(Statistic::Ratio(Values::new(moments(row, index, n)?))),
        _ => Some(Statistic::AdjustedRatio { values: Values::new(moments(row, index, n)?), theta: 0.0 }),
    })
}

/// The levels at which values are cut, metric by metric.
pub(super) fn caps(rows: &Rows, metrics: usize) -> Vec<Option<f64>> {
    let row = rows.rows.first().map(|row| Named(&rows.columns, row));
    (0..metrics).map(|index| row.as_ref()?.get(&format!("cap{index}"))?.as_f64()).collect()
}

/// Quantiles by variation, metric by metric.
pub(super) fn quantiles(
    rows: &Rows,
    measured: &[Measured<'_>],
    people: &[(String, f64)],
) -> Result<BTreeMap<String, Vec<Option<Statistic>>>, ExperimentError> {
    let mut found = BTreeMap::new();
    for row in &rows.rows {
        let row = Named(&rows.columns, row);
        let variation = row.text("variation")?;
        let Some(arm) = people.iter().position(|(key, _)| key == variation) else { continue };
        let n = people[arm].1;
        let of = |(index, one): (usize, &Measured<'_>)| {
            let Measure::Quantile { level, of: QuantileOf::Person, .. } = one.metric.measure else { return Ok(None) };
            let value = row.number(&format!("q{index}"))?;
            let lower = row.number(&format!("q{index}_low{arm}"))?;
            let upper = row.number(&format!("q{index}_high{arm}"))?;
            Ok(Some(Statistic::Quantile(Quantile { n, n_star: n, level, value, lower, upper, clusters: None })))
        };
        let statistics = measured.iter().enumerate().map(of).collect::<Result<Vec<_>, ExperimentError>>()?;
        found.insert(variation.to_owned(), statistics);
    }
    Ok(found)
}
