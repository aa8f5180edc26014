//! An answer as the rows of the statements that give it on ClickHouse: a list of rows for each statement. What is zero and
//! not there is left out.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::definition::*;

type Rows = Vec<Vec<Value>>;

/// A row as a text; numbers that differ by rounding alone are the same.
pub fn line(row: &[Value]) -> String {
    row.iter().map(text).collect::<Vec<_>>().join(" ")
}

fn text(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(text).collect::<Vec<_>>().join(", ")),
        other => other.as_f64().map_or_else(|| other.to_string(), |number| format!("{:.9}", number + 0.0)),
    }
}

pub fn rows(question: &Question, answer: &Answer) -> Vec<Rows> {
    match (question, answer) {
        (Question::Trend(asked), Answer::Trend(answer)) => trend(asked, answer),
        (Question::Funnel(asked), Answer::Funnel(answer)) => funnel(asked, answer),
        (Question::Retention(asked), Answer::Retention(answer)) => retention(asked, answer),
        (Question::Paths(_), Answer::Paths(answer)) => {
            let edge = |edge: &PathEdge| vec![json!(edge.place), json!(edge.from), json!(edge.to), json!(edge.count)];
            let path = |path: &PathCount| vec![json!(path.activities), json!(path.count)];
            vec![answer.paths.iter().map(path).collect(), answer.edges.iter().map(edge).collect()]
        }
        (Question::Lifecycle(_), Answer::Lifecycle(answer)) => {
            let counts = |b: &LifecycleBucket| [b.new, b.returning, b.resurrecting, b.dormant];
            let there = answer.buckets.iter().filter(|bucket| counts(bucket).iter().any(|count| *count > 0));
            vec![there.map(|bucket| cells([json!(bucket.start_ms)], counts(bucket))).collect()]
        }
        (Question::Stickiness(_), Answer::Stickiness(answer)) => {
            let there = answer.people.iter().enumerate().filter(|(_, people)| **people > 0);
            vec![there.map(|(n, people)| vec![json!(n + 1), json!(people)]).collect()]
        }
        (Question::Sessions(asked), Answer::Sessions(answer)) => sessions(asked, answer),
        (Question::Places(asked), Answer::Places(answer)) => {
            let place = |place: &Place| {
                let counts = [place.rows, place.people, place.visits, place.people_again, place.dwell_ms];
                cells([json!(place.cell)], counts)
            };
            let all = vec![cells([], [answer.rows, answer.rows_elsewhere, answer.cells])];
            let ring = |(ring, within): (usize, &CatchmentRing)| {
                cells([json!(ring)], [within.cells, within.rows, within.people])
            };
            let rings = answer.catchment.iter().enumerate().filter(|_| answer.rows > 0).map(ring).collect();
            let rings = asked.catchment.as_ref().map(|_| rings);
            [answer.places.iter().map(place).collect(), all].into_iter().chain(rings).collect()
        }
        (Question::Cohort(asked), Answer::Cohort(answer)) => {
            let listed = answer.listed.iter().map(|id| vec![json!(id)]).collect();
            let listed = (asked.list > 0).then_some(listed);
            [vec![vec![json!(answer.people)]]].into_iter().chain(listed).collect()
        }
        (Question::Distribution(_), Answer::Distribution(answer)) => {
            let of_all = [json!(answer.count), json!(answer.sum), json!(answer.minimum), json!(answer.maximum)];
            let histogram = answer.histogram.iter().map(|count| json!(count));
            let percentiles = answer.percentiles.iter().map(|value| json!(value));
            vec![vec![of_all.into_iter().chain(histogram).chain(percentiles).collect()]]
        }
        (Question::ActivePeople(asked), Answer::ActivePeople(answer)) => {
            let date = |ms: i64| {
                let zone = zone(&asked.scope.zone).unwrap();
                Timestamp::from_millisecond(ms).unwrap().to_zoned(zone).date().to_string()
            };
            let day = |day: &ActiveDay| {
                let shares = [day.day_per_week, day.day_per_month, day.week_per_month].map(|share| json!(share));
                let counts = cells([json!(date(day.start_ms))], [day.day, day.week, day.month]);
                counts.into_iter().chain(shares).collect()
            };
            vec![answer.days.iter().filter(|day| day.month > 0).map(day).collect()]
        }
        (Question::TimeBetween(_), Answer::TimeBetween(answer)) => {
            let counts = cells([], [answer.count, answer.people, answer.sum_ms]);
            vec![vec![counts.into_iter().chain(answer.percentiles_ms.iter().map(|ms| json!(ms))).collect()]]
        }
        (Question::Ranking(_), Answer::Ranking(answer)) => {
            let row = |row: &RankedRow| {
                let names = row.activity.iter().chain(&row.person).map(|name| json!(name));
                names.chain([json!(row.rows)]).collect()
            };
            vec![answer.rows.iter().map(row).collect()]
        }
        (Question::Compare(_), Answer::Compare(answer)) => {
            let there = answer.segments.iter().enumerate().filter(|(_, segment)| segment.people > 0);
            let moments = there.map(|(place, segment)| {
                let mean = segment.sum / segment.people as f64;
                let sums = [segment.sum, segment.sum_of_squares, mean].map(|sum| json!(sum));
                [json!(place), json!(segment.people)].into_iter().chain(sums).collect()
            });
            vec![moments.collect(), vec![vec![json!(answer.in_both)]]]
        }
        (Question::Correlation(_), Answer::Correlation(answer)) => {
            let factor = |factor: &Factor| {
                let (of, name, value) = match &factor.of {
                    FactorOf::Property { name, value } => ("property", name.as_str(), value),
                    FactorOf::PersonProperty { name, value } => ("person_property", name.as_str(), value),
                    FactorOf::Activity(value) => ("activity", "", value),
                };
                let names = [json!(of), json!(name), json!(value)];
                let counts =
                    [factor.converted_with, factor.dropped_with, factor.converted_without, factor.dropped_without];
                let numbers = [factor.odds_ratio, factor.p, factor.q].map(|number| json!(number));
                cells(names, counts).into_iter().chain(numbers).chain([json!(factor.test)]).collect()
            };
            let all = vec![cells([], [answer.entered, answer.converted, answer.tested])];
            vec![all, answer.factors.iter().map(factor).collect()]
        }
        (Question::People(_), Answer::People(answer)) => {
            vec![vec![vec![json!(answer.people)]], answer.listed.iter().map(|id| vec![json!(id)]).collect()]
        }
        _ => Vec::new(),
    }
}

fn cells<const A: usize, const B: usize>(first: [Value; A], counts: [u64; B]) -> Vec<Value> {
    first.into_iter().chain(counts.map(|count| json!(count))).collect()
}

/// A part of a breakdown as statements name it.
fn part(label: &Label) -> Value {
    match label {
        Label::Values(values) => json!(json!(values).to_string()),
        _ => json!("$other"),
    }
}

/// Each cohort of a breakdown alone; without any, everything.
fn labels(cohorts: &[NamedCohort]) -> Vec<Option<Label>> {
    let named: Vec<_> = cohorts.iter().map(|named| Some(Label::Cohort(named.name.clone()))).collect();
    if named.is_empty() { vec![None] } else { named }
}

fn trend(asked: &Trend, answer: &TrendAnswer) -> Vec<Rows> {
    let mut all = Vec::new();
    for label in labels(&asked.cohorts) {
        for answer in [answer].into_iter().chain(answer.previous.as_deref()) {
            for series in 0..asked.series.len() + asked.formulas.len() {
                let lines = answer.lines.iter().filter(|line| line.series == series);
                let lines = lines.filter(|line| label.as_ref().is_none_or(|label| line.label == *label));
                // Lines of formulas, and what runs on, have every bucket.
                let is_whole = series >= asked.series.len() || asked.running != Running::Each;
                all.push(lines.flat_map(|line| values(asked, answer, line, is_whole)).collect());
            }
        }
    }
    all
}

fn values(asked: &Trend, answer: &TrendAnswer, line: &TrendLine, is_whole: bool) -> Rows {
    let measured = asked.series.get(line.series).map_or(&[][..], |series| &series.measures);
    let is_there = |place: &usize| {
        // Who is new in a bucket may do nothing of the kind in it.
        let new = measured.iter().zip(&line.measures).filter(|(measure, _)| **measure == Measure::NewPeople);
        let mut counts = new.map(|(_, values)| values).chain(line.measures.last());
        is_whole || counts.any(|values| values[*place].is_some_and(|count| count > 0.0))
    };
    let row = |place: usize| {
        let label = asked.breakdown.as_ref().map(|_| part(&line.label));
        let values = line.measures.iter().map(|measure| json!(measure[place]));
        [json!(answer.buckets[place])].into_iter().chain(label).chain(values).collect()
    };
    (0..answer.buckets.len()).filter(is_there).map(row).collect()
}

fn funnel(asked: &Funnel, answer: &FunnelAnswer) -> Vec<Rows> {
    let mut all = Vec::new();
    for label in labels(&asked.cohorts) {
        let groups: Vec<&FunnelGroup> = answer
            .groups
            .iter()
            .filter(|group| group.reached[0] > 0 && label.as_ref().is_none_or(|label| group.label == *label))
            .collect();
        let name = |group: &FunnelGroup| match &asked.breakdown {
            None => None,
            Some(breakdown) if breakdown.top.is_none() => Some(json!(group.value)),
            Some(_) => Some(part(&group.label)),
        };
        let row = |group: &FunnelGroup, cells: Vec<Value>| name(group).into_iter().chain(cells).collect();
        let counts = |reached: &[u64]| reached.iter().map(|people| json!(people)).collect::<Vec<_>>();
        all.push(groups.iter().map(|group| row(group, counts(&group.reached))).collect());
        let converted = || groups.iter().filter(|group| !group.converted_ms.is_empty());
        let spread = converted().map(|group| {
            let histogram = group.times.iter().flat_map(|times| &times.histogram).map(|people| json!(people));
            let of_all = [json!(group.reached.last()), json!(group.mean_ms)];
            row(group, of_all.into_iter().chain(times(&group.converted_ms)).chain(histogram).collect())
        });
        all.push(spread.collect());
        if asked.trend.is_some() {
            let of_group = |group: &&FunnelGroup| -> Rows {
                let there = group.trend.iter().filter(|bucket| bucket.reached[0] > 0);
                let bucket = |bucket: &FunnelBucket| {
                    let cells = [json!(bucket.start_ms)].into_iter().chain(counts(&bucket.reached));
                    row(group, cells.collect())
                };
                there.map(bucket).collect()
            };
            all.push(groups.iter().flat_map(of_group).collect());
        }
        if asked.times.is_some() && asked.order != FunnelOrder::Unordered && asked.steps.len() > 1 {
            let of_group = |group: &&FunnelGroup| -> Rows {
                let steps = group.times.iter().flat_map(|times| &times.steps).enumerate();
                let step = |(place, step): (usize, &StepTimes)| {
                    let of_all = [json!(place + 1), json!(step.mean_ms)];
                    row(group, of_all.into_iter().chain(times(&step.times_ms)).collect())
                };
                steps.map(step).collect()
            };
            all.push(converted().flat_map(of_group).collect());
        }
    }
    all
}

fn times(percentiles: &[i64]) -> impl Iterator<Item = Value> {
    percentiles.iter().map(|time| json!(time))
}

fn retention(asked: &Retention, answer: &RetentionAnswer) -> Vec<Rows> {
    let mut all = both(&answer.cohorts, None).to_vec();
    if asked.breakdown.is_some() {
        let parts = answer.groups.iter().map(|group| both(&group.cohorts, Some(part(&group.label))));
        let (returned, started): (Vec<Rows>, Vec<Rows>) = parts.map(|[returned, started]| (returned, started)).unzip();
        all.extend([returned.concat(), started.concat()]);
    }
    let named = answer.groups.iter().filter(|group| matches!(group.label, Label::Cohort(_)));
    all.extend(named.flat_map(|group| both(&group.cohorts, None)));
    all
}

/// Who returned, and who started.
fn both(cohorts: &[RetentionCohort], part: Option<Value>) -> [Rows; 2] {
    let start = |cohort: &RetentionCohort| [json!(cohort.start_ms)].into_iter().chain(part.clone()).collect::<Vec<_>>();
    let returned = |cohort: &RetentionCohort| -> Rows {
        let there = cohort.returned.iter().enumerate().filter(|(_, people)| **people > 0);
        there.map(|(k, people)| start(cohort).into_iter().chain([json!(k), json!(people)]).collect()).collect()
    };
    let started = cohorts.iter().filter(|cohort| cohort.people > 0);
    let started = started.map(|cohort| start(cohort).into_iter().chain([json!(cohort.people)]).collect());
    [cohorts.iter().flat_map(returned).collect(), started.collect()]
}

fn sessions(asked: &Sessions, answer: &SessionsAnswer) -> Vec<Rows> {
    let there = |buckets: &[SessionBucket], part: Option<Value>| -> Rows {
        let there = buckets.iter().filter(|bucket| bucket.sessions > 0);
        let row = |b: &SessionBucket| {
            let counts = [b.sessions, b.duration_ms, b.bounces, b.rows].map(|count| json!(count));
            [json!(b.start_ms)].into_iter().chain(part.clone()).chain(counts).collect()
        };
        there.map(row).collect()
    };
    let groups = answer.groups.iter().flat_map(|group| there(&group.buckets, Some(part(&group.label)))).collect();
    let groups = asked.breakdown.as_ref().map(|_| groups);
    let ends = [&answer.entries, &answer.exits]
        .map(|ends| ends.iter().map(|(name, sessions)| vec![json!(name), json!(sessions)]).collect());
    [there(&answer.buckets, None)].into_iter().chain(groups).chain(ends).collect()
}
