//! Answers as typed columns.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMillisecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use footfall_pipelines_insights::definition::{
    Answer, FactorOf, FactorTest, FunnelGroup, Label, Question, RetentionCohort, SessionBucket, TrendAnswer,
};

use super::parts::{self, Shape};
use crate::compared::{Compared, ComparedBy};

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
    "correlation",
    "compare",
    "places",
];

#[derive(Clone, Copy)]
pub(super) enum Kind {
    Text,
    Count,
    Number,
    Time,
}
use Kind::{Count, Number, Text, Time};

/// Names, in order.
pub(super) type Columns = &'static [(&'static str, Kind)];

/// A cell; of the kind of its column, or nothing.
pub(super) enum Cell {
    Text(String),
    Count(i64),
    Number(f64),
    Time(i64),
    Null,
}

impl Cell {
    pub fn count(count: u64) -> Cell {
        Cell::Count(i64::try_from(count).unwrap_or(i64::MAX))
    }

    fn text(text: Option<&String>) -> Cell {
        text.map_or(Cell::Null, |text| Cell::Text(text.clone()))
    }

    pub fn number(number: Option<f64>) -> Cell {
        number.map_or(Cell::Null, Cell::Number)
    }

    /// One of these times.
    pub fn at(times_ms: &[i64], place: usize) -> Cell {
        times_ms.get(place).map_or(Cell::Null, |&ms| Cell::Count(ms))
    }
}

fn columns(shape: Shape) -> Columns {
    shape.part.map_or_else(|| usual(shape.kind), parts::columns)
}

/// The columns of each kind.
fn usual(kind: &str) -> Columns {
    match kind {
        "trend" => &[("series", Count), ("label", Text), ("bucket", Time), ("measure", Count), ("value", Number)],
        "funnel" => &[("value", Text), ("step", Count), ("people", Count), ("median_ms", Count), ("mean_ms", Number)],
        "retention" => &[("cohort", Time), ("people", Count), ("period", Count), ("returned", Count), ("label", Text)],
        "paths" => &[("path", Text), ("count", Count)],
        "lifecycle" => {
            &[("bucket", Time), ("new", Count), ("returning", Count), ("resurrecting", Count), ("dormant", Count)]
        }
        "stickiness" => &[("buckets", Count), ("people", Count)],
        "sessions" => &[
            ("bucket", Time),
            ("sessions", Count),
            ("duration_ms", Count),
            ("bounces", Count),
            ("rows", Count),
            ("label", Text),
        ],
        "cohort" => &[("person_id", Text)],
        "distribution" => &[("place", Count), ("count", Count), ("percentile", Number)],
        "active_people" => &[
            ("day", Time),
            ("day_people", Count),
            ("week_people", Count),
            ("month_people", Count),
            ("day_per_week", Number),
            ("day_per_month", Number),
            ("week_per_month", Number),
        ],
        "time_between" => &[("count", Count), ("people", Count), ("sum_ms", Count)],
        "correlation" => &[
            ("factor", Text),
            ("name", Text),
            ("value", Text),
            ("converted_with", Count),
            ("dropped_with", Count),
            ("converted_without", Count),
            ("dropped_without", Count),
            ("odds_ratio", Number),
            ("p", Number),
            ("q", Number),
            ("test", Text),
            ("tested", Count),
        ],
        "compare" => &[
            ("segment", Text),
            ("people", Count),
            ("in_both", Count),
            ("mean", Number),
            ("standard_deviation", Number),
            ("absolute", Number),
            ("absolute_low", Number),
            ("absolute_high", Number),
            ("absolute_p", Number),
            ("relative", Number),
            ("relative_low", Number),
            ("relative_high", Number),
            ("relative_p", Number),
            ("method", Text),
        ],
        "places" => &[
            ("cell", Text),
            ("latitude", Number),
            ("longitude", Number),
            ("rows", Count),
            ("people", Count),
            ("visits", Count),
            ("people_again", Count),
            ("dwell_ms", Count),
            ("ring", Count),
            ("cells", Count),
        ],
        _ => &[("event", Text), ("person_id", Text), ("rows", Count)],
    }
}

pub(super) fn schema(shape: Shape) -> SchemaRef {
    let field = |&(name, kind): &(&str, Kind)| {
        let data_type = match kind {
            Text => DataType::Utf8,
            Count => DataType::Int64,
            Number => DataType::Float64,
            Time => DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
        };
        Field::new(name, data_type, true)
    };
    Arc::new(Schema::new(columns(shape).iter().map(field).collect::<Vec<_>>()))
}

pub(super) fn rows(shape: Shape, question: &Question, answer: &Answer) -> Result<RecordBatch, ArrowError> {
    let cells = match shape.part {
        Some(part) => parts::cells(part, question, answer),
        None => cells(answer),
    };
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
    RecordBatch::try_new(schema(shape), columns(shape).iter().enumerate().map(column).collect())
}

fn label(label: &Label) -> Cell {
    match label {
        Label::Everything => Cell::Null,
        Label::Other => Cell::Text("$other".to_owned()),
        Label::Cohort(name) => Cell::Text(name.clone()),
        Label::Values(values) => {
            // An empty text is a value.
            let values: Vec<&str> = values.iter().map(|value| value.as_deref().unwrap_or("$none")).collect();
            Cell::Text(values.join(" / "))
        }
    }
}

fn cells(answer: &Answer) -> Vec<Vec<Cell>> {
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    match answer {
        Answer::Trend(trend) => rows.extend(lines(trend)),
        Answer::Funnel(funnel) => {
            for group in &funnel.groups {
                let last = group.reached.len();
                rows.extend((1..).zip(&group.reached).map(|(step, &people)| {
                    let is_last = step == last;
                    let median = group.median_ms().filter(|_| is_last).map_or(Cell::Null, Cell::Count);
                    let mean = Cell::number(group.mean_ms.filter(|_| is_last));
                    vec![value_of(group), Cell::count(step as u64), Cell::count(people), median, mean]
                }));
            }
        }
        Answer::Retention(retention) => {
            rows.extend(retained(&retention.cohorts, &Label::Everything));
            rows.extend(retention.groups.iter().flat_map(|group| retained(&group.cohorts, &group.label)));
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
        Answer::Sessions(sessions) => {
            rows.extend(stretches(&sessions.buckets, &Label::Everything));
            rows.extend(sessions.groups.iter().flat_map(|group| stretches(&group.buckets, &group.label)));
        }
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
            let counts = [day.day, day.week, day.month].map(Cell::count);
            let shares = [day.day_per_week, day.day_per_month, day.week_per_month].map(Cell::number);
            [Cell::Time(day.start_ms)].into_iter().chain(counts).chain(shares).collect()
        })),
        Answer::TimeBetween(between) => {
            rows.push([between.count, between.people, between.sum_ms].map(Cell::count).into_iter().collect());
        }
        Answer::Ranking(ranking) => rows.extend(ranking.rows.iter().map(|row| {
            vec![Cell::text(row.activity.as_ref()), Cell::text(row.person.as_ref()), Cell::count(row.rows)]
        })),
        Answer::Correlation(correlation) => rows.extend(correlation.factors.iter().map(|factor| {
            let text = |text: &str| Cell::Text(text.to_owned());
            let of = match &factor.of {
                FactorOf::Property { name, value } => [text("property"), text(name), text(value)],
                FactorOf::PersonProperty { name, value } => [text("person_property"), text(name), text(value)],
                FactorOf::Activity(name) => [text("activity"), text(name), Cell::Null],
            };
            let people = [factor.converted_with, factor.dropped_with, factor.converted_without, factor.dropped_without];
            let numbers = [factor.odds_ratio, factor.p, factor.q].map(Cell::Number);
            let test = match factor.test {
                FactorTest::FisherExact => text("fisher_exact"),
                FactorTest::ChiSquare => text("chi_square"),
            };
            let last = [test, Cell::count(correlation.tested)];
            of.into_iter().chain(people.map(Cell::count)).chain(numbers).chain(last).collect()
        })),
        Answer::Compare(compare) => {
            let compared = Compared::from(compare.clone());
            // The difference is the second segment's from the first, so it stands beside the second.
            rows.extend(compared.segments.iter().enumerate().map(|(place, segment)| {
                let counts = [segment.people, compared.in_both].map(Cell::count);
                let numbers = [segment.mean, segment.standard_deviation].map(Cell::number);
                let own = [Cell::Text(segment.name.clone())].into_iter().chain(counts).chain(numbers);
                let differs = [&compared.absolute, &compared.relative].into_iter().filter(|_| place > 0);
                let method = Cell::Text(compared.absolute.method.clone());
                own.chain(differs.flat_map(difference)).chain([method].into_iter().filter(|_| place > 0)).collect()
            }));
        }
        Answer::Places(places) => {
            rows.extend(places.places.iter().map(|place| {
                let (cell, centre) = (Cell::Text(place.cell.clone()), [place.latitude, place.longitude]);
                let counts = [place.rows, place.people, place.visits, place.people_again, place.dwell_ms];
                [cell].into_iter().chain(centre.map(Cell::Number)).chain(counts.map(Cell::count)).collect()
            }));
            rows.extend((0u64..).zip(&places.catchment).map(|(ring, within)| {
                let nothing = || std::iter::repeat_with(|| Cell::Null).take(3);
                let counts = [within.rows, within.people].map(Cell::count).into_iter();
                nothing().chain(counts).chain(nothing()).chain([ring, within.cells].map(Cell::count)).collect()
            }));
        }
        // These have no function.
        Answer::People(_) | Answer::Activities(_) | Answer::Exposures(_) => {}
    }
    rows
}

/// Of each line, measure and bucket.
pub(super) fn lines(trend: &TrendAnswer) -> Vec<Vec<Cell>> {
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    for line in &trend.lines {
        for (measure, values) in line.measures.iter().enumerate() {
            rows.extend(trend.buckets.iter().zip(values).map(|(&bucket, &value)| {
                let (series, measure) = (Cell::count(line.series as u64), Cell::count(measure as u64));
                vec![series, label(&line.label), Cell::Time(bucket), measure, Cell::number(value)]
            }));
        }
    }
    rows
}

/// Which group of a funnel.
pub(super) fn value_of(group: &FunnelGroup) -> Cell {
    match &group.label {
        Label::Other => label(&Label::Other),
        _ => Cell::text(group.value.as_ref()),
    }
}

fn retained(cohorts: &[RetentionCohort], of: &Label) -> Vec<Vec<Cell>> {
    let cohort = |cohort: &RetentionCohort| {
        let row = |(period, &returned): (u64, &u64)| {
            let (start, people) = (Cell::Time(cohort.start_ms), Cell::count(cohort.people));
            vec![start, people, Cell::count(period), Cell::count(returned), label(of)]
        };
        (0u64..).zip(&cohort.returned).map(row).collect::<Vec<_>>()
    };
    cohorts.iter().flat_map(cohort).collect()
}

fn stretches(buckets: &[SessionBucket], of: &Label) -> Vec<Vec<Cell>> {
    let row = |bucket: &SessionBucket| {
        let counts = [bucket.sessions, bucket.duration_ms, bucket.bounces, bucket.rows].map(Cell::count);
        [Cell::Time(bucket.start_ms)].into_iter().chain(counts).chain([label(of)]).collect()
    };
    buckets.iter().map(row).collect()
}

/// Estimate, interval and p.
fn difference(by: &ComparedBy) -> [Cell; 4] {
    let (low, high) = (by.interval.map(|interval| interval.0), by.interval.map(|interval| interval.1));
    [by.estimate, low, high, by.p].map(Cell::number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_value_is_no_empty_text() {
        let text = |of: Label| match label(&of) {
            Cell::Text(text) => Some(text),
            _ => None,
        };
        let values = |values: &[Option<&str>]| {
            text(Label::Values(values.iter().map(|value| value.map(str::to_owned)).collect())).unwrap_or_default()
        };
        assert_eq!((values(&[None]), values(&[Some("")])), ("$none".to_owned(), String::new()));
        assert_eq!(values(&[Some("pro"), None]), "pro / $none");
        assert_eq!((text(Label::Everything), text(Label::Other)), (None, Some("$other".to_owned())));
    }
}
