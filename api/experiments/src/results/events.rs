//! A quantile of the numbers of all that happened, people being the units: what one person does hangs together.
//!
//! First the quantile of each arm, then what its spread is made of: the quantiles around it, which tell how dense numbers lie there, and of each
//! person how many numbers they have and how many of them are not above it (Deng, Knoblich and Lu 2018; Yao, Li and Lu 2024).

use footfall_models_experiment::statistics::{Moments, Quantile, Statistic};

use super::exposures::ExposureSource;
use super::facts::Rows;
use super::measures::{condition, in_environment, number, within};
use super::question::{Question, around};
use super::samples::Named;
use super::sql::Binder;
use crate::definition::{Measure, Metric};
use crate::error::ExperimentError;

/// `events(person_id, variation, value)`: a row for each activity of the metric with a number, after the exposure of `units`.
pub(super) fn table(
    metric: &Metric,
    variation: &str,
    environment: Option<&str>,
    until: &str,
    binder: &mut Binder,
) -> String {
    let Measure::Quantile { source, operand, .. } = &metric.measure else {
        return "events AS (SELECT NULL AS value)".to_owned();
    };
    let mut joined = condition(source, &within(metric), binder);
    if let Some(environment) = environment {
        joined += &format!(" AND {}", in_environment("a.", environment, binder));
    }
    let value = number(operand, binder);
    format!(
        "events AS (\n  SELECT u.person_id, {variation} AS variation, {value} AS value\n  FROM units AS u\n\
         \x20 JOIN activity AS a ON a.person_id = u.person_id AND {joined} AND a.timestamp < {until}\n\
         \x20 WHERE {value} IS NOT NULL)"
    )
}

/// The quantile of an arm.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Found {
    pub variation: String,
    pub events: f64,
    pub value: f64,
}

fn begun(source: ExposureSource<'_>, metric: &Metric, until: &str) -> (String, Binder) {
    let mut binder = Binder::default();
    let units = source.units("", &mut binder, until, &[]);
    let until = binder.bind(until);
    let events = table(metric, "u.variation", source.environment_of_activity(), &until, &mut binder);
    (format!("WITH {units},\n{events}"), binder)
}

fn level_of(metric: &Metric) -> f64 {
    match metric.measure {
        Measure::Quantile { level, .. } => level,
        _ => 0.5,
    }
}

/// Rows by variation: how many numbers, and their quantile.
pub(super) fn quantiles(source: ExposureSource<'_>, metric: &Metric, until: &str) -> Question {
    let (begun, binder) = begun(source, metric, until);
    let sql = format!(
        "{begun}\nSELECT variation, count(*) AS n, percentile_cont({}) WITHIN GROUP (ORDER BY value) AS value\n\
         FROM events WHERE variation <> '' GROUP BY variation ORDER BY variation",
        level_of(metric)
    );
    Question { sql, params: binder.into_params() }
}

/// What [`quantiles`] answered.
pub(super) fn found(rows: &Rows) -> Result<Vec<Found>, ExperimentError> {
    let of = |row: &Vec<serde_json::Value>| {
        let row = Named(&rows.columns, row);
        let (events, value) = (row.number("n")?, row.number("value")?);
        Ok(Found { variation: row.text("variation")?.to_owned(), events, value })
    };
    rows.rows.iter().map(of).collect()
}

/// Rows by variation: the quantiles around those that were found, and moments of each person's numbers: not above it, and all.
pub(super) fn spreads(source: ExposureSource<'_>, metric: &Metric, until: &str, found: &[Found]) -> Question {
    let (begun, mut binder) = begun(source, metric, until);
    let level = level_of(metric);
    let (mut values, mut lows, mut highs) = (String::new(), String::new(), String::new());
    let mut bounds = Vec::new();
    for (arm, one) in found.iter().enumerate() {
        let key = binder.bind(one.variation.as_str());
        let (low, high) = around(level, one.events);
        values += &format!(" WHEN {key} THEN CAST({:e} AS DOUBLE)", one.value);
        lows += &format!(" WHEN {key} THEN low{arm}");
        highs += &format!(" WHEN {key} THEN high{arm}");
        bounds.push(format!("percentile_cont({low}) WITHIN GROUP (ORDER BY value) AS low{arm}"));
        bounds.push(format!("percentile_cont({high}) WITHIN GROUP (ORDER BY value) AS high{arm}"));
    }
    let sql = format!(
        "{begun},\nbounds AS (\n  SELECT variation, {}\n  FROM events WHERE variation <> '' GROUP BY variation),\n\
         people AS (\n  SELECT person_id, variation, CAST(count(*) AS DOUBLE) AS every,\n\
         \x20   sum(CASE WHEN value <= CASE variation{values} END THEN 1.0 ELSE 0.0 END) AS below\n\
         \x20 FROM events WHERE variation <> '' GROUP BY person_id, variation)\n\
         SELECT p.variation, count(*) AS people, avg(p.below) AS below, avg(p.every) AS every, var_pop(p.below) AS below_below,\n\
         \x20 covar_pop(p.below, p.every) AS below_every, var_pop(p.every) AS every_every,\n\
         \x20 min(CASE b.variation{lows} END) AS low, min(CASE b.variation{highs} END) AS high\n\
         FROM people AS p JOIN bounds AS b ON b.variation = p.variation GROUP BY p.variation ORDER BY p.variation",
        bounds.join(", ")
    );
    Question { sql, params: binder.into_params() }
}

/// The statistics that follow, by variation.
pub(super) fn statistics(
    rows: &Rows,
    metric: &Metric,
    found: &[Found],
) -> Result<Vec<(String, Statistic)>, ExperimentError> {
    let level = level_of(metric);
    let mut told = Vec::new();
    for row in &rows.rows {
        let row = Named(&rows.columns, row);
        let variation = row.text("variation")?;
        let Some(one) = found.iter().find(|one| one.variation == variation) else { continue };
        let people = row.number("people")?;
        let product = |name: &str| Ok::<_, ExperimentError>(row.number(name)? * people);
        let between = product("below_every")?;
        let clusters = Moments {
            n: people,
            means: [row.number("below")?, row.number("every")?],
            scatter: [[product("below_below")?, between], [between, product("every_every")?]],
        };
        let (lower, upper, n) = (row.number("low")?, row.number("high")?, one.events);
        let quantile = Quantile { n, n_star: n, level, value: one.value, lower, upper, clusters: Some(clusters) };
        told.push((variation.to_owned(), Statistic::Quantile(quantile)));
    }
    Ok(told)
}
