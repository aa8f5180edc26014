//! Answers as typed columns.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMillisecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use footfall_pipelines_insights::definition::{Answer, Label};

/// Kinds that can be asked in SQL, as their functions are named.
pub(super) const KINDS: &[&str] = &[
    "trend",
    "funnel",
    "retention",
    "paths",
    "lifecycle",
    "stickiness",
    "sessions",
    "cohort",
    "distribution",
    "active_people",
    "time_between",
    "ranking",
];

#[derive(Clone, Copy)]
enum Kind {
    Text,
    Count,
    Number,
    Time,
}
use Kind::{Count, Number, Text, Time};

/// A cell; of the kind of its column, or nothing.
enum Cell {
    Text(String),
    Count(i64),
    Number(f64),
    Time(i64),
    Null,
}

impl Cell {
    fn count(count: u64) -> Cell {
        Cell::Count(i64::try_from(count).unwrap_or(i64::MAX))
    }

    fn text(text: Option<&String>) -> Cell {
        text.map_or(Cell::Null, |text| Cell::Text(text.clone()))
    }

    fn number(number: Option<f64>) -> Cell {
        number.map_or(Cell::Null, Cell::Number)
    }
}

/// The columns of each kind.
fn columns(kind: &str) -> &'static [(&'static str, Kind)] {
    match kind {
        "trend" => &[("series", Count), ("label", Text), ("bucket", Time), ("measure", Count), ("value", Number)],
        "funnel" => &[("value", Text), ("step", Count), ("people", Count), ("median_ms", Count)],
        "retention" => &[("cohort", Time), ("people", Count), ("period", Count), ("returned", Count)],
        "paths" => &[("path", Text), ("count", Count)],
        "lifecycle" => {
            &[("bucket", Time), ("new", Count), ("returning", Count), ("resurrecting", Count), ("dormant", Count)]
        }
        "stickiness" => &[("buckets", Count), ("people", Count)],
        "sessions" => {
            &[("bucket", Time), ("sessions", Count), ("duration_ms", Count), ("bounces", Count), ("rows", Count)]
        }
        "cohort" => &[("person_id", Text)],
        "distribution" => &[("place", Count), ("count", Count), ("percentile", Number)],
        "active_people" => &[("day", Time), ("day_people", Count), ("week_people", Count), ("month_people", Count)],
        "time_between" => &[("count", Count), ("people", Count), ("sum_ms", Count)],
        _ => &[("event", Text), ("person_id", Text), ("rows", Count)],
    }
}

pub(super) fn schema(kind: &str) -> SchemaRef {
    let field = |&(name, kind): &(&str, Kind)| {
        let data_type = match kind {
            Text => DataType::Utf8,
            Count => DataType::Int64,
            Number => DataType::Float64,
            Time => DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
        };
        Field::new(name, data_type, true)
    };
    Arc::new(Schema::new(columns(kind).iter().map(field).collect::<Vec<_>>()))
}

pub(super) fn rows(kind: &str, answer: &Answer) -> Result<RecordBatch, ArrowError> {
    let cells = cells(answer);
    let column = |(place, &(_, kind)): (usize, &(&str, Kind))| -> ArrayRef {
        let of = |row: &Vec<Cell>| match row.get(place) {
            Some(Cell::Count(count) | Cell::Time(count)) => Some(*count),
            _ => None,
        };
        match kind {
            Text => Arc::new(StringArray::from_iter(cells.iter().map(|row| match row.get(place) {
                Some(Cell::Text(text)) => Some(text),
                _ => None,
            }))),
            Number => Arc::new(Float64Array::from_iter(cells.iter().map(|row| match row.get(place) {
                Some(Cell::Number(number)) => Some(*number),
                _ => None,
            }))),
            Count => Arc::new(Int64Array::from_iter(cells.iter().map(of))),
            Time => Arc::new(TimestampMillisecondArray::from_iter(cells.iter().map(of)).with_timezone("UTC")),
        }
    };
    RecordBatch::try_new(schema(kind), columns(kind).iter().enumerate().map(column).collect())
}

fn label(label: &Label) -> Cell {
    match label {
        Label::Everything => Cell::Null,
        Label::Other => Cell::Text("$other".to_owned()),
        Label::Cohort(name) => Cell::Text(name.clone()),
        Label::Values(values) => {
            let values: Vec<&str> = values.iter().map(|value| value.as_deref().unwrap_or_default()).collect();
            Cell::Text(values.join(" / "))
        }
    }
}

fn cells(answer: &Answer) -> Vec<Vec<Cell>> {
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    match answer {
        Answer::Trend(trend) => {
            for line in &trend.lines {
                for (measure, values) in line.measures.iter().enumerate() {
                    rows.extend(trend.buckets.iter().zip(values).map(|(&bucket, &value)| {
                        let (series, measure) = (Cell::count(line.series as u64), Cell::count(measure as u64));
                        vec![series, label(&line.label), Cell::Time(bucket), measure, Cell::number(value)]
                    }));
                }
            }
        }
        Answer::Funnel(funnel) => {
            for group in &funnel.groups {
                let last = group.reached.len();
                rows.extend((1..).zip(&group.reached).map(|(step, &people)| {
                    let median = group.percentile_ms(0.5).filter(|_| step == last).map_or(Cell::Null, Cell::Count);
                    vec![Cell::text(group.value.as_ref()), Cell::count(step as u64), Cell::count(people), median]
                }));
            }
        }
        Answer::Retention(retention) => {
            for cohort in &retention.cohorts {
                rows.extend((0u64..).zip(&cohort.returned).map(|(period, &returned)| {
                    let (start, people) = (Cell::Time(cohort.start_ms), Cell::count(cohort.people));
                    vec![start, people, Cell::count(period), Cell::count(returned)]
                }));
            }
        }
        Answer::Paths(paths) => {
            let path = |activities: &[String]| Cell::Text(activities.join(" > "));
            rows.extend(paths.paths.iter().map(|one| vec![path(&one.activities), Cell::count(one.count)]));
        }
        Answer::Lifecycle(lifecycle) => rows.extend(lifecycle.buckets.iter().map(|bucket| {
            let counts = [bucket.new, bucket.returning, bucket.resurrecting, bucket.dormant];
            [Cell::Time(bucket.start_ms)].into_iter().chain(counts.map(Cell::count)).collect()
        })),
        Answer::Stickiness(stickiness) => {
            rows.extend((1u64..).zip(&stickiness.people).map(|(n, &people)| vec![Cell::count(n), Cell::count(people)]));
        }
        Answer::Sessions(sessions) => rows.extend(sessions.buckets.iter().map(|bucket| {
            let counts = [bucket.sessions, bucket.duration_ms, bucket.bounces, bucket.rows];
            [Cell::Time(bucket.start_ms)].into_iter().chain(counts.map(Cell::count)).collect()
        })),
        Answer::Cohort(cohort) => rows.extend(cohort.listed.iter().map(|id| vec![Cell::Text(id.clone())])),
        Answer::Distribution(spread) => {
            let places = spread.histogram.len().max(spread.percentiles.len());
            rows.extend((0..places).map(|place| {
                let count = spread.histogram.get(place).map_or(Cell::Null, |&count| Cell::count(count));
                let percentile = Cell::number(spread.percentiles.get(place).copied().flatten());
                vec![Cell::count(place as u64), count, percentile]
            }));
        }
        Answer::ActivePeople(active) => rows.extend(active.days.iter().map(|day| {
            let counts = [day.day, day.week, day.month];
            [Cell::Time(day.start_ms)].into_iter().chain(counts.map(Cell::count)).collect()
        })),
        Answer::TimeBetween(between) => {
            rows.push([between.count, between.people, between.sum_ms].map(Cell::count).into_iter().collect());
        }
        Answer::Ranking(ranking) => rows.extend(ranking.rows.iter().map(|row| {
            vec![Cell::text(row.activity.as_ref()), Cell::text(row.person.as_ref()), Cell::count(row.rows)]
        })),
        // A kind without columns has no function.
        #[allow(unreachable_patterns, reason = "kinds may be added before their columns")]
        _ => {}
    }
    rows
}
