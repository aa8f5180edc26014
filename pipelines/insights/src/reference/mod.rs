//! The questions answered naively, from the words of their definitions: lists of rows, gone through as often as it
//! takes. Tests compare the engine with this; it is written to be read, not to be fast.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod activities;
mod cells;
mod cohort;
mod division;
mod exposures;
mod funnel;
mod funnel_times;
mod paths;
mod people;
mod places;
mod rows;
mod segments;
mod sessions;
mod trend;

use std::collections::BTreeMap;

use crate::definition::{
    Answer, Buckets, Cohort, Comparison, Condition, Question, Scope, Selector, SessionComparison, SessionProperty,
    is_sampled, sql_column,
};

/// One activity, of the person it belongs to now.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub person: String,
    pub time_ms: i64,
    pub activity: String,
    pub texts: BTreeMap<String, String>,
    pub numbers: BTreeMap<String, f64>,
}

/// All rows, each once, and the properties of persons.
#[derive(Debug, Clone, Default)]
pub struct World {
    pub rows: Vec<Row>,
    pub traits: BTreeMap<String, BTreeMap<String, String>>,
    /// Properties of groups, by type and key.
    pub groups: BTreeMap<(String, String), BTreeMap<String, String>>,
}

impl World {
    /// The answer to a question that is sound.
    pub fn answer(&self, question: &Question) -> Answer {
        match question {
            Question::Trend(trend) => Answer::Trend(self.trend(trend)),
            Question::Funnel(funnel) => Answer::Funnel(self.funnel(funnel)),
            Question::Retention(retention) => Answer::Retention(self.retention(retention)),
            Question::Paths(paths) => Answer::Paths(self.paths(paths)),
            Question::Lifecycle(lifecycle) => Answer::Lifecycle(self.lifecycle(lifecycle)),
            Question::Stickiness(stickiness) => Answer::Stickiness(self.stickiness(stickiness)),
            Question::Sessions(sessions) => Answer::Sessions(self.sessions(sessions)),
            Question::Cohort(people) => Answer::Cohort(self.cohort_people(people)),
            Question::Distribution(distribution) => Answer::Distribution(self.distribution(distribution)),
            Question::ActivePeople(active) => Answer::ActivePeople(self.active_people(active)),
            Question::TimeBetween(between) => Answer::TimeBetween(self.time_between(between)),
            Question::Ranking(ranking) => Answer::Ranking(self.ranking(ranking)),
            Question::Correlation(asked) => Answer::Correlation(self.correlation(asked)),
            Question::Compare(asked) => Answer::Compare(self.compare(asked)),
            Question::Places(asked) => Answer::Places(self.places(asked)),
            Question::People(of) => Answer::People(self.people_of(of)),
            Question::Activities(of) => Answer::Activities(self.activities_of(of)),
            Question::Exposures(asked) => Answer::Exposures(self.exposures(asked)),
        }
    }

    /// Every person with rows.
    fn persons(&self) -> Vec<String> {
        let mut persons: Vec<String> = self.rows.iter().map(|row| row.person.clone()).collect();
        persons.sort();
        persons.dedup();
        persons
    }

    /// The persons a scope is limited to.
    fn persons_of(&self, scope: &Scope) -> Vec<String> {
        let mut persons = self.persons();
        persons.retain(|person| scope.people.as_ref().is_none_or(|cohort| self.is_in(cohort, person)));
        persons.retain(|person| scope.sample.is_none_or(|share| is_sampled(person, share)));
        persons
    }

    /// A person's rows by time, then name.
    fn rows_of(&self, person: &str) -> Vec<&Row> {
        let mut rows: Vec<&Row> = self.rows.iter().filter(|row| row.person == person).collect();
        rows.sort_by(|a, b| (a.time_ms, &a.activity).cmp(&(b.time_ms, &b.activity)));
        rows
    }

    /// Rows of the scope that match.
    fn matching(&self, scope: &Scope, selector: &Selector) -> Vec<&Row> {
        let persons = self.persons_of(scope);
        let counts =
            |row: &&Row| scope.contains(row.time_ms) && persons.contains(&row.person) && self.matches(selector, row);
        self.rows.iter().filter(counts).collect()
    }

    fn matches(&self, selector: &Selector, row: &Row) -> bool {
        let named = selector.activities.is_empty() || selector.activities.contains(&row.activity);
        named && selector.condition.as_ref().is_none_or(|condition| self.meets(condition, row))
    }

    fn meets(&self, condition: &Condition, row: &Row) -> bool {
        match condition {
            Condition::All(all) => all.iter().all(|one| self.meets(one, row)),
            Condition::Any(any) => any.iter().any(|one| self.meets(one, row)),
            Condition::Not(one) => !self.meets(one, row),
            Condition::Property(Comparison { property, test }) if ["n", "lat", "lon"].contains(&property.as_str()) => {
                test.tester().unwrap().of_number(row.numbers.get(property).copied())
            }
            Condition::Property(Comparison { property, test }) => {
                test.tester().unwrap().of_text(row.texts.get(property).map(String::as_str))
            }
            Condition::Person(comparison) => self.person_meets(comparison, &row.person),
            Condition::Session(SessionComparison { property, test }) => {
                let rows = self.rows_of(&row.person);
                let mut sessions = rows.chunk_by(|a, b| b.time_ms - a.time_ms <= 30 * 60_000);
                let session = sessions.find(|session| session.iter().any(|one| std::ptr::eq(*one, row))).unwrap();
                let (first, last, tester) = (session[0], session[session.len() - 1], test.tester().unwrap());
                match property {
                    SessionProperty::DurationMs => tester.of_number(Some((last.time_ms - first.time_ms) as f64)),
                    SessionProperty::Rows => tester.of_number(Some(session.len() as f64)),
                    SessionProperty::Entry => tester.of_text(Some(&first.activity)),
                    SessionProperty::Exit => tester.of_text(Some(&last.activity)),
                }
            }
            Condition::Group(asked) => {
                let key = row.texts.get(&asked.column());
                let value = match &asked.property {
                    None => key,
                    Some(property) => {
                        let group = key.and_then(|key| self.groups.get(&(asked.group.clone(), key.clone())));
                        group.and_then(|group| group.get(property))
                    }
                };
                asked.test.tester().unwrap().of_text(value.map(String::as_str))
            }
            Condition::Sql(expression) => row.texts.get(&sql_column(expression)).is_some_and(|text| text == "true"),
            Condition::Cohort(cohort) => self.is_in(cohort, &row.person),
        }
    }

    fn person_meets(&self, comparison: &Comparison, person: &str) -> bool {
        let value = self.traits.get(person).and_then(|traits| traits.get(&comparison.property));
        comparison.test.tester().unwrap().of_text(value.map(String::as_str))
    }
}

/// The scope, limited to a group too.
fn scope_of(scope: &Scope, cohort: &Cohort) -> Scope {
    let people = Cohort::All(scope.people.iter().cloned().chain([cohort.clone()]).collect());
    Scope { people: Some(people), ..scope.clone() }
}

/// The buckets that a question is cut into.
fn buckets_of(bucket: crate::definition::Bucket, scope: &Scope, before: usize) -> Vec<(i64, i64)> {
    let buckets = Buckets::new(bucket, &scope.zone, scope.from_ms, scope.until_ms, before).unwrap();
    let starts = buckets.starts();
    let ends = starts[1..].iter().copied().chain([buckets.until_ms()]);
    starts.iter().copied().zip(ends).collect()
}

/// The sum of numbers as if none were rounded on the way: parts that do not overlap are kept, the smallest first.
fn total(numbers: impl IntoIterator<Item = f64>) -> f64 {
    let mut parts: Vec<f64> = Vec::new();
    for number in numbers {
        let (mut rest, mut kept) = (number, Vec::new());
        for part in parts {
            let (large, small) = if rest.abs() < part.abs() { (part, rest) } else { (rest, part) };
            rest = large + small;
            kept.extend(Some(small - (rest - large)).filter(|lost| *lost != 0.0));
        }
        kept.push(rest);
        parts = kept;
    }
    parts.into_iter().fold(0.0, |sum, part| sum + part)
}

fn percentile<T: Copy>(ascending: &[T], rank: f64) -> Option<T> {
    if ascending.is_empty() { None } else { Some(ascending[((ascending.len() - 1) as f64 * rank).floor() as usize]) }
}
