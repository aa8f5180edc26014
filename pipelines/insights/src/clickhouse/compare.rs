//! The statements for a comparison: the moments of both groups, of which the test is made, and who is in both.

use super::funnel::Walk;
use super::people;
use super::rows::{number, people_of, selected, within};
use crate::definition::{Compare, CompareOf};

pub(super) fn compare(asked: &Compare) -> Vec<String> {
    let scope = &asked.scope;
    let [first, second] = asked.segments.as_slice() else { return Vec::new() };
    let (a, b) = (people::cohort(&first.cohort), people::cohort(&second.cohort));
    let inside = within(scope.from_ms, scope.until_ms);
    let own = match &asked.of {
        CompareOf::RowsPerPerson(select) => {
            format!(
                "SELECT person_id, count() AS value FROM activity WHERE {inside} AND {} GROUP BY person_id",
                selected(select)
            )
        }
        CompareOf::SumPerPerson { select, property } => format!(
            "SELECT person_id, ifNull(sum({}), 0) AS value FROM activity WHERE {inside} AND {} GROUP BY person_id",
            number(property),
            selected(select)
        ),
        CompareOf::Converts { steps, window_ms } => format!(
            "SELECT person_id, toUInt8(level = {}) AS value FROM ({})",
            steps.len(),
            Walk::ordered(steps, *window_ms).levels(&inside)
        ),
    };
    let everybody = format!(
        "(SELECT DISTINCT person_id, toUInt8({a}) AS is_first, toUInt8({b}) AS is_second FROM activity WHERE {})",
        people_of(scope)
    );
    let moments = format!(
        "SELECT is_second AS segment, count() AS people, sum(n) AS total, sum(n * n) AS squares, total / people AS mean\n\
         FROM (SELECT is_second, toFloat64(o.value) AS n FROM {everybody} AS p LEFT JOIN ({own}) AS o USING (person_id)\n  \
         WHERE is_first != is_second)\nGROUP BY segment ORDER BY segment"
    );
    vec![moments, format!("SELECT countIf(is_first AND is_second) AS in_both FROM {everybody}")]
}
