//! Parts of answers that have rows of their own, as the edges of paths: a text behind the definition names them.

use footfall_pipelines_insights::definition::{
    Answer, FunnelAnswer, FunnelGroup, FunnelOrder, FunnelTimesAnswer, Question,
};

use super::columns::Kind::{Count, Number, Text, Time};
use super::columns::{Cell, Columns, KINDS, lines, value_of};

/// What a call gives rows of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    pub kind: &'static str,
    /// Of the answer itself where it is absent.
    pub part: Option<Part>,
}

/// A part of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// The span before a trend's.
    Previous,
    FunnelTrend,
    /// The percentiles of the times to convert.
    FunnelPercentiles,
    /// Their histogram.
    FunnelTimes,
    /// The times from step to step.
    FunnelSteps,
    Edges,
    Entries,
    Exits,
    Spread,
    Percentiles,
    Correlated,
    Everywhere,
}

/// Kinds, and how their parts are named.
const PARTS: &[(&str, &str, Part)] = &[
    ("trend", "previous", Part::Previous),
    ("funnel", "trend", Part::FunnelTrend),
    ("funnel", "percentiles", Part::FunnelPercentiles),
    ("funnel", "times", Part::FunnelTimes),
    ("funnel", "steps", Part::FunnelSteps),
    ("paths", "edges", Part::Edges),
    ("sessions", "entries", Part::Entries),
    ("sessions", "exits", Part::Exits),
    ("distribution", "totals", Part::Spread),
    ("time_between", "percentiles", Part::Percentiles),
    ("correlation", "totals", Part::Correlated),
    ("places", "totals", Part::Everywhere),
];

impl Shape {
    /// That of a call which names these.
    pub fn of(kind: &str, part: Option<&str>) -> Result<Shape, String> {
        let known = KINDS.iter().copied().find(|known| *known == kind);
        let kind = known.ok_or_else(|| format!("there is no kind {kind:?}; there are {}", KINDS.join(", ")))?;
        let Some(name) = part else { return Ok(Shape { kind, part: None }) };
        let of_kind: Vec<&(&str, &str, Part)> = PARTS.iter().filter(|one| one.0 == kind).collect();
        match of_kind.iter().find(|one| one.1 == name) {
            Some(one) => Ok(Shape { kind, part: Some(one.2) }),
            None if of_kind.is_empty() => Err("has one table, without parts".to_owned()),
            None => {
                let names: Vec<&str> = of_kind.iter().map(|one| one.1).collect();
                Err(format!("there is no part {name:?}; there are {}", names.join(", ")))
            }
        }
    }

    /// Refuses a part that the answer has only if the definition asks for it.
    pub fn check(self, question: &Question) -> Result<(), String> {
        let asks = match (self.part, question) {
            (Some(Part::Previous), Question::Trend(asked)) if !asked.previous => r#""previous": true"#,
            (Some(Part::FunnelTrend), Question::Funnel(asked)) if asked.trend.is_none() => r#""trend": "day""#,
            (Some(Part::FunnelTimes | Part::FunnelSteps), Question::Funnel(asked)) if asked.times.is_none() => {
                r#""times": {}"#
            }
            (Some(Part::FunnelSteps), Question::Funnel(asked)) if asked.order == FunnelOrder::Unordered => {
                return Err("an unordered funnel has no next step".to_owned());
            }
            (Some(Part::Percentiles), Question::TimeBetween(asked)) if asked.ranks.is_empty() => r#""ranks": [0.5]"#,
            _ => return Ok(()),
        };
        Err(format!("the definition has to ask for this part, as with {asks}"))
    }
}

pub(super) fn columns(part: Part) -> Columns {
    match part {
        Part::Previous => {
            &[("series", Count), ("label", Text), ("bucket", Time), ("measure", Count), ("value", Number)]
        }
        Part::FunnelTrend => &[("value", Text), ("bucket", Time), ("step", Count), ("people", Count)],
        Part::FunnelPercentiles => &[
            ("value", Text),
            ("p0_ms", Count),
            ("p10_ms", Count),
            ("p25_ms", Count),
            ("median_ms", Count),
            ("p75_ms", Count),
            ("p90_ms", Count),
            ("p100_ms", Count),
        ],
        Part::FunnelTimes => &[("value", Text), ("at_least_ms", Count), ("below_ms", Count), ("people", Count)],
        Part::FunnelSteps => &[
            ("value", Text),
            ("step", Count),
            ("mean_ms", Number),
            ("p0_ms", Count),
            ("p10_ms", Count),
            ("p25_ms", Count),
            ("median_ms", Count),
            ("p75_ms", Count),
            ("p90_ms", Count),
            ("p100_ms", Count),
        ],
        Part::Edges => &[("place", Count), ("event", Text), ("next_event", Text), ("count", Count)],
        Part::Entries | Part::Exits => &[("event", Text), ("sessions", Count)],
        Part::Spread => &[("count", Count), ("sum", Number), ("minimum", Number), ("maximum", Number)],
        Part::Percentiles => &[("place", Count), ("rank", Number), ("percentile_ms", Count)],
        Part::Correlated => &[("entered", Count), ("converted", Count), ("tested", Count)],
        Part::Everywhere => &[("rows", Count), ("rows_elsewhere", Count), ("cells", Count)],
    }
}

pub(super) fn cells(part: Part, question: &Question, answer: &Answer) -> Vec<Vec<Cell>> {
    match (part, answer) {
        (Part::Previous, Answer::Trend(trend)) => trend.previous.as_deref().map(lines).unwrap_or_default(),
        (Part::FunnelTrend, Answer::Funnel(funnel)) => trend_of(funnel),
        (Part::FunnelPercentiles, Answer::Funnel(funnel)) => funnel.groups.iter().map(percentiles).collect(),
        (Part::FunnelTimes, Answer::Funnel(funnel)) => timed(funnel).flat_map(|(of, times)| bins(of, times)).collect(),
        (Part::FunnelSteps, Answer::Funnel(funnel)) => timed(funnel).flat_map(|(of, times)| steps(of, times)).collect(),
        (Part::Edges, Answer::Paths(paths)) => paths
            .edges
            .iter()
            .map(|edge| {
                let names = [&edge.from, &edge.to].map(|name| Cell::Text(name.clone()));
                [Cell::count(edge.place as u64)].into_iter().chain(names).chain([Cell::count(edge.count)]).collect()
            })
            .collect(),
        (Part::Entries, Answer::Sessions(sessions)) => counted(&sessions.entries),
        (Part::Exits, Answer::Sessions(sessions)) => counted(&sessions.exits),
        (Part::Spread, Answer::Distribution(spread)) => {
            let [minimum, maximum] = [spread.minimum, spread.maximum].map(Cell::number);
            vec![vec![Cell::count(spread.count), Cell::Number(spread.sum), minimum, maximum]]
        }
        (Part::Percentiles, Answer::TimeBetween(between)) => {
            let ranks = match question {
                Question::TimeBetween(asked) => asked.ranks.clone(),
                _ => Vec::new(),
            };
            let row = |(place, (&rank, time)): (u64, (&f64, &Option<i64>))| {
                vec![Cell::count(place), Cell::Number(rank), time.map_or(Cell::Null, Cell::Count)]
            };
            (0u64..).zip(ranks.iter().zip(&between.percentiles_ms)).map(row).collect()
        }
        (Part::Correlated, Answer::Correlation(of)) => counts([of.entered, of.converted, of.tested]),
        (Part::Everywhere, Answer::Places(places)) => counts([places.rows, places.rows_elsewhere, places.cells]),
        // A question has the answer of its kind.
        _ => Vec::new(),
    }
}

fn trend_of(funnel: &FunnelAnswer) -> Vec<Vec<Cell>> {
    let mut rows = Vec::new();
    for group in &funnel.groups {
        for bucket in &group.trend {
            rows.extend((1u64..).zip(&bucket.reached).map(|(step, &people)| {
                vec![value_of(group), Cell::Time(bucket.start_ms), Cell::count(step), Cell::count(people)]
            }));
        }
    }
    rows
}

fn percentiles(of: &FunnelGroup) -> Vec<Cell> {
    let count = columns(Part::FunnelPercentiles).len() - 1;
    [value_of(of)].into_iter().chain((0..count).map(|place| Cell::at(&of.converted_ms, place))).collect()
}

/// Groups with how their times spread.
fn timed(funnel: &FunnelAnswer) -> impl Iterator<Item = (&FunnelGroup, &FunnelTimesAnswer)> {
    funnel.groups.iter().filter_map(|group| Some((group, group.times.as_ref()?)))
}

fn bins(of: &FunnelGroup, times: &FunnelTimesAnswer) -> Vec<Vec<Cell>> {
    let bin = |(place, &people): (usize, &u64)| {
        let at_least = place.checked_sub(1).map_or(Cell::Null, |place| Cell::at(&times.bounds_ms, place));
        vec![value_of(of), at_least, Cell::at(&times.bounds_ms, place), Cell::count(people)]
    };
    times.histogram.iter().enumerate().map(bin).collect()
}

fn steps(of: &FunnelGroup, times: &FunnelTimesAnswer) -> Vec<Vec<Cell>> {
    let percentiles = columns(Part::FunnelSteps).len() - 3;
    let steps = (1u64..).zip(&times.steps).map(|(step, spread)| {
        let own = [value_of(of), Cell::count(step), Cell::number(spread.mean_ms)];
        own.into_iter().chain((0..percentiles).map(|place| Cell::at(&spread.times_ms, place))).collect()
    });
    steps.collect()
}

fn counted(sessions: &[(String, u64)]) -> Vec<Vec<Cell>> {
    sessions.iter().map(|(event, count)| vec![Cell::Text(event.clone()), Cell::count(*count)]).collect()
}

/// The only row.
fn counts(counts: [u64; 3]) -> Vec<Vec<Cell>> {
    vec![counts.map(Cell::count).into_iter().collect()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_those_of_their_kinds() {
        for &(kind, name, part) in PARTS {
            assert_eq!(Shape::of(kind, Some(name)), Ok(Shape { kind, part: Some(part) }));
        }
        let refused = |kind, part| Shape::of(kind, Some(part)).err().unwrap_or_default();
        assert_eq!(refused("sessions", "edges"), r#"there is no part "edges"; there are entries, exits"#);
        assert_eq!(refused("ranking", "edges"), "has one table, without parts");
        assert!(refused("tend", "edges").starts_with(r#"there is no kind "tend""#));
    }
}
