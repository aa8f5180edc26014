//! A metric as SQL: what one person comes to, after exposure and before it.

use crate::definition::{Aggregate, Cap, Compared, Measure, Metric, Operand, PRODUCTION, Source};
use crate::environments::ENVIRONMENT;

use super::sql::Binder;

/// The columns of one metric for each person.
#[derive(Debug, Clone, PartialEq)]
pub struct Columns {
    /// Aggregates over a person's activities: one, or numerator and denominator.
    pub post: Vec<String>,
    /// The same before exposure; empty where there is no covariate.
    pub pre: Vec<String>,
    /// Conditions on activities of which these before exposure are made.
    pub before: Vec<String>,
    /// Whether the time of a unit is over, where it has to be; who is not so far has no value.
    pub is_over: Option<String>,
}

/// What an experiment says of the activities that count.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counted<'a> {
    /// Before exposure, as a covariate.
    pub covariate_days: u32,
    /// Those of another environment do not.
    pub environment: Option<&'a str>,
    /// No time of a unit goes beyond.
    pub until: Option<&'a str>,
}

/// `a` are activities and `u` units in the statement.
pub fn columns(metric: &Metric, counted: Counted<'_>, binder: &mut Binder) -> Columns {
    let days = counted.covariate_days;
    let here = counted.environment.map(|environment| format!(" AND {}", in_environment("a.", environment, binder)));
    let here = here.unwrap_or_default();
    let after = format!(
        "{}{here}",
        match &metric.measure {
            Measure::Retention { from_day, to_day, .. } => format!(
                "a.timestamp >= u.first_at + INTERVAL '{from_day} days' AND a.timestamp < u.first_at + INTERVAL '{to_day} days'"
            ),
            _ => within(metric),
        }
    );
    let before = format!("a.timestamp < u.first_at AND a.timestamp >= u.first_at - INTERVAL '{days} days'{here}");
    let post = aggregates(&metric.measure, &after, binder);
    let has_covariate = days > 0 && metric.has_covariate();
    let pre = if has_covariate { aggregates(&metric.measure, &before, binder) } else { Vec::new() };
    let sources = metric.measure.sources().into_iter().filter(|_| has_covariate);
    let before = sources.map(|source| condition(source, &before, binder)).collect();
    let is_over = counted
        .until
        .zip(metric.matures_days())
        .map(|(until, days)| format!("u.first_at + INTERVAL '{days} days' <= {}", binder.bind(until)));
    Columns { post, pre, before, is_over }
}

/// When after exposure an activity counts.
pub fn within(metric: &Metric) -> String {
    let window = metric.window;
    let ends = window.hours.map(|hours| {
        format!(" AND a.timestamp < u.first_at + INTERVAL '{} hours'", u64::from(window.delay_hours) + u64::from(hours))
    });
    format!("a.timestamp >= u.first_at + INTERVAL '{} hours'{}", window.delay_hours, ends.unwrap_or_default())
}

/// Whether an activity came from this environment.
pub fn in_environment(alias: &str, environment: &str, binder: &mut Binder) -> String {
    let told = binder.property(alias, ENVIRONMENT);
    format!("coalesce({told}, {}) = {}", binder.bind(PRODUCTION), binder.bind(environment))
}

fn aggregates(measure: &Measure, when: &str, binder: &mut Binder) -> Vec<String> {
    match measure {
        Measure::Count { source } => vec![count(source, when, binder)],
        Measure::Sum { source, operand } | Measure::Quantile { source, operand, .. } => {
            vec![sum(source, operand, when, binder)]
        }
        Measure::Unique { source, property } => {
            let value = binder.property("a.", property);
            let condition = condition(source, when, binder);
            vec![format!("CAST(count(DISTINCT CASE WHEN {condition} THEN {value} END) AS DOUBLE)")]
        }
        Measure::Conversion { source } | Measure::Retention { source, .. } => vec![happened(source, when, binder)],
        Measure::Ratio { numerator, denominator } => {
            vec![aggregate(numerator, when, binder), aggregate(denominator, when, binder)]
        }
        Measure::Mean { source, operand } => {
            let (number, condition) = (number(operand, binder), condition(source, when, binder));
            let times = format!("sum(CASE WHEN {condition} AND {number} IS NOT NULL THEN 1.0 ELSE 0.0 END)");
            vec![sum(source, operand, when, binder), times]
        }
    }
}

fn aggregate(aggregate: &Aggregate, when: &str, binder: &mut Binder) -> String {
    match aggregate {
        Aggregate::Count { source } => count(source, when, binder),
        Aggregate::Sum { source, operand } => sum(source, operand, when, binder),
    }
}

fn count(source: &Source, when: &str, binder: &mut Binder) -> String {
    format!("sum(CASE WHEN {} THEN 1.0 ELSE 0.0 END)", condition(source, when, binder))
}

fn happened(source: &Source, when: &str, binder: &mut Binder) -> String {
    format!("max(CASE WHEN {} THEN 1.0 ELSE 0.0 END)", condition(source, when, binder))
}

fn sum(source: &Source, operand: &Operand, when: &str, binder: &mut Binder) -> String {
    let (number, condition) = (number(operand, binder), condition(source, when, binder));
    format!("sum(CASE WHEN {condition} THEN coalesce({number}, 0.0) ELSE 0.0 END)")
}

/// Null for what is no number; neither infinite nor NaN.
pub fn number(operand: &Operand, binder: &mut Binder) -> String {
    let number = match operand {
        Operand::Amount => "a.amount".to_owned(),
        Operand::Property(name) => format!("TRY_CAST({} AS DOUBLE)", binder.property("a.", name)),
    };
    format!("CASE WHEN {number} BETWEEN -1e300 AND 1e300 THEN {number} END")
}

pub fn condition(source: &Source, when: &str, binder: &mut Binder) -> String {
    let mut all = vec![format!("a.event = {}", binder.bind(source.event.as_str())), when.to_owned()];
    for filter in &source.filters {
        let property = binder.property("a.", &filter.property);
        let mut list =
            |values: &[String]| values.iter().map(|value| binder.bind(value.as_str())).collect::<Vec<_>>().join(", ");
        all.push(match &filter.is {
            Compared::OneOf(values) => format!("{property} IN ({})", list(values)),
            Compared::NoneOf(values) => format!("({property} IS NULL OR {property} NOT IN ({}))", list(values)),
            Compared::AtLeast(bound) => format!("TRY_CAST({property} AS DOUBLE) >= {}", binder.bind(*bound)),
            Compared::AtMost(bound) => format!("TRY_CAST({property} AS DOUBLE) <= {}", binder.bind(*bound)),
            Compared::Set(true) => format!("{property} IS NOT NULL"),
            Compared::Set(false) => format!("{property} IS NULL"),
        });
    }
    all.join(" AND ")
}

/// The quantile at which values are cut, where data decides it.
pub fn cap_level(metric: &Metric) -> Option<f64> {
    match metric.cap {
        Some(Cap::Quantile(level)) => Some(level),
        _ => None,
    }
}
