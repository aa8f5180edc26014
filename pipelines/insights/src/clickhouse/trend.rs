//! The statements for a trend: one for each series, one for each formula; the same of the span before.

use super::questions::{percentile, with_sessions};
use super::rows::{MS, bucket, number, of, source, value, within};
use crate::definition::{
    Breakdown, Bucket, Formula, Measure, PersonStatistic, PersonValue, Running, Scope, Series, Sign, Trend,
};

pub(super) fn trend(asked: &Trend) -> Vec<String> {
    let scope = &asked.scope;
    let before = asked.previous.then(|| scope.before().ok()).flatten();
    let spans = [scope.clone()].into_iter().chain(before);
    spans.flat_map(|scope| lines(asked, &scope)).collect()
}

fn lines(asked: &Trend, scope: &Scope) -> Vec<String> {
    let of_series = asked.series.iter().map(|series| line(asked, scope, series));
    let parsed = asked.formulas.iter().filter_map(|text| Formula::parse(text, asked.series.len()).ok());
    of_series.chain(parsed.map(|formula| of_formula(asked, scope, &formula))).collect()
}

/// The columns that tell lines apart, behind a comma.
fn part(asked: &Trend) -> &'static str {
    if asked.breakdown.is_some() { ", part" } else { "" }
}

fn line(asked: &Trend, scope: &Scope, series: &Series) -> String {
    let (part, rows) = (part(asked), series_rows(asked, scope, series));
    if asked.running == Running::Each {
        return format!("{rows}\nORDER BY bucket{part}");
    }
    let all = all_buckets(asked.bucket, scope);
    let keys = match part {
        "" => format!("({all}) AS d"),
        _ => {
            format!("(SELECT bucket, part FROM ({all}) AS d CROSS JOIN (SELECT DISTINCT part FROM ({rows})) AS p) AS k")
        }
    };
    let columns: Vec<String> = (0..series.measures.len()).map(|place| running(asked, &format!("m{place}"))).collect();
    format!(
        "SELECT bucket{part}, {}\nFROM {keys}\nLEFT JOIN ({rows}) AS s USING (bucket{part})\nORDER BY bucket{part}",
        columns.join(", ")
    )
}

/// What becomes of the values of a line, which has every bucket.
fn running(asked: &Trend, column: &str) -> String {
    let by = if asked.breakdown.is_some() { "PARTITION BY part " } else { "" };
    let over = |from: String| format!("OVER ({by}ORDER BY bucket ROWS BETWEEN {from} PRECEDING AND CURRENT ROW)");
    match asked.running {
        Running::Each => column.to_owned(),
        Running::Sum => format!("sum(ifNull({column}, 0)) {}", over("UNBOUNDED".to_owned())),
        Running::Average(buckets) => format!("avg({column}) {}", over(buckets.saturating_sub(1).to_string())),
    }
}

/// The starts of all buckets of a span.
fn all_buckets(unit: Bucket, scope: &Scope) -> String {
    // Shorter than any bucket, so that none is left out.
    let hours = match unit {
        Bucket::Hour => 0.5,
        Bucket::Day => 6.0,
        Bucket::Week => 24.0,
        Bucket::Month | Bucket::Whole => 168.0,
    };
    let (step, until_ms) = ((hours * 3_600_000.0) as i64, scope.until_ms);
    let times = (until_ms - scope.from_ms) / step + 2;
    format!(
        "SELECT DISTINCT {} AS bucket FROM (SELECT fromUnixTimestamp64Milli(least(toInt64({} + number * {step}), toInt64({}))) AS timestamp \
         FROM (SELECT arrayJoin(range({times})) AS number))",
        bucket(unit, &scope.zone, (scope.from_ms, scope.until_ms)),
        scope.from_ms,
        until_ms - 1
    )
}

/// The measures `m0`, `m1` … by bucket and part, where there are rows.
fn series_rows(asked: &Trend, scope: &Scope, series: &Series) -> String {
    let rows = of(scope, &series.select);
    let start = bucket(asked.bucket, &scope.zone, (scope.from_ms, scope.until_ms));
    let (from, part) = (from_of(asked, series), part(asked));
    // The values are worked out before they are grouped: ClickHouse does not know an expression again in which a set is made of a
    // set ("Not found column").
    let (from, rows, keys) = match part_of(asked, &from, &rows) {
        Some(label) => {
            let valued = format!("(SELECT *, {start} AS bucket, {label} AS part FROM {from} WHERE {rows})");
            (valued, "1".to_owned(), "bucket, part".to_owned())
        }
        None => (from, rows, format!("{start} AS bucket")),
    };
    let measures = || series.measures.iter().enumerate();
    let plain = measures().filter_map(|(place, measure)| Some(format!(", {} AS m{place}", of_rows(measure)?)));
    let plain =
        format!("SELECT {keys}{}\nFROM {from} WHERE {rows}\nGROUP BY bucket{part}", plain.collect::<Vec<_>>().concat());
    let of_persons: Vec<(String, String)> = measures()
        .filter_map(|(place, measure)| match measure {
            Measure::PerPerson { value, statistic } => Some(of_persons(place, value, statistic)),
            _ => None,
        })
        .collect();
    let with_persons = match of_persons.is_empty() {
        true => plain,
        false => {
            let (values, statistics): (Vec<String>, Vec<String>) = of_persons.into_iter().unzip();
            let names = measures().filter(|(_, measure)| **measure != Measure::NewPeople);
            let names: Vec<String> = names.map(|(place, _)| format!("m{place}")).collect();
            format!(
                "SELECT bucket{part}, {}\nFROM ({plain}) AS a INNER JOIN (\n  SELECT bucket{part}{} FROM (\n  \
                 SELECT {keys}, person_id{} FROM {from} WHERE {rows} GROUP BY bucket{part}, person_id)\n  GROUP BY bucket{part}) AS b USING (bucket{part})",
                names.join(", "),
                statistics.concat(),
                values.concat()
            )
        }
    };
    if !series.measures.contains(&Measure::NewPeople) {
        return with_persons;
    }
    // Who is new has such a row in the span, but not always in the bucket: there may be no rows in it. Of each bucket one row
    // has the measures of rows, and one, or none, how many are new.
    let column = |(place, measure): (usize, &Measure), is_of_new: bool| match measure {
        Measure::NewPeople if is_of_new => format!(", count() AS w{place}"),
        _ if !is_of_new && *measure != Measure::NewPeople => format!(", m{place} AS w{place}"),
        Measure::NewPeople | Measure::Count | Measure::People | Measure::Sessions | Measure::Sum(_) => {
            format!(", 0 AS w{place}")
        }
        _ => format!(", NULL AS w{place}"),
    };
    let columns = |is_of_new: bool| measures().map(|one| column(one, is_of_new)).collect::<Vec<_>>().concat();
    let sums: Vec<String> = (0..series.measures.len()).map(|place| format!(", sum(w{place}) AS m{place}")).collect();
    format!(
        "SELECT bucket{part}{}\nFROM (SELECT bucket{part}{} FROM ({with_persons})\n  UNION ALL SELECT {} AS bucket{part}{}\n  \
         FROM (SELECT DISTINCT person_id{part} FROM {from} WHERE {rows}) AS p\n  \
         INNER JOIN (SELECT person_id, min(timestamp) AS first FROM activity GROUP BY person_id) AS f USING (person_id)\n  \
         WHERE {} GROUP BY bucket{part})\nGROUP BY bucket{part}",
        sums.concat(),
        columns(false),
        of_first(&start),
        columns(true),
        of_first(&within(scope.from_ms, scope.until_ms))
    )
}

/// What is said of the time of a row, of a person's first row of all.
fn of_first(said: &str) -> String {
    said.replace("timestamp", "first")
}

/// What rows of a series are read from.
fn from_of(asked: &Trend, series: &Series) -> String {
    let by = asked.breakdown.iter().flat_map(|breakdown| &breakdown.properties);
    source(by).unwrap_or_else(|| match series.measures.contains(&Measure::Sessions) {
        true => with_sessions(1_800_000, "1"),
        false => "activity".to_owned(),
    })
}

/// The part of a breakdown that a row is of.
fn part_of(asked: &Trend, from: &str, rows: &str) -> Option<String> {
    let breakdown = asked.breakdown.as_ref()?;
    let (label, order) = label(breakdown);
    let top = format!(
        "SELECT {label} AS label FROM {from} WHERE {rows} GROUP BY label ORDER BY count() DESC, any({order}) LIMIT {}",
        breakdown.top
    );
    Some(format!("if({label} IN ({top}), {label}, '$other')"))
}

/// Who has such rows of a series, in a span and under a label; where it is about new people, who is new in the span.
pub(super) fn people(
    asked: &Trend,
    scope: &Scope,
    series: &Series,
    (inside, is_of_new): (&str, bool),
    label: Option<&str>,
) -> String {
    let (from, rows) = (from_of(asked, series), of(scope, &series.select));
    // Without a breakdown nobody is under a value.
    let own = || part_of(asked, &from, &rows).unwrap_or_else(|| "NULL".to_owned());
    let part = label.map(|label| format!(" AND {} = {label}", own())).unwrap_or_default();
    if !is_of_new {
        return format!("SELECT DISTINCT person_id FROM {from} WHERE {rows} AND {inside}{part}");
    }
    let whole = within(scope.from_ms, scope.until_ms);
    let begins = format!("{whole} AND {inside}").replace(MS, &format!("min({MS})"));
    format!(
        "SELECT person_id FROM activity WHERE person_id IN (SELECT person_id FROM {from} WHERE {rows}{part})\n  \
         GROUP BY person_id HAVING {begins}"
    )
}

/// The values of a breakdown as a text, and what ties go by.
fn label(breakdown: &Breakdown) -> (String, String) {
    let values: Vec<String> = breakdown.properties.iter().map(value).collect();
    let order: Vec<String> = values.iter().map(|value| format!("({value} IS NOT NULL, ifNull({value}, ''))")).collect();
    (format!("toJSONString([{}])", values.join(", ")), format!("[{}]", order.join(", ")))
}

/// A measure of rows; of persons, and of who is new, others. What is nothing without rows can be NULL.
fn of_rows(asked: &Measure) -> Option<String> {
    Some(match asked {
        Measure::Count => "count()".to_owned(),
        Measure::People => "uniqExact(person_id)".to_owned(),
        Measure::Sessions => "uniqExact((person_id, session))".to_owned(),
        Measure::CountPerPerson => "toNullable(count() / uniqExact(person_id))".to_owned(),
        Measure::Sum(property) => format!("ifNull(sum({}), 0)", number(property)),
        Measure::Average(property) => format!("avg({})", number(property)),
        Measure::Minimum(property) => format!("min({})", number(property)),
        Measure::Maximum(property) => format!("max({})", number(property)),
        Measure::Percentile(property, rank) => percentile(&number(property), *rank),
        Measure::NewPeople | Measure::PerPerson { .. } => return None,
    })
}

/// The number of each person, and what is made of these; each behind a comma.
fn of_persons(place: usize, value: &PersonValue, statistic: &PersonStatistic) -> (String, String) {
    let own = match value {
        PersonValue::Rows => "count()".to_owned(),
        PersonValue::Sum(property) => format!("sum({})", number(property)),
    };
    let name = format!("v{place}");
    let of_all = match statistic {
        PersonStatistic::Average => format!("avg({name})"),
        PersonStatistic::Minimum => format!("min({name})"),
        PersonStatistic::Maximum => format!("max({name})"),
        PersonStatistic::Percentile(rank) => percentile(&name, *rank),
    };
    (format!(", {own} AS {name}"), format!(", toNullable({of_all}) AS m{place}"))
}

fn of_formula(asked: &Trend, scope: &Scope, formula: &Formula) -> String {
    let mut used: Vec<usize> = Vec::new();
    let value = said(formula, &mut used);
    used.sort_unstable();
    used.dedup();
    let join = |place: &usize| {
        let rows = series_rows(asked, scope, &asked.series[*place]);
        format!("\n  LEFT JOIN (SELECT bucket, toFloat64(m0) AS s{place} FROM ({rows})) AS j{place} USING (bucket)")
    };
    let joins: Vec<String> = used.iter().map(join).collect();
    format!(
        "SELECT bucket, {} AS value\nFROM (SELECT bucket, if(isFinite(v), v, NULL) AS value FROM (\n  SELECT bucket, {value} AS v FROM ({}) AS d{}))\n\
         ORDER BY bucket",
        running(asked, "value"),
        all_buckets(asked.bucket, scope),
        joins.concat()
    )
}

fn said(formula: &Formula, used: &mut Vec<usize>) -> String {
    match formula {
        Formula::Number(number) => format!("{number:?}"),
        Formula::Series(place) => {
            used.push(*place);
            format!("s{place}")
        }
        Formula::Negative(one) => format!("-({})", said(one, used)),
        Formula::Both(left, sign, right) => {
            let (left, right) = (said(left, used), said(right, used));
            match sign {
                Sign::Plus => format!("({left} + {right})"),
                Sign::Minus => format!("({left} - {right})"),
                Sign::Times => format!("({left} * {right})"),
                Sign::Over => format!("({left} / nullIf({right}, 0))"),
            }
        }
    }
}
