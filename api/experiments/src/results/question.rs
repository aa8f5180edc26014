//! The one question that an experiment asks: exposures, all metrics of each person, moments by variation and day of exposure.

use serde_json::Value;

use crate::definition::{Cap, Measure, Metric};

use super::dimensions::Dimension;
use super::exposures::ExposureSource;
use super::measures::{self, Columns};
use super::sql::Binder;

/// Between the quantiles around one and itself lie so many standard deviations: 95 %.
pub(super) const QUANTILE_DEVIATIONS: f64 = 1.959_963_984_540_054;

/// SQL and its parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    pub sql: String,
    pub params: Value,
}

/// A metric with the columns that its people have.
pub(super) struct Measured<'a> {
    pub metric: &'a Metric,
    pub columns: Columns,
}

/// How metrics of a question stand in its answer.
pub(super) struct Plan<'a> {
    pub measured: Vec<Measured<'a>>,
    people: String,
    binder: Binder,
}

/// Into which parts the people of a variation fall.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parts<'a> {
    /// By the day of the first exposure, as `2026-05-04`.
    Days,
    /// By the last of these times before the first exposure; as they are written, ascending.
    Periods(&'a [String]),
    Levels(Dimension),
}

/// The question about an experiment, `until` being the end of the phase or now, as RFC 3339.
pub fn question(source: ExposureSource<'_>, metrics: &[&Metric], until: &str, caps: &[Option<f64>]) -> Question {
    plan(source, metrics, until, Parts::Days).moments(caps)
}

pub(super) fn plan<'a>(source: ExposureSource<'_>, metrics: &[&'a Metric], until: &str, parts: Parts<'_>) -> Plan<'a> {
    let mut binder = Binder::default();
    let (dimensions, part) = match &parts {
        Parts::Days => (&[][..], "substr(CAST(date_trunc('day', u.first_at) AS VARCHAR), 1, 10)".to_owned()),
        Parts::Periods(starts) => (&[][..], period(starts, &mut binder)),
        Parts::Levels(dimension) => (std::slice::from_ref(dimension), "u.d0".to_owned()),
    };
    let units = source.units(&mut binder, until, dimensions);
    let days = source.experiment.analysis.covariate_days;
    let measured: Vec<Measured<'a>> = metrics
        .iter()
        .map(|metric| Measured { metric, columns: measures::columns(metric, days, &mut binder) })
        .collect();
    let mut columns = String::new();
    for (index, measured) in measured.iter().enumerate() {
        for (part, expression) in measured.columns.post.iter().chain(&measured.columns.pre).enumerate() {
            columns += &format!(",\n    coalesce({expression}, 0.0) AS m{index}_{part}");
        }
    }
    let mut events: Vec<String> = Vec::new();
    for source in metrics.iter().flat_map(|metric| metric.measure.sources()) {
        let event = binder.bind(source.event.as_str());
        if !events.contains(&event) {
            events.push(event);
        }
    }
    let joined = if events.is_empty() { "false".to_owned() } else { format!("a.event IN ({})", events.join(", ")) };
    let until = binder.bind(until);
    let group = if dimensions.is_empty() { "" } else { ", u.d0" };
    let people = format!(
        "WITH {units},\npeople AS (\n  SELECT u.person_id, u.variation, {part} AS part{columns}\n  FROM units AS u\n\
         \x20 LEFT JOIN activity AS a ON a.person_id = u.person_id AND {joined} AND a.timestamp < {until}\n  GROUP BY u.person_id, u.variation, u.first_at{group})"
    );
    Plan { measured, people, binder }
}

fn period(starts: &[String], binder: &mut Binder) -> String {
    let names: Vec<String> = starts.iter().map(|start| binder.bind(start.as_str())).collect();
    let Some(last) = names.last() else { return "''".to_owned() };
    let cases = names.iter().zip(names.iter().skip(1));
    let cases: String = cases.map(|(name, end)| format!(" WHEN u.first_at < {end} THEN {name}")).collect();
    // Never a constant, which would not be a column to group by.
    format!("CASE WHEN u.variation = '' THEN ''{cases} ELSE {last} END")
}

impl Plan<'_> {
    /// Rows: variation, part, n, then for each metric its means, and the population covariances of the upper triangle.
    pub fn moments(self, caps: &[Option<f64>]) -> Question {
        let mut columns = String::new();
        for (index, measured) in self.measured.iter().enumerate() {
            let parts = measured.columns.post.len() + measured.columns.pre.len();
            let cap = match measured.metric.cap {
                Some(Cap::At(level)) => Some(level),
                _ => caps.get(index).copied().flatten(),
            };
            let value = |part: usize| match cap {
                // A double in any case: LEAST of a double and an integer would be asked to agree on a type.
                Some(level) => format!("least(m{index}_{part}, CAST({level} AS DOUBLE))"),
                None => format!("m{index}_{part}"),
            };
            for part in 0..parts {
                columns += &format!(",\n  avg({}) AS m{index}_mean{part}", value(part));
            }
            for left in 0..parts {
                for right in left..parts {
                    let product = match left == right {
                        true => format!("var_pop({})", value(left)),
                        false => format!("covar_pop({}, {})", value(left), value(right)),
                    };
                    columns += &format!(",\n  {product} AS m{index}_c{left}_{right}");
                }
            }
        }
        let sql = format!(
            "{}\nSELECT variation, part, count(*) AS n{columns}\nFROM people GROUP BY variation, part ORDER BY variation, part",
            self.people
        );
        Question { sql, params: self.binder.into_params() }
    }

    /// One row: for each metric that is cut at a quantile of everybody's values, that quantile.
    pub fn caps(self) -> Option<Question> {
        let levels = self.measured.iter().enumerate();
        let levels = levels.filter_map(|(index, measured)| Some((index, measures::cap_level(measured.metric)?)));
        let columns: Vec<String> = levels
            .map(|(index, level)| format!("percentile_cont({level}) WITHIN GROUP (ORDER BY m{index}_0) AS cap{index}"))
            .collect();
        if columns.is_empty() {
            return None;
        }
        let sql = format!("{}\nSELECT {} FROM people WHERE variation <> ''", self.people, columns.join(", "));
        Some(Question { sql, params: self.binder.into_params() })
    }

    /// Rows by variation: for each quantile metric the quantile, and those around it for `n` people.
    pub fn quantiles(self, n_of: &[(String, f64)]) -> Option<Question> {
        let mut columns = Vec::new();
        for (index, measured) in self.measured.iter().enumerate() {
            let Measure::Quantile { level, .. } = measured.metric.measure else { continue };
            let at = |level: f64| format!("percentile_cont({level}) WITHIN GROUP (ORDER BY m{index}_0)");
            columns.push(format!("{} AS q{index}", at(level)));
            for (arm, (_, n)) in n_of.iter().enumerate() {
                let (low, high) = around(level, *n);
                columns.push(format!("{} AS q{index}_low{arm}", at(low)));
                columns.push(format!("{} AS q{index}_high{arm}", at(high)));
            }
        }
        if columns.is_empty() {
            return None;
        }
        let sql = format!(
            "{}\nSELECT variation, {} FROM people WHERE variation <> '' GROUP BY variation",
            self.people,
            columns.join(", ")
        );
        Some(Question { sql, params: self.binder.into_params() })
    }
}

/// The levels at which the quantiles around one are taken, ν ± z √(ν(1 − ν)/n).
fn around(level: f64, n: f64) -> (f64, f64) {
    let half = QUANTILE_DEVIATIONS * (level * (1.0 - level) / n.max(1.0)).sqrt();
    ((level - half).clamp(0.0, 1.0), (level + half).clamp(0.0, 1.0))
}
