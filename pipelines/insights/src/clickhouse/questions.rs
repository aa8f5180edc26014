//! Statements for the kinds of questions that one file has room for.

use super::people;
use super::rows::{MS, bucket, has_half_hours, ms_of, next, number, of, people_of, selected, unit, zone_name};
use crate::definition::{
    ActivePeople, Bucket, Buckets, CohortPeople, Distribution, DistributionOf, Lifecycle, RankBy, Ranking, Scope,
    Selector, Stickiness, TimeBetween,
};

const PERSON_ROWS: &str = "OVER (PARTITION BY person_id ORDER BY ms, event ROWS BETWEEN UNBOUNDED PRECEDING AND";

pub(super) fn percentile(value: &str, rank: f64) -> String {
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

/// How many buckets of a question about a span lie between two, as `Int64`.
pub(super) fn unit_between(unit_of: Bucket, scope: &Scope, from: &str, until: &str) -> String {
    let zone = zone_name(&scope.zone);
    match unit_of {
        Bucket::Whole => {
            format!("toInt64(intDiv({} - {}, {}))", ms_of(until), ms_of(from), scope.until_ms - scope.from_ms)
        }
        Bucket::Hour if has_half_hours(&scope.zone) => {
            // Hours of the clock that lie between, less those that a jump of half an hour leaves out.
            let hour =
                |at: &str| format!("intDiv(toUnixTimestamp({at}) + timezoneOffset(toDateTime({at}, {zone})), 3600)");
            let jumps: Vec<String> = jumps_of(scope).iter().map(|ms| (ms / 1000).to_string()).collect();
            let seconds = |at: &str| format!("toUnixTimestamp({at})");
            format!(
                "toInt64({} - {} - arrayCount(j -> j > {} AND j <= {}, CAST([{}], 'Array(Int64)')))",
                hour(until),
                hour(from),
                seconds(from),
                seconds(until),
                jumps.join(", ")
            )
        }
        _ => format!("dateDiff('{}', {from}, {until}, {zone})", unit(unit_of)),
    }
}

/// The first full hours after clocks went forward by half an hour.
fn jumps_of(scope: &Scope) -> Vec<i64> {
    const HOUR_MS: i64 = 3_600_000;
    let Ok(hours) = Buckets::new(Bucket::Hour, &scope.zone, scope.from_ms, scope.until_ms, 0) else {
        return Vec::new();
    };
    // The hour that is left out begins where the hours of the clock change from the half hours of UTC to the full ones.
    let is_jump = |hour: usize| {
        let (start, end) = (hours.starts()[hour], hours.end(hour));
        start.rem_euclid(HOUR_MS) != 0 && end.rem_euclid(HOUR_MS) == 0
    };
    (0..hours.len()).filter(|&hour| is_jump(hour)).map(|hour| hours.end(hour)).collect()
}

pub(super) fn lifecycle(asked: &Lifecycle) -> String {
    let scope = &asked.scope;
    let bucket = bucket(asked.bucket, &scope.zone, (scope.from_ms, scope.until_ms));
    let edge = |ms: i64| bucket.replace("timestamp", &format!("fromUnixTimestamp64Milli({ms})"));
    format!(
        "SELECT at AS bucket, countIf(standing = 'new') AS new, countIf(standing = 'returning') AS returning, \
         countIf(standing = 'resurrecting') AS resurrecting, countIf(standing = 'dormant') AS dormant\n\
         FROM ({})\nWHERE at >= {} AND at <= {}\nGROUP BY at ORDER BY at",
        standings(asked),
        edge(scope.from_ms),
        edge(scope.until_ms - 1)
    )
}

/// Persons, and how they stand in which bucket.
pub(super) fn standings(asked: &Lifecycle) -> String {
    let scope = &asked.scope;
    let span = (scope.from_ms, scope.until_ms);
    let bucket = bucket(asked.bucket, &scope.zone, span);
    let next = next(asked.bucket, &scope.zone, span, "bucket");
    let frame =
        "OVER (PARTITION BY person_id ORDER BY bucket ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)";
    format!(
        "SELECT person_id, at, standing\nFROM (SELECT person_id, bucket, next, row_number() {frame} AS nth, \
         lagInFrame(next) {frame} = bucket AS goes_on, leadInFrame(bucket) {frame} = next AS will\n  \
         FROM (SELECT DISTINCT person_id, {bucket} AS bucket, {next} AS next FROM activity WHERE {} AND {}))\n\
         ARRAY JOIN [multiIf(nth = 1, 'new', goes_on, 'returning', 'resurrecting'), if(will, '', 'dormant')] AS standing, \
         [bucket, next] AS at",
        people_of(scope),
        selected(&asked.select)
    )
}

pub(super) fn stickiness(asked: &Stickiness) -> String {
    format!("SELECT n, count() AS people\nFROM ({})\nGROUP BY n ORDER BY n", often(asked))
}

/// Persons, and in how many buckets they do it.
pub(super) fn often(asked: &Stickiness) -> String {
    let scope = &asked.scope;
    let bucket = bucket(asked.bucket, &scope.zone, (scope.from_ms, scope.until_ms));
    format!(
        "SELECT person_id, uniqExact({bucket}) AS n FROM activity WHERE {} GROUP BY person_id",
        of(&asked.scope, &asked.select)
    )
}

/// How many are in it, and the first of them if some are to be listed.
pub(super) fn cohort(asked: &CohortPeople) -> Vec<String> {
    let rows = format!("FROM activity WHERE {}", people::cohort(&asked.cohort));
    let listed = format!("SELECT DISTINCT person_id {rows}\nORDER BY person_id LIMIT {}", asked.list);
    let listed = (asked.list > 0).then_some(listed);
    [format!("SELECT uniqExact(person_id) AS people {rows}")].into_iter().chain(listed).collect()
}

/// The values, and whose they are.
pub(super) fn values(asked: &Distribution) -> String {
    let rows = of(&asked.scope, &asked.select);
    match &asked.of {
        DistributionOf::Property(property) => {
            let value = number(property);
            format!("SELECT person_id, {value} AS value FROM activity WHERE {rows} AND value IS NOT NULL")
        }
        DistributionOf::RowsPerPerson => {
            format!("SELECT person_id, count() AS value FROM activity WHERE {rows} GROUP BY person_id")
        }
    }
}

pub(super) fn distribution(asked: &Distribution) -> String {
    let values = values(asked);
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
    let (scope, zone) = (&asked.scope, zone_name(&asked.scope.zone));
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
    let ranks: Vec<String> = asked.ranks.iter().map(|rank| format!(", {}", percentile("gap", *rank))).collect();
    format!(
        "SELECT count() AS count, uniqExact(person_id) AS people, sum(gap) AS sum_ms{}\nFROM ({})\nWHERE gap <= {}",
        ranks.concat(),
        gaps(asked),
        asked.window_ms
    )
}

/// Persons, and the times from rows to the next strictly later one.
pub(super) fn gaps(asked: &TimeBetween) -> String {
    let side =
        |select: &Selector| format!("(SELECT person_id, {MS} AS ms FROM activity WHERE {})", of(&asked.scope, select));
    format!(
        "SELECT a.person_id AS person_id, b.ms - a.ms AS gap FROM {} AS a\n  \
         ASOF INNER JOIN {} AS b ON a.person_id = b.person_id AND a.ms < b.ms",
        side(&asked.from),
        side(&asked.to)
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
