//! A statement for each kind of question.

use super::people::{self, window_funnel};
use super::rows::{MS, bucket, number, of, people_of, quoted, selected, unit, value, within};
use crate::definition::{
    ActivePeople, AnchorRow, Attribution, Breakdown, CohortPeople, Distribution, DistributionOf, Funnel, Lifecycle,
    Measure, Paths, Places, RankBy, Ranking, Retention, RetentionKind, Selector, Series, Stickiness, TimeBetween,
    Trend,
};

const PERSON_ROWS: &str = "OVER (PARTITION BY person_id ORDER BY ms, event ROWS BETWEEN UNBOUNDED PRECEDING AND";

pub(super) fn trend(asked: &Trend, series: &Series) -> String {
    let rows = of(&asked.scope, &series.select);
    let measures: Vec<String> = series.measures.iter().map(measure).collect();
    let (bucket, measures) = (bucket(asked.bucket, &asked.scope.zone), measures.join(", "));
    let has_sessions = series.measures.contains(&Measure::Sessions);
    let from = if has_sessions { with_sessions(1_800_000, "1") } else { "activity".to_owned() };
    match &asked.breakdown {
        None => {
            format!("SELECT {bucket} AS bucket, {measures}\nFROM {from} WHERE {rows}\nGROUP BY bucket ORDER BY bucket")
        }
        Some(breakdown) => {
            let (label, order) = label(breakdown);
            let top = format!(
                "SELECT {label} AS label FROM activity WHERE {rows} GROUP BY label ORDER BY count() DESC, any({order}) LIMIT {}",
                breakdown.top
            );
            // The values are worked out before they are grouped: ClickHouse does not know an expression again in which a set is made
            // of a set ("Not found column").
            format!(
                "SELECT bucket, part, {measures}\n\
                 FROM (SELECT *, {bucket} AS bucket, if({label} IN ({top}), {label}, '$other') AS part FROM {from} WHERE {rows})\n\
                 GROUP BY bucket, part ORDER BY bucket, part"
            )
        }
    }
}

/// The values of a breakdown as a text, and what ties go by.
fn label(breakdown: &Breakdown) -> (String, String) {
    let values: Vec<String> = breakdown.properties.iter().map(value).collect();
    let order: Vec<String> = values.iter().map(|value| format!("({value} IS NOT NULL, ifNull({value}, ''))")).collect();
    (format!("toJSONString([{}])", values.join(", ")), format!("[{}]", order.join(", ")))
}

fn measure(asked: &Measure) -> String {
    match asked {
        Measure::Count => "count()".to_owned(),
        // `can_say` refuses it.
        Measure::PerPerson { .. } => "NULL".to_owned(),
        Measure::People => "uniqExact(person_id)".to_owned(),
        Measure::Sessions => "uniqExact((person_id, session))".to_owned(),
        Measure::CountPerPerson => "count() / uniqExact(person_id)".to_owned(),
        Measure::Sum(property) => format!("ifNull(sum({}), 0)", number(property)),
        Measure::Average(property) => format!("avg({})", number(property)),
        Measure::Minimum(property) => format!("min({})", number(property)),
        Measure::Maximum(property) => format!("max({})", number(property)),
        Measure::Percentile(property, rank) => percentile(&number(property), *rank),
    }
}

fn percentile(value: &str, rank: f64) -> String {
    let place = format!("1 + toUInt64(floor((count({value}) - 1) * {rank:?}))");
    format!("if(count({value}) = 0, NULL, arraySort(groupArray({value}))[{place}])")
}

/// Rows with the number of their session within the person.
pub(super) fn with_sessions(gap_ms: i64, rows: &str) -> String {
    format!(
        "(SELECT *, sum(opens) {PERSON_ROWS} CURRENT ROW) AS session FROM (\n  \
         SELECT *, {MS} AS ms, row_number() {PERSON_ROWS} CURRENT ROW) = 1 OR ms - lagInFrame(ms) {PERSON_ROWS} CURRENT ROW) > {gap_ms} AS opens\n  \
         FROM activity WHERE {rows}))"
    )
}

pub(super) fn funnel(asked: &Funnel) -> String {
    let scope = &asked.scope;
    let reached: Vec<String> = (1..=asked.steps.len()).map(|level| format!("countIf(level >= {level})")).collect();
    let level = window_funnel(asked.window_ms, &asked.steps);
    let rows = format!("{} AND {}", within(scope.from_ms, scope.until_ms), people_of(scope));
    let touched = asked.breakdown.as_ref().map(|breakdown| {
        let value = value(&breakdown.property);
        let step = selected(&asked.steps[breakdown.step.saturating_sub(1).min(asked.steps.len() - 1)]);
        let sign = if breakdown.attribution == Attribution::FirstTouch { "" } else { "-" };
        let order = format!("({sign}{MS}, {value} IS NOT NULL, ifNull({value}, ''))");
        format!("argMinIf(tuple({value}), {order}, {step}).1 AS part, ")
    });
    let (part, by) = if touched.is_some() { ("part, ", "\nGROUP BY part ORDER BY part NULLS FIRST") } else { ("", "") };
    format!(
        "SELECT {part}{}\nFROM (SELECT person_id, {}{level} AS level FROM activity WHERE {rows} GROUP BY person_id)\n\
         WHERE level >= 1{by}",
        reached.join(", "),
        touched.unwrap_or_default()
    )
}

pub(super) fn retention(asked: &Retention) -> String {
    let scope = &asked.scope;
    let (bucket, unit, zone) = (bucket(asked.bucket, &scope.zone), unit(asked.bucket), quoted(&scope.zone));
    let inside = within(scope.from_ms, scope.until_ms);
    let starts = match asked.kind {
        RetentionKind::FirstTime => format!(
            "SELECT person_id, argMin({bucket}, timestamp) AS start FROM activity WHERE {} AND {} GROUP BY person_id \
             HAVING min({MS}) >= {} AND min({MS}) < {}",
            people_of(scope),
            selected(&asked.start),
            scope.from_ms,
            scope.until_ms
        ),
        RetentionKind::Recurring => {
            format!("SELECT DISTINCT person_id, {bucket} AS start FROM activity WHERE {}", of(scope, &asked.start))
        }
    };
    let returns = format!(
        "SELECT DISTINCT person_id, {bucket} AS returned FROM activity WHERE {inside} AND {}",
        selected(&asked.returning)
    );
    let distance = format!("dateDiff('{unit}', start, returned, {zone})");
    let distances = if asked.unbounded { format!("arrayJoin(range(toUInt64({distance}) + 1))") } else { distance };
    format!(
        "SELECT start, {distances} AS k, uniqExact(person_id) AS people\nFROM ({starts}) AS s\n\
         INNER JOIN ({returns}) AS r USING (person_id)\nWHERE returned >= start\nGROUP BY start, k ORDER BY start, k"
    )
}

pub(super) fn paths(asked: &Paths) -> String {
    let scope = &asked.scope;
    // `can_say` refuses those without.
    let Some(row) = asked.anchor.row() else { return String::new() };
    let step = if asked.anchor.is_forward() { "leadInFrame" } else { "lagInFrame" };
    // Rows that are the anchor come first of those that are the same otherwise.
    let (anchor, order, flag) = match row {
        AnchorRow::Name(name) => (format!("event = {}", quoted(name)), "", String::new()),
        AnchorRow::Rows(rows) => ("anchors".to_owned(), ", anchors DESC", format!("({}) AS anchors, ", selected(rows))),
    };
    let frame = format!(
        "OVER (PARTITION BY person_id ORDER BY ms, event{order} ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)"
    );
    let mut rows = people_of(scope);
    if !asked.select.is_any() {
        rows += &format!(" AND {}", selected(&asked.select));
    }
    if let Some(without) = &asked.without {
        rows += &format!(" AND NOT ({})", selected(without));
    }
    let places = 1..=asked.length;
    let next: Vec<String> = places
        .clone()
        .map(|n| format!("{step}(event, {n}) {frame} AS e{n}, {step}(ms, {n}) {frame} AS t{n}"))
        .collect();
    let near = places.clone().map(|n| {
        let before = if n == 1 { "ms".to_owned() } else { format!("t{}", n - 1) };
        format!("t{n} > 0 AND abs(t{n} - {before}) <= {}", asked.gap_ms)
    });
    let near: Vec<String> = near.collect();
    let mut names: Vec<String> = places.map(|n| format!("e{n}")).collect();
    if step == "lagInFrame" {
        names.reverse();
    }
    let names = names.join(", ");
    format!(
        "SELECT {names}, count() AS occurrences\nFROM (SELECT person_id, event, {MS} AS ms, {flag}{}\n  FROM activity WHERE {rows})\n\
         WHERE {anchor} AND ms >= {} AND ms < {} AND {}\nGROUP BY {names} ORDER BY occurrences DESC, {names} LIMIT {}",
        next.join(", "),
        scope.from_ms,
        scope.until_ms,
        near.join(" AND "),
        asked.top
    )
}

pub(super) fn lifecycle(asked: &Lifecycle) -> String {
    let scope = &asked.scope;
    let (bucket, unit, zone) = (bucket(asked.bucket, &scope.zone), unit(asked.bucket), quoted(&scope.zone));
    let frame =
        "OVER (PARTITION BY person_id ORDER BY bucket ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)";
    let rows = format!("{} AND {}", people_of(scope), selected(&asked.select));
    let edge = |ms: i64| bucket.replace("timestamp", &format!("fromUnixTimestamp64Milli({ms})"));
    format!(
        "SELECT at AS bucket, countIf(standing = 'new') AS new, countIf(standing = 'returning') AS returning, \
         countIf(standing = 'resurrecting') AS resurrecting, countIf(standing = 'dormant') AS dormant\n\
         FROM (SELECT person_id, bucket, row_number() {frame} AS nth, \
         dateDiff('{unit}', lagInFrame(bucket) {frame}, bucket, {zone}) AS since, \
         dateDiff('{unit}', bucket, leadInFrame(bucket) {frame}, {zone}) AS until\n  \
         FROM (SELECT DISTINCT person_id, {bucket} AS bucket FROM activity WHERE {rows}))\n\
         ARRAY JOIN [multiIf(nth = 1, 'new', since = 1, 'returning', 'resurrecting'), if(until = 1, '', 'dormant')] AS standing, \
         [bucket, bucket + INTERVAL 1 {unit}] AS at\n\
         WHERE at >= {} AND at <= {}\nGROUP BY at ORDER BY at",
        edge(scope.from_ms),
        edge(scope.until_ms - 1)
    )
}

pub(super) fn stickiness(asked: &Stickiness) -> String {
    let bucket = bucket(asked.bucket, &asked.scope.zone);
    format!(
        "SELECT n, count() AS people\nFROM (SELECT person_id, uniqExact({bucket}) AS n FROM activity WHERE {} GROUP BY person_id)\n\
         GROUP BY n ORDER BY n",
        of(&asked.scope, &asked.select)
    )
}

pub(super) fn cohort(asked: &CohortPeople) -> String {
    format!("SELECT uniqExact(person_id) AS people FROM activity WHERE {}", people::cohort(&asked.cohort))
}

pub(super) fn distribution(asked: &Distribution) -> String {
    let rows = of(&asked.scope, &asked.select);
    let values = match &asked.of {
        DistributionOf::Property(property) => {
            let value = number(property);
            format!("SELECT {value} AS value FROM activity WHERE {rows} AND value IS NOT NULL")
        }
        DistributionOf::RowsPerPerson => {
            format!("SELECT count() AS value FROM activity WHERE {rows} GROUP BY person_id")
        }
    };
    let edges: Vec<String> = asked.edges.iter().map(|edge| format!("{edge:?}")).collect();
    let histogram = (0..=edges.len()).map(|n| {
        let low = n.checked_sub(1).map(|n| format!("value >= {}", edges[n]));
        let high = edges.get(n).map(|edge| format!("value < {edge}"));
        let bounds: Vec<String> = low.into_iter().chain(high).collect();
        format!("countIf({})", if bounds.is_empty() { "1".to_owned() } else { bounds.join(" AND ") })
    });
    let ranks = asked.ranks.iter().map(|rank| percentile("value", *rank));
    let columns: Vec<String> = histogram.chain(ranks).collect();
    format!(
        "SELECT count() AS count, ifNull(sum(value), 0) AS sum, if(count() = 0, NULL, min(value)), if(count() = 0, NULL, max(value)), {}\n\
         FROM ({values})",
        columns.join(", ")
    )
}

pub(super) fn active_people(asked: &ActivePeople) -> String {
    let (scope, zone) = (&asked.scope, quoted(&asked.scope.zone));
    let day = |ms: i64| format!("toDate(fromUnixTimestamp64Milli({ms}), {zone})");
    format!(
        "SELECT day, uniqExactIf(person_id, n < 1) AS of_day, uniqExactIf(person_id, n < 7) AS of_week, uniqExact(person_id) AS of_month, \
         if(of_week = 0, NULL, of_day / of_week) AS day_per_week, if(of_month = 0, NULL, of_day / of_month) AS day_per_month, \
         if(of_month = 0, NULL, of_week / of_month) AS week_per_month\n\
         FROM (SELECT person_id, n, d + n AS day FROM (SELECT DISTINCT person_id, toDate(timestamp, {zone}) AS d FROM activity WHERE {} AND {})\n  \
         ARRAY JOIN range(30) AS n)\nWHERE day >= {} AND day <= {}\nGROUP BY day ORDER BY day",
        people_of(scope),
        selected(&asked.select),
        day(scope.from_ms),
        day(scope.until_ms - 1)
    )
}

pub(super) fn time_between(asked: &TimeBetween) -> String {
    let side =
        |select: &Selector| format!("(SELECT person_id, {MS} AS ms FROM activity WHERE {})", of(&asked.scope, select));
    let ranks: Vec<String> = asked.ranks.iter().map(|rank| format!(", {}", percentile("gap", *rank))).collect();
    format!(
        "SELECT count() AS count, uniqExact(person_id) AS people, sum(gap) AS sum_ms{}\n\
         FROM (SELECT a.person_id AS person_id, b.ms - a.ms AS gap FROM {} AS a\n  \
         ASOF INNER JOIN {} AS b ON a.person_id = b.person_id AND a.ms < b.ms)\nWHERE gap <= {}",
        ranks.concat(),
        side(&asked.from),
        side(&asked.to),
        asked.window_ms
    )
}

pub(super) fn ranking(asked: &Ranking) -> String {
    let columns = match asked.by {
        RankBy::Activity => "event",
        RankBy::Person => "person_id",
        RankBy::ActivityAndPerson => "event, person_id",
    };
    format!(
        "SELECT {columns}, count() AS rows FROM activity WHERE {}\nGROUP BY {columns} ORDER BY rows DESC, {columns} LIMIT {}",
        of(&asked.scope, &asked.select),
        asked.top
    )
}

pub(super) fn places(asked: &Places) -> String {
    let (latitude, longitude) = (number(&asked.latitude), number(&asked.longitude));
    let window = "OVER (PARTITION BY person_id ORDER BY ms, cell ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)";
    format!(
        "SELECT h3ToString(cell) AS place, sum(n) AS rows, count() AS people, sum(v) AS visits, countIf(v > 1) AS people_again, \
         sum(d) AS dwell_ms\nFROM (SELECT person_id, cell, count() AS n, sum(opens) AS v, sum(if(opens, 0, gap)) AS d FROM (\n  \
         SELECT person_id, cell, ms - lagInFrame(ms) {window} AS gap, \
         row_number() {window} = 1 OR lagInFrame(cell) {window} != cell OR gap > {} AS opens\n  \
         FROM (SELECT person_id, {MS} AS ms, geoToH3(assumeNotNull({latitude}), assumeNotNull({longitude}), toUInt8({})) AS cell \
         FROM activity WHERE {} AND ifNull(abs({latitude}) <= 90 AND abs({longitude}) <= 180, 0)))\n  GROUP BY person_id, cell)\n\
         GROUP BY cell ORDER BY rows DESC, place LIMIT {}\nSETTINGS geotoh3_argument_order = 'lat_lon'",
        asked.gap_ms,
        asked.resolution,
        of(&asked.scope, &asked.select),
        asked.top
    )
}
