//! How many rows a question is about, before anything is read: for who has to choose which question is next.

use crate::definition::{PeopleOf, Question};
use crate::projection::Snapshot;

/// Rows of the activities that a question selects, as often as it goes over them. It is no bound: spans leave rows out, and
/// sessions stand for many.
pub fn rows_about(snapshot: &Snapshot, question: &Question) -> u64 {
    let mut rows = 0u64;
    question.each_selector(&mut |select| rows = rows.saturating_add(snapshot.rows_named(&select.activities)));
    rows.max(1).saturating_mul(passes(question))
}

/// How often the same is done for parts of the answer.
fn passes(question: &Question) -> u64 {
    let with = |cohorts: usize, again: bool| (cohorts.max(1) as u64) * if again { 2 } else { 1 };
    match question {
        Question::Trend(asked) => with(asked.cohorts.len(), asked.previous),
        Question::Funnel(asked) => with(asked.cohorts.len(), asked.trend.is_some() || asked.times.is_some()),
        Question::Retention(asked) => with(asked.cohorts.len(), asked.breakdown.is_some()),
        Question::Correlation(_) => 2,
        Question::People(PeopleOf::Trend(asked)) => with(0, asked.question.breakdown.is_some()),
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::HashMap;
    use std::sync::Arc;

    use super::*;
    use crate::definition::{
        Bucket, Cohort, Lifecycle, Measure, NamedCohort, RankBy, Ranking, Running, Scope, Selector, Series, Trend,
    };
    use crate::projection::{Dictionaries, Rows};

    #[test]
    fn rows_of_the_activities_as_often_as_they_are_gone_over() {
        let dictionaries = Dictionaries::new(&[]);
        let mut rows = Rows::new(&dictionaries);
        for number in 0..30u32 {
            rows.persons.push(dictionaries.persons.intern(&format!("p{}", number % 4)));
            rows.times.push(i64::from(number));
            let name = if number < 5 { "buy" } else { "view" };
            rows.activities.push(dictionaries.activities.intern(name) as u16);
        }
        let run = Arc::new(rows.into_run(&dictionaries).unwrap());
        let snapshot = Snapshot::new(dictionaries, vec![run], &HashMap::new(), Vec::new()).unwrap();
        let about = |question: Question| rows_about(&snapshot, &question);
        let ranking =
            |select| Question::Ranking(Ranking { scope: Scope::utc(0, 9), select, by: RankBy::Person, top: 1 });
        assert_eq!(about(ranking(Selector::any())), 30);
        assert_eq!(about(ranking(Selector::named("buy"))), 5);
        assert_eq!(about(ranking(Selector::named("never"))), 1);
        let did = Cohort::Did { select: Selector::named("buy"), from_ms: 0, until_ms: 9, at_least: 1, at_most: None };
        let of_buyers = Scope { people: Some(did.clone()), ..Scope::utc(0, 9) };
        let select = Selector::named("view");
        assert_eq!(about(Question::Lifecycle(Lifecycle { scope: of_buyers, bucket: Bucket::Day, select })), 30);
        let named = NamedCohort { name: "buyers".to_owned(), cohort: did };
        let series = Series { select: Selector::named("buy"), measures: vec![Measure::Count] };
        let trend = Trend {
            scope: Scope::utc(0, 9),
            series: vec![series],
            bucket: Bucket::Day,
            breakdown: None,
            cohorts: vec![named.clone(), named],
            formulas: Vec::new(),
            running: Running::Each,
            previous: true,
        };
        // A series and two groups of buyers, for each group and the span before.
        assert_eq!(about(Question::Trend(trend)), (5 + 2 * 5) * 2 * 2);
    }
}
