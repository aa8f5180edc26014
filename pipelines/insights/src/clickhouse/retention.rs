//! The statements for retention: who returned, and who started; with a breakdown the same by its values.

use super::questions::unit_between;
use super::rows::{MS, bucket, ms_of, of, people_of, selected, source, value, within};
use crate::definition::{Breakdown, Retention, RetentionKind};

pub(super) fn retention(asked: &Retention) -> Vec<String> {
    let whole = both(asked, &starts(asked, None), "");
    let parts = asked.breakdown.as_ref().map(|breakdown| both(asked, &parted(asked, breakdown), ", part"));
    whole.into_iter().chain(parts.into_iter().flatten()).collect()
}

/// Who started in a bucket, under a label.
pub(super) fn started(asked: &Retention, start_ms: i64, label: Option<&str>) -> String {
    let (starts, label) = match (label, &asked.breakdown) {
        (Some(label), Some(breakdown)) => (parted(asked, breakdown), format!(" AND part = {label}")),
        // Without a breakdown nobody is under a value.
        (Some(_), None) => (starts(asked, None), " AND 0".to_owned()),
        _ => (starts(asked, None), String::new()),
    };
    format!("SELECT DISTINCT person_id FROM ({starts}) WHERE {} = {start_ms}{label}", ms_of("start"))
}

/// Persons and the buckets in which they are back.
pub(super) fn returns(asked: &Retention) -> String {
    let scope = &asked.scope;
    format!(
        "SELECT DISTINCT person_id, {} AS returned FROM activity WHERE {} AND {}",
        bucket(asked.bucket, &scope.zone, (scope.from_ms, scope.until_ms)),
        within(scope.from_ms, scope.until_ms),
        selected(&asked.returning)
    )
}

/// Who returned, and who started.
fn both(asked: &Retention, starts: &str, part: &str) -> [String; 2] {
    let (scope, returns) = (&asked.scope, returns(asked));
    let distance = unit_between(asked.bucket, scope, "start", "returned");
    let distances = if asked.unbounded { format!("arrayJoin(range(toUInt64({distance}) + 1))") } else { distance };
    let returned = format!(
        "SELECT start{part}, {distances} AS k, uniqExact(person_id) AS people\nFROM ({starts}) AS s\n\
         INNER JOIN ({returns}) AS r USING (person_id)\nWHERE returned >= start\nGROUP BY start{part}, k ORDER BY start{part}, k"
    );
    let started =
        format!("SELECT start{part}, count() AS people\nFROM ({starts})\nGROUP BY start{part} ORDER BY start{part}");
    [returned, started]
}

/// Persons and the buckets in which they start, with the value of the row that starts.
fn starts(asked: &Retention, by: Option<&Breakdown>) -> String {
    let (scope, property) = (&asked.scope, by.and_then(|breakdown| breakdown.properties.first()));
    let bucket = bucket(asked.bucket, &scope.zone, (scope.from_ms, scope.until_ms));
    let from = source(property.into_iter()).unwrap_or_else(|| "activity".to_owned());
    let value = property.map(|by| {
        let value = value(by);
        format!(", argMin(tuple({value}), ({MS}, {value} IS NOT NULL, ifNull({value}, ''))).1 AS value")
    });
    let value = value.unwrap_or_default();
    match asked.kind {
        RetentionKind::FirstTime => format!(
            "SELECT person_id, argMin({bucket}, timestamp) AS start{value} FROM {from} WHERE {} AND {} GROUP BY person_id \
             HAVING min({MS}) >= {} AND min({MS}) < {}",
            people_of(scope),
            selected(&asked.start),
            scope.from_ms,
            scope.until_ms
        ),
        RetentionKind::Recurring => format!(
            "SELECT person_id, {bucket} AS start{value} FROM {from} WHERE {} GROUP BY person_id, start",
            of(scope, &asked.start)
        ),
    }
}

/// The starts with the label that they count under.
fn parted(asked: &Retention, breakdown: &Breakdown) -> String {
    let (starts, label) = (starts(asked, Some(breakdown)), "toJSONString([value])");
    let top = format!(
        "SELECT {label} FROM ({starts}) GROUP BY value ORDER BY count() DESC, value NULLS FIRST LIMIT {}",
        breakdown.top
    );
    format!("SELECT person_id, start, if({label} IN ({top}), {label}, '$other') AS part FROM ({starts})")
}
