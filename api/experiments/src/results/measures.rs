//! A metric as SQL: what one person comes to, after exposure and before it.

use crate::definition::{Aggregate, Cap, Compared, Measure, Metric, Operand, Source};

use super::sql::Binder;

/// The columns of one metric for each person.
#[derive(Debug, Clone, PartialEq)]
pub struct Columns {
    /// Aggregates over a person's activities: one, or numerator and denominator.
    pub post: Vec<String>,
    /// The same before exposure; empty where there is no covariate.
    pub pre: Vec<String>,
}

/// `a` are activities and `u` units in the statement.
pub fn columns(metric: &Metric, covariate_days: u32, binder: &mut Binder) -> Columns {
    let window = metric.window;
    let starts = format!("a.timestamp >= u.first_at + INTERVAL '{} hours'", window.delay_hours);
    let ends = window.hours.map(|hours| {
        format!(" AND a.timestamp < u.first_at + INTERVAL '{} hours'", u64::from(window.delay_hours) + u64::from(hours))
    });
    let after = format!("{starts}{}", ends.unwrap_or_default());
    let before = format!("a.timestamp < u.first_at AND a.timestamp >= u.first_at - INTERVAL '{covariate_days} days'");
    let post = aggregates(&metric.measure, &after, binder);
    let has_covariate =
        covariate_days > 0 && !matches!(metric.measure, Measure::Retention { .. } | Measure::Quantile { .. });
    let pre = if has_covariate { aggregates(&metric.measure, &before, binder) } else { Vec::new() };
    Columns { post, pre }
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
        Measure::Conversion { source } => vec![happened(source, when, binder)],
        Measure::Retention { source, from_day, to_day } => {
            let when = format!(
                "a.timestamp >= u.first_at + INTERVAL '{from_day} days' AND a.timestamp < u.first_at + INTERVAL '{to_day} days'"
            );
            vec![happened(source, &when, binder)]
        }
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
fn number(operand: &Operand, binder: &mut Binder) -> String {
    let number = match operand {
        Operand::Amount => "a.amount".to_owned(),
        Operand::Property(name) => format!("TRY_CAST({} AS DOUBLE)", binder.property("a.", name)),
    };
    format!("CASE WHEN {number} BETWEEN -1e300 AND 1e300 THEN {number} END")
}

fn condition(source: &Source, when: &str, binder: &mut Binder) -> String {
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
