//! The activities of random numbers, page by page, against the reference.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::given::{Given, given};
use super::{ask, asked, cases, cells};
use crate::definition::*;
use crate::projection::Snapshot;
use crate::reference::{Row, World};

/// Every page of so many.
fn pages(snapshot: &Snapshot, of: &PeopleOf, limit: usize) -> Vec<ActivitiesAnswer> {
    let mut all: Vec<ActivitiesAnswer> = Vec::new();
    loop {
        let after = all.last().and_then(|last| last.next.clone());
        if !all.is_empty() && after.is_none() {
            return all;
        }
        let question = Question::Activities(ActivitiesOf { of: of.clone(), limit, after });
        let Answer::Activities(answer) = ask(snapshot, &question, 2) else { panic!("activities") };
        assert!(all.len() < 2_000, "pages come to an end");
        all.push(answer);
    }
}

fn text_of(row: &Row, name: &str) -> Option<String> {
    row.numbers.get(name).map(f64::to_string).or_else(|| row.texts.get(name).cloned())
}

fn check(snapshot: &Snapshot, world: &World, of: &PeopleOf, limit: usize) -> Result<(), TestCaseError> {
    let (pages, want) = (pages(snapshot, of, limit), world.cell_rows(of));
    let listed: Vec<&CountedActivity> = pages.iter().flat_map(|page| &page.listed).collect();
    let got: Vec<_> = listed.iter().map(|one| (one.time_ms, &one.person, &one.activity)).collect();
    let wanted: Vec<_> = want.iter().map(|row| (row.time_ms, &row.person, &row.activity)).collect();
    prop_assert_eq!(&got, &wanted, "asked {:?}", of);
    prop_assert!(pages.iter().all(|page| page.activities == want.len() as u64));
    // Values are those of rows, each as often as there are such rows.
    let columns = &pages[0].columns;
    let mut of_rows: BTreeMap<_, usize> = BTreeMap::new();
    for row in &want {
        let values: Vec<_> = columns.iter().map(|column| text_of(row, &column.name)).collect();
        *of_rows.entry((row.time_ms, &row.person, &row.activity, values)).or_default() += 1;
    }
    for one in &listed {
        let left = of_rows.get_mut(&(one.time_ms, &one.person, &one.activity, one.values.clone()));
        let left = left.filter(|left| **left > 0);
        prop_assert!(left.is_some(), "{:?} is no row, asked {:?}", one, of);
        left.into_iter().for_each(|left| *left -= 1);
    }
    Ok(())
}

fn with_activities(question: &Question) -> Option<PeopleOf> {
    let of = match question {
        Question::People(of) => of,
        Question::Cohort(CohortPeople { cohort: Cohort::InCell(of), .. }) => of,
        _ => return None,
    };
    let has = matches!(
        of,
        PeopleOf::Trend(_)
            | PeopleOf::Retention(_)
            | PeopleOf::Lifecycle(_)
            | PeopleOf::Stickiness(_)
            | PeopleOf::Distribution(_)
            | PeopleOf::ActivePeople(_)
            | PeopleOf::Places(_)
            | PeopleOf::Ranking(_)
    );
    has.then(|| of.clone())
}

fn check_all(given: &Given, questions: &[Question], limit: usize) -> Result<(), TestCaseError> {
    let folder = tempfile::tempdir().unwrap();
    for (_, snapshot, world) in &given.build(folder.path()) {
        let questions = questions.iter().map(|question| given.of_season(question));
        for of in questions.filter_map(|question| with_activities(&question)) {
            check(snapshot, world, &of, limit)?;
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(96))]

    #[test]
    fn activities_of_numbers_are_the_references(given in given(), asked in prop::collection::vec(cells::cell(), 8), limit in 1usize..9) {
        check_all(&given, &asked, limit)?;
    }

    /// What is clicked is what is listed: the count of each cell of a trend.
    #[test]
    fn as_many_are_listed_as_were_counted(given in given(), question in asked::trend()) {
        let folder = tempfile::tempdir().unwrap();
        let Question::Trend(mut trend) = given.of_season(&question) else { panic!("a trend") };
        trend.series.truncate(1);
        trend.series[0].measures = vec![Measure::Count];
        (trend.running, trend.previous, trend.formulas) = (Running::Each, false, Vec::new());
        for (_, snapshot, _) in &given.build(folder.path()) {
            let Answer::Trend(answer) = ask(snapshot, &Question::Trend(trend.clone()), 1) else { panic!("a trend") };
            for line in answer.lines.iter().take(3) {
                for (&bucket_ms, value) in answer.buckets.iter().zip(&line.measures[0]).take(3) {
                    let inside = bucket_ms.max(trend.scope.from_ms);
                    let cell = TrendCell { bucket_ms: Some(inside), label: line.label.clone(), ..TrendCell::default() };
                    let of = TrendPeople { question: trend.clone(), cell, limit: 0, after: None };
                    let page = &pages(snapshot, &PeopleOf::Trend(of), 1_000)[0];
                    prop_assert_eq!(Some(page.activities as f64), *value);
                }
            }
        }
    }
}

#[test]
fn numbers_of_people_alone_have_no_activities() {
    let cohort = CohortPeople { cohort: Cohort::Any(Vec::new()), list: 0 };
    let of = PeopleOf::Cohort(CohortsPeople { question: cohort, cell: CohortCell {}, limit: 0, after: None });
    let question = Question::Activities(ActivitiesOf { of, limit: 1, after: None });
    let folder = tempfile::tempdir().unwrap();
    let (_, snapshot, _) = Given::default().build(folder.path()).swap_remove(0);
    let error = crate::Engine { threads: 1 }.ask(&snapshot, &question, &std::sync::atomic::AtomicBool::new(false));
    assert!(error.unwrap_err().to_string().contains("its numbers are of people"));
}
