//! Statements say what they should, and texts of a question cannot leave their literals.

use proptest::prelude::*;

use super::rows::quoted;
use super::{clickhouse_sql, clickhouse_unsaid};
use crate::definition::{Bucket, Comparison, Condition, Question, RankBy, Ranking, Scope, Selector, Stickiness, Test};

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

proptest! {
    #[test]
    fn texts_stay_in_their_literals(activity in ".{0,20}", property in ".{0,20}", text in r"['\\a-z;)(-]{0,12}") {
        let plain = outside_literals(&ranking("a", "b", "c"));
        prop_assert_eq!(outside_literals(&ranking(&activity, &format!("_{property}"), &text)), plain);
        prop_assert!(quoted(&text).starts_with('\''));
    }
}
