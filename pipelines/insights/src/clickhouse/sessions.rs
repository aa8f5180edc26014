//! The statements for sessions: by bucket, by value, and what they begin and end with.

use super::questions::with_sessions;
use super::rows::{binned, bucket, people_of, selected, value};
use crate::definition::{By, ByOf, SessionProperty, Sessions};

pub(super) fn sessions(asked: &Sessions) -> Vec<String> {
    let (scope, measures) = (&asked.scope, MEASURES);
    let bucket = bucket(asked.bucket, &scope.zone, (scope.from_ms, scope.until_ms))
        .replace("timestamp", "fromUnixTimestamp64Milli(first)");
    let (all, counts) = (every_one(asked), counting(asked));
    let whole =
        format!("SELECT {bucket} AS bucket, {measures}\nFROM {all}\nWHERE {counts}\nGROUP BY bucket ORDER BY bucket");
    let parts = label_of(asked).map(|label| {
        // Worked out before they are grouped, as in a trend.
        format!(
            "SELECT bucket, part, {measures}\n\
             FROM (SELECT *, {bucket} AS bucket, {label} AS part FROM {all}\nWHERE {counts})\n\
             GROUP BY bucket, part ORDER BY bucket, part"
        )
    });
    let ends = ["entry", "exit"].map(|end| {
        format!("SELECT {end}, count() AS sessions\nFROM {all}\nWHERE {counts}\nGROUP BY {end} ORDER BY sessions DESC, {end}")
    });
    [whole].into_iter().chain(parts).chain(ends).collect()
}

const MEASURES: &str =
    "count() AS sessions, sum(last - first) AS duration_ms, countIf(n = 1) AS bounces, sum(n) AS rows";

/// The part of a breakdown that a session is of.
pub(super) fn label_of(asked: &Sessions) -> Option<String> {
    let (breakdown, label) = (asked.breakdown.as_ref()?, "toJSONString([value])");
    let top = format!(
        "SELECT {label} FROM {} WHERE {} GROUP BY value ORDER BY count() DESC, value NULLS FIRST LIMIT {}",
        every_one(asked),
        counting(asked),
        breakdown.top
    );
    Some(format!("if({label} IN ({top}), {label}, '$other')"))
}

/// All sessions, whole.
pub(super) fn every_one(asked: &Sessions) -> String {
    let mut columns = String::new();
    if !asked.select.is_any() {
        columns += &format!(", countIf({}) AS matching", selected(&asked.select));
    }
    let by = asked.breakdown.as_ref().and_then(|breakdown| breakdown.properties.first());
    if let Some(by) = by {
        columns += &format!(", {} AS value", of_session(by));
    }
    format!(
        "(SELECT person_id, min(ms) AS first, max(ms) AS last, count() AS n, argMin(event, (ms, event)) AS entry, \
         argMax(event, (ms, event)) AS exit{columns} FROM {} GROUP BY person_id, session)",
        with_sessions(asked.gap_ms, &people_of(&asked.scope))
    )
}

/// Which of them count.
pub(super) fn counting(asked: &Sessions) -> String {
    let matching = if asked.select.is_any() { "" } else { " AND matching > 0" };
    format!("first >= {} AND first < {}{matching}", asked.scope.from_ms, asked.scope.until_ms)
}

/// The value of a session out of its rows.
fn of_session(by: &By) -> String {
    match by {
        By::Of(ByOf::Session(by)) => match by.property {
            SessionProperty::DurationMs => binned("(max(ms) - min(ms))", &by.bounds),
            SessionProperty::Rows => binned("count()", &by.bounds),
            SessionProperty::Entry => "argMin(event, (ms, event))".to_owned(),
            SessionProperty::Exit => "argMax(event, (ms, event))".to_owned(),
        },
        by => {
            let value = value(by);
            format!("argMin(tuple({value}), (ms, event, {value} IS NOT NULL, ifNull({value}, ''))).1")
        }
    }
}
