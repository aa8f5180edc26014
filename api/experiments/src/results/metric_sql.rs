//! A metric as SQL before any experiment has it: over everybody, each person from their first activity of a span on.

use footfall_api_http::Time;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::events;
use super::measures::{self, Counted};
use super::sql::Binder;
use crate::definition::{Cap, Measure, Metric, QuantileOf};
use crate::experiments::Item;

/// The SQL of a metric. It stands on the same expressions as results do; the first activity of a person in the span takes the place of
/// the first exposure.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct MetricSql {
    pub metric: String,
    pub revision: i64,
    /// People are those with activity from here …
    pub from: Time,
    /// … until here.
    pub until: Time,
    /// Asked of `/v1/sql` with these parameters it gives one row.
    pub sql: String,
    pub params: Value,
    /// The columns of the row, in their order.
    pub columns: Vec<MetricColumn>,
}

/// A column of the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct MetricColumn {
    pub name: &'static str,
    pub about: &'static str,
}

impl MetricSql {
    pub fn of(item: &Item<Metric>, from: Time, until: Time) -> MetricSql {
        let (sql, params, columns) = written(&item.definition, &from.to_string(), &until.to_string());
        MetricSql { metric: item.key.clone(), revision: item.revision, from, until, sql, params, columns }
    }
}

fn written(metric: &Metric, from: &str, until: &str) -> (String, Value, Vec<MetricColumn>) {
    let mut binder = Binder::default();
    let (from, until) = (binder.bind(from), binder.bind(until));
    if metric.is_of_events() {
        return of_events(metric, (&from, &until), binder);
    }
    let values = measures::columns(metric, Counted::default(), &mut binder).post;
    let values = values.iter().enumerate();
    let values: String = values.map(|(part, value)| format!(",\n    coalesce({value}, 0.0) AS v{part}")).collect();
    let mut events: Vec<String> = Vec::new();
    for source in metric.measure.sources() {
        let event = binder.bind(source.event.as_str());
        if !events.contains(&event) {
            events.push(event);
        }
    }
    let (cut, table) = match metric.cap {
        None => (String::new(), "people"),
        Some(Cap::At(level)) => {
            let level = format!("CAST({level} AS DOUBLE)");
            (format!(",\nvalued AS (\n  SELECT least(v0, {level}) AS v0 FROM people)"), "valued")
        }
        Some(Cap::Quantile(level)) => {
            let cut = format!(
                ",\ncut AS (\n  SELECT percentile_cont({level}) WITHIN GROUP (ORDER BY v0) AS most FROM people),\n\
                 valued AS (\n  SELECT least(p.v0, c.most) AS v0 FROM people AS p CROSS JOIN cut AS c)"
            );
            (cut, "valued")
        }
    };
    let columns = columns(&metric.measure);
    let selected: Vec<String> = columns.iter().map(|(column, of)| format!("{of} AS {}", column.name)).collect();
    let sql = format!(
        "WITH units AS (\n  SELECT person_id, min(timestamp) AS first_at\n  FROM activity\n\
         \x20 WHERE timestamp >= {from} AND timestamp < {until} GROUP BY person_id),\n\
         people AS (\n  SELECT u.person_id{values}\n  FROM units AS u\n\
         \x20 LEFT JOIN activity AS a ON a.person_id = u.person_id AND a.event IN ({}) AND a.timestamp < {until}\n\
         \x20 GROUP BY u.person_id, u.first_at){cut}\nSELECT {}\nFROM {table}",
        events.join(", "),
        selected.join(", ")
    );
    (sql, binder.into_params(), columns.into_iter().map(|(column, _)| column).collect())
}

/// A quantile of the numbers of all activities.
fn of_events(metric: &Metric, (from, until): (&str, &str), mut binder: Binder) -> (String, Value, Vec<MetricColumn>) {
    let columns = columns(&metric.measure);
    let selected: Vec<String> = columns.iter().map(|(column, of)| format!("{of} AS {}", column.name)).collect();
    let sql = format!(
        "WITH units AS (\n  SELECT person_id, min(timestamp) AS first_at\n  FROM activity\n\
         \x20 WHERE timestamp >= {from} AND timestamp < {until} GROUP BY person_id),\n{},\n\
         people AS (\n  SELECT count(*) AS people FROM units)\n\
         SELECT {}\nFROM people LEFT JOIN events ON true",
        events::table(metric, "''", None, until, &mut binder),
        selected.join(", ")
    );
    (sql, binder.into_params(), columns.into_iter().map(|(column, _)| column).collect())
}

/// What is told of everybody's values, with the expression that it is.
fn columns(measure: &Measure) -> Vec<(MetricColumn, String)> {
    let column = |name, about, of: &str| (MetricColumn { name, about }, of.to_owned());
    let mut all = vec![column("people", "Everybody with activity in the span.", "count(*)")];
    match measure {
        Measure::Ratio { .. } | Measure::Mean { .. } => all.extend([
            column("numerator", "Over all people.", "sum(v0)"),
            column("denominator", "Over all people.", "sum(v1)"),
            column("mean", "The first over the second; null where that is nothing.", "sum(v0) / nullif(sum(v1), 0.0)"),
        ]),
        Measure::Quantile { level, of: QuantileOf::Event, .. } => {
            all[0].1 = "max(people)".to_owned();
            all.push(column("activities", "With a number.", "count(value)"));
            let of = format!("percentile_cont({level}) WITHIN GROUP (ORDER BY value)");
            all.push(column("quantile", "Of the numbers of all activities.", &of));
        }
        Measure::Quantile { level, .. } => {
            let of = format!("percentile_cont({level}) WITHIN GROUP (ORDER BY v0)");
            all.push(column("quantile", "Of the sums of all people.", &of));
        }
        Measure::Conversion { .. } | Measure::Retention { .. } => all.extend([
            column("sum", "How many people did it.", "sum(v0)"),
            column("mean", "The share of all people.", "avg(v0)"),
        ]),
        Measure::Count { .. } | Measure::Sum { .. } | Measure::Unique { .. } => all.extend([
            column("sum", "Over all people.", "sum(v0)"),
            column("mean", "For one person.", "avg(v0)"),
            column("variance", "Between people.", "var_samp(v0)"),
        ]),
    }
    all
}
