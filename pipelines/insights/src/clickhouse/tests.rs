//! Statements say what they should, and texts of a question cannot leave their literals.

use proptest::prelude::*;

use super::rows::quoted;
use super::{clickhouse_sql, clickhouse_unsaid};
use crate::definition::{
    Bucket, Cohort, CohortPeople, Comparison, Condition, Correlation, Funnel, FunnelOrder, PeopleOf, Question, RankBy,
    Ranking, Scope, Selector, SessionComparison, SessionProperty, Stickiness, StickinessCell, StickinessPeople, Test,
};

fn ranking(activity: &str, property: &str, text: &str) -> String {
    let comparison = Comparison { property: property.to_owned(), test: Test::Is(vec![text.to_owned()]) };
    let select = Selector::named(activity).only(Condition::Property(comparison));
    let asked = Ranking { scope: Scope::utc(0, 1), select, by: RankBy::Activity, top: 3 };
    clickhouse_sql(&Question::Ranking(asked)).unwrap_or_default()
}

#[test]
fn a_ranking_reads_as_one_would_write_it() {
    let sql = ranking("view", "plan", "pro");
    let after = sql.split_once("AS text_of\n").map(|(_, rest)| rest);
    assert_eq!(
        after,
        Some(
            "SELECT event, count() AS rows FROM activity WHERE toUnixTimestamp64Milli(timestamp) >= 0 AND \
             toUnixTimestamp64Milli(timestamp) < 1 AND 1 AND event = 'view' AND \
             ifNull(text_of(properties, 'plan') IN ('pro'), 0)\nGROUP BY event ORDER BY rows DESC, event LIMIT 3"
        )
    );
}

#[test]
fn hours_around_a_change_by_half_of_one_are_said_only_where_it_is_each_year() {
    let unsaid = |zone: &str, from: &str| {
        let from_ms = from.parse().map_or(0, jiff::Timestamp::as_millisecond);
        let scope = Scope { zone: zone.to_owned(), ..Scope::utc(from_ms, from_ms + 86_400_000) };
        clickhouse_unsaid(&Question::Stickiness(Stickiness { scope, bucket: Bucket::Hour, select: Selector::any() }))
    };
    assert!(unsaid("America/Caracas", "2016-05-01T00:00:00Z").is_some_and(|why| why.contains("hours")));
    assert!(unsaid("America/Caracas", "2016-05-02T00:00:00Z").is_some(), "it lies in the span before");
    assert_eq!(unsaid("America/Caracas", "2016-05-05T00:00:00Z"), None);
    assert_eq!(unsaid("Australia/Lord_Howe", "2026-04-04T00:00:00Z"), None);
    assert_eq!(unsaid("Europe/Berlin", "2026-03-28T12:00:00Z"), None);
}

#[test]
fn hours_within_a_cohort_and_behind_a_number_are_such_hours_too() {
    let from_ms = "2016-05-01T00:00:00Z".parse().map_or(0, jiff::Timestamp::as_millisecond);
    let until_ms = from_ms + 86_400_000;
    let both = |zone: &str, bucket: Bucket| {
        let (select, zone) = (Selector::any(), zone.to_owned());
        let scope = Scope { zone: zone.clone(), ..Scope::utc(from_ms, until_ms) };
        let often =
            Cohort::DidOften { select: select.clone(), from_ms, until_ms, bucket, zone, at_least: 1, at_most: None };
        let (question, cell) = (Stickiness { scope, bucket, select }, StickinessCell { buckets: 1 });
        let of = PeopleOf::Stickiness(StickinessPeople { question, cell, limit: 1, after: None });
        let cohort = |cohort: Cohort| Question::Cohort(CohortPeople { cohort, list: 0 });
        let asked = [cohort(often), Question::People(of.clone()), cohort(Cohort::InCell(Box::new(of)))];
        asked.map(|question| clickhouse_unsaid(&question).is_some())
    };
    assert_eq!(both("America/Caracas", Bucket::Hour), [true; 3]);
    assert_eq!(both("America/Caracas", Bucket::Day), [false; 3]);
    assert_eq!(both("Europe/Berlin", Bucket::Hour), [false; 3]);
}

#[test]
fn numbers_of_sessions_are_compared_by_value() {
    let said = |property: SessionProperty, test: Test| {
        let select = Selector::any().only(Condition::Session(SessionComparison { property, test }));
        let asked = Ranking { scope: Scope::utc(0, 1), select, by: RankBy::Activity, top: 3 };
        clickhouse_sql(&Question::Ranking(asked)).unwrap_or_default()
    };
    let texts = || ["2.0", "6e4", "view"].map(str::to_owned).to_vec();
    assert!(said(SessionProperty::Rows, Test::Is(texts())).contains("value IN ('2', '60000')"));
    assert!(said(SessionProperty::DurationMs, Test::IsNot(texts())).contains("value IN ('2', '60000')"));
    assert!(said(SessionProperty::Entry, Test::Is(texts())).contains("value IN ('2.0', '6e4', 'view')"));
}

#[test]
fn the_end_of_an_endless_window_is_that_of_the_span() {
    let funnel = Funnel {
        scope: Scope::utc(0, 1_000),
        steps: vec![Selector::named("view"), Selector::named("buy")],
        order: FunnelOrder::Ordered,
        window_ms: i64::MAX,
        exclusions: Vec::new(),
        breakdown: None,
        cohorts: Vec::new(),
        trend: None,
        times: None,
    };
    let (properties, person_properties) = (Vec::new(), Vec::new());
    let asked = Correlation { funnel, properties, person_properties, activities: true, people_least: 1, top: 5 };
    let sql = clickhouse_sql(&Question::Correlation(asked)).unwrap_or_default();
    assert!(sql.contains(&format!("if(began >= {}, toInt64(1000), ", 1_000 - i64::MAX)), "{sql}");
}

#[test]
fn zones_are_spelled_as_clickhouse_knows_them() {
    let scope = Scope { zone: "europe/BERLIN".to_owned(), ..Scope::utc(0, 86_400_000) };
    let asked = Stickiness { scope, bucket: Bucket::Day, select: Selector::any() };
    let sql = clickhouse_sql(&Question::Stickiness(asked)).unwrap_or_default();
    assert!(sql.contains("toStartOfDay(timestamp, 'Europe/Berlin')"), "{sql}");
}

/// The statement with its literals cut out, as ClickHouse reads them.
fn outside_literals(sql: &str) -> String {
    let (mut out, mut inside) = (String::new(), false);
    let mut letters = sql.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' if inside => drop(letters.next()),
            '\'' => inside = !inside,
            other if !inside => out.push(other),
            _ => {}
        }
    }
    assert!(!inside, "a literal does not end: {sql}");
    out
}

#[test]
fn statements_are_apart_whatever_texts_hold() {
    let sql = ranking("a;\nb\0", "c;\n", "d'\0\\n");
    assert_eq!((sql.split(";\n").count(), sql.contains('\0')), (1, false), "{sql}");
    for literal in [r"'a;\nb\0'", r"'c;\n'", r"'d\'\0\\n'"] {
        assert!(sql.contains(literal), "{literal} in {sql}");
    }
}

proptest! {
    #[test]
    fn texts_stay_in_their_literals(activity in ".{0,20}", property in ".{0,20}", text in r"['\\a-z;)(-]{0,12}") {
        let plain = outside_literals(&ranking("a", "b", "c"));
        prop_assert_eq!(outside_literals(&ranking(&activity, &format!("_{property}"), &text)), plain);
        prop_assert!(quoted(&text).starts_with('\''));
    }
}
