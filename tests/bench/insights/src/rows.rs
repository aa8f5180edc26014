//! Answers as the rows that the expected file has.

use footfall_pipelines_insights::definition::{Answer, FunnelGroup, Label};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::questions::{DAY, START};

/// The rows of a question's answers.
pub fn rows(question: &str, answers: &[Answer]) -> Vec<Value> {
    match answers {
        [Answer::Trend(trend)] => {
            let mut rows: Vec<(i64, String, Value)> = Vec::new();
            for line in &trend.lines {
                for (bucket, &start) in trend.buckets.iter().enumerate() {
                    let value = |measure: usize| line.measures[measure][bucket].unwrap_or_default() as u64;
                    let name = match &line.label {
                        Label::Values(values) => values[0].clone().unwrap_or_default(),
                        _ => "$other".to_owned(),
                    };
                    let row = match line.label {
                        Label::Everything => json!([date(start), value(0), value(1)]),
                        _ => json!([date(start), name, value(0), value(1)]),
                    };
                    if value(0) > 0 {
                        rows.push((start, name, row));
                    }
                }
            }
            rows.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
            rows.into_iter().map(|(.., row)| row).collect()
        }
        [Answer::Funnel(funnel)] if question == "q4" => funnel.groups.iter().map(by_value).collect(),
        [Answer::Funnel(funnel)] => {
            funnel.groups.iter().map(|group| levels(group, vec![], vec![json!(group.median_ms())])).collect()
        }
        [Answer::Retention(retention)] if question == "q6" => {
            let days = retention.cohorts.len();
            let row = |n: usize| {
                let eligible = &retention.cohorts[..days - n];
                let people: u64 = eligible.iter().map(|cohort| cohort.people).sum();
                let returned: u64 = eligible.iter().map(|cohort| cohort.returned[n]).sum();
                json!([n, people, returned])
            };
            (0..=30).map(row).collect()
        }
        [Answer::Retention(retention)] => {
            let cohorts = retention.cohorts.iter().enumerate();
            let cells = cohorts
                .flat_map(|(w, cohort)| cohort.returned.iter().enumerate().map(move |(k, &people)| (w, k, people)));
            cells.filter(|&(.., people)| people > 0).map(|(w, k, people)| json!([w, k, people])).collect()
        }
        [Answer::Sessions(sessions)] => {
            let days = sessions.buckets.iter().filter(|day| day.sessions > 0);
            days.map(|day| json!([date(day.start_ms), day.sessions, day.duration_ms, day.bounces])).collect()
        }
        [Answer::Paths(paths)] => {
            let row = |path: &footfall_pipelines_insights::definition::PathCount| {
                json!([path.activities[0], path.activities[1], path.activities[2], path.count])
            };
            paths.paths.iter().map(row).collect()
        }
        [Answer::Lifecycle(lifecycle)] => {
            let weeks = lifecycle.buckets.iter();
            let week = |start: i64| (start - START) / (7 * DAY);
            weeks.map(|w| json!([week(w.start_ms), w.new, w.returning, w.resurrecting, w.dormant])).collect()
        }
        [Answer::Stickiness(stickiness)] => {
            let counts = stickiness.people.iter().enumerate().filter(|(_, people)| **people > 0);
            counts.map(|(index, people)| json!([index + 1, people])).collect()
        }
        [Answer::Ranking(ranking)] => {
            ranking.rows.iter().map(|row| json!([row.activity, row.person, row.rows])).collect()
        }
        [Answer::Cohort(cohort), Answer::Ranking(ranking)] => {
            let first = json!(["#users", cohort.people]);
            std::iter::once(first).chain(ranking.rows.iter().map(|row| json!([row.activity, row.rows]))).collect()
        }
        _ => Vec::new(),
    }
}

fn by_value(group: &FunnelGroup) -> Value {
    levels(group, vec![json!(group.value)], vec![])
}

fn levels(group: &FunnelGroup, mut before: Vec<Value>, after: Vec<Value>) -> Value {
    before.extend(group.reached.iter().map(|people| json!(people)));
    before.extend(after);
    Value::Array(before)
}

fn date(time_ms: i64) -> String {
    Timestamp::from_millisecond(time_ms).map(|time| time.to_string()[..10].to_owned()).unwrap_or_default()
}
