//! The statements for places: cells, all together, and the surroundings of a point.

use super::rows::{MS, number, of};
use crate::definition::Places;

pub(super) fn places(asked: &Places) -> Vec<String> {
    let (rows, is_somewhere) = (of(&asked.scope, &asked.select), is_somewhere(asked));
    let all = format!(
        "SELECT count() AS rows, (SELECT countIf(NOT {is_somewhere}) FROM activity WHERE {rows}) AS rows_elsewhere, uniqExact(cell) AS cells\n\
         FROM {}",
        located(asked)
    );
    [cells(asked), all].into_iter().chain(catchment(asked)).collect()
}

fn is_somewhere(asked: &Places) -> String {
    let (latitude, longitude) = (number(&asked.latitude), number(&asked.longitude));
    format!("ifNull(abs({latitude}) <= 90 AND abs({longitude}) <= 180, 0)")
}

/// Rows with a position, by cell.
pub(super) fn located(asked: &Places) -> String {
    format!(
        "(SELECT person_id, {MS} AS ms, geoToH3(assumeNotNull({}), assumeNotNull({}), toUInt8({})) AS cell \
         FROM activity WHERE {} AND {})",
        number(&asked.latitude),
        number(&asked.longitude),
        asked.resolution,
        of(&asked.scope, &asked.select),
        is_somewhere(asked)
    )
}

/// Rows, visits and dwell of each person in each cell.
pub(super) fn visits(asked: &Places) -> String {
    let window = "OVER (PARTITION BY person_id ORDER BY ms, cell ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)";
    format!(
        "(SELECT person_id, cell, count() AS n, sum(opens) AS v, sum(if(opens, 0, gap)) AS d FROM (\n  \
         SELECT person_id, cell, ms - lagInFrame(ms) {window} AS gap, \
         row_number() {window} = 1 OR lagInFrame(cell) {window} != cell OR gap > {} AS opens\n  FROM {})\n  \
         GROUP BY person_id, cell)",
        asked.gap_ms,
        located(asked)
    )
}

fn cells(asked: &Places) -> String {
    format!(
        "SELECT h3ToString(cell) AS place, sum(n) AS rows, count() AS people, sum(v) AS visits, countIf(v > 1) AS people_again, \
         sum(d) AS dwell_ms\nFROM {}\nGROUP BY cell ORDER BY rows DESC, place LIMIT {}",
        visits(asked),
        asked.top
    )
}

/// The cells within so many rings of the point.
pub(super) fn disk(asked: &Places, rings: &str) -> Option<String> {
    let around = asked.catchment.as_ref()?;
    let (latitude, longitude) = (around.latitude, around.longitude);
    Some(format!(
        "h3kRing(geoToH3(toFloat64({latitude:?}), toFloat64({longitude:?}), toUInt8({})), toUInt16({rings}))",
        asked.resolution
    ))
}

/// Rows and people within so many rings.
fn catchment(asked: &Places) -> Option<String> {
    let near = disk(asked, "ring")?;
    Some(format!(
        "SELECT ring, any(length({near})) AS cells, countIf(has({near}, cell)) AS rows, uniqExactIf(person_id, has({near}, cell)) AS people\n\
         FROM {} AS l CROSS JOIN (SELECT arrayJoin(range({})) AS ring) AS r\nGROUP BY ring ORDER BY ring",
        located(asked),
        asked.catchment.as_ref()?.rings + 1
    ))
}
