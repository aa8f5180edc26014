//! The statement for sessions.

use super::questions::with_sessions;
use super::rows::{binned, bucket, people_of, selected, value};
use crate::definition::{By, ByOf, SessionProperty, Sessions};

pub(super) fn sessions(asked: &Sessions) -> String {
    let scope = &asked.scope;
    let bucket = bucket(asked.bucket, &scope.zone).replace("timestamp", "fromUnixTimestamp64Milli(first)");
    let measures = "count() AS sessions, sum(last - first) AS duration_ms, countIf(n = 1) AS bounces, sum(n) AS rows";
    let (mut columns, mut counts) =
        (String::new(), format!("first >= {} AND first < {}", scope.from_ms, scope.until_ms));
    if !asked.select.is_any() {
        columns += &format!(", countIf({}) AS matching", selected(&asked.select));
        counts += " AND matching > 0";
    }
    let by = asked.breakdown.as_ref().and_then(|breakdown| breakdown.properties.first());
    if let Some(by) = by {
        columns += &format!(", {} AS value", of_session(by));
    }
    let all = format!(
        "(SELECT min(ms) AS first, max(ms) AS last, count() AS n{columns} FROM {} GROUP BY person_id, session)",
        with_sessions(asked.gap_ms, &people_of(scope))
    );
    let Some(breakdown) = &asked.breakdown else {
        return format!(
            "SELECT {bucket} AS bucket, {measures}\nFROM {all}\nWHERE {counts}\nGROUP BY bucket ORDER BY bucket"
        );
    };
    let label = "toJSONString([value])";
    let top = format!(
        "SELECT {label} FROM {all} WHERE {counts} GROUP BY value ORDER BY count() DESC, value NULLS FIRST LIMIT {}",
        breakdown.top
    );
    // Worked out before they are grouped, as in a trend.
    format!(
        "SELECT bucket, part, {measures}\n\
         FROM (SELECT *, {bucket} AS bucket, if({label} IN ({top}), {label}, '$other') AS part FROM {all}\nWHERE {counts})\n\
         GROUP BY bucket, part ORDER BY bucket, part"
    )
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
