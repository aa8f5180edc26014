//! Questions in a zone of the asker's: days, hours and texts without an offset are those of its clock, the moments stay.

use serde_json::{Value, json};

use super::fixture::{Fixture, activity};
use crate::query::{Question, is_time_zone};
use crate::tables::Table;

const VIENNA: &str = "Europe/Vienna";
/// Around the nights in which Vienna's clock went from 01:59 to 03:00 (31 March 2024) and from 02:59 back to 02:00 (27 October).
const MOMENTS: &[i64] = &[
    1_711_839_599_000, // 30 March, 23:59:59 in Vienna
    1_711_839_600_000, // 31 March, 00:00
    1_711_845_000_000, // 01:30
    1_711_848_600_000, // 03:30
    1_711_922_399_000, // 23:59:59
    1_711_922_400_000, // 1 April, 00:00
    1_729_989_000_000, // 27 October, 02:30, summer
    1_729_992_600_000, // 02:30, winter
];

fn fixture() -> Fixture {
    let row = |(id, at): (usize, &i64)| activity(id, "ada", "view", *at, "{}");
    let rows: Vec<Value> = MOMENTS.iter().enumerate().map(row).collect();
    let mut fixture = Fixture::new();
    fixture.file(Table::Activity, &rows[..3], &[]).file(Table::Activity, &rows[3..5], &[]);
    fixture.fresh(Table::Activity, &rows[5..]);
    fixture
}

async fn first_column(fixture: &Fixture, zone: &str, sql: &str) -> Value {
    let question = Question::new(sql).within_zone(Some(zone.into()));
    let rows = fixture.rows(question).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    json!(rows.iter().map(|row| row.values().next().cloned()).collect::<Vec<_>>())
}

#[tokio::test]
async fn days_begin_when_the_clock_of_the_zone_says_so() {
    let fixture = fixture();
    let days =
        "SELECT count(*) FROM activity GROUP BY date_trunc('day', timestamp) ORDER BY date_trunc('day', timestamp)";
    assert_eq!(first_column(&fixture, VIENNA, days).await, json!([1, 4, 1, 2]));
    assert_eq!(first_column(&fixture, "UTC", days).await, json!([2, 4, 2]));
    let dates = "SELECT count(*) FROM activity GROUP BY timestamp::date ORDER BY timestamp::date";
    assert_eq!(first_column(&fixture, VIENNA, dates).await, json!([1, 4, 1, 2]));
    let hours = "SELECT extract(hour FROM timestamp)::int FROM activity ORDER BY timestamp";
    assert_eq!(first_column(&fixture, VIENNA, hours).await, json!([23, 0, 1, 3, 23, 0, 2, 2]));
    assert_eq!(first_column(&fixture, "-03:30", hours).await, json!([19, 19, 21, 22, 18, 18, 21, 22]));
    // The moment of a day's begin, whoever shows it.
    let begin =
        "SELECT extract(epoch FROM date_trunc('day', timestamp))::bigint FROM activity ORDER BY timestamp LIMIT 2";
    assert_eq!(first_column(&fixture, VIENNA, begin).await, json!([1_711_753_200, 1_711_839_600]));
}

#[tokio::test]
async fn texts_without_an_offset_are_of_the_zones_clock() {
    let fixture = fixture();
    let count = |condition: &str| format!("SELECT count(*) FROM activity WHERE {condition}");
    for (condition, in_vienna, in_utc) in [
        ("timestamp < '2024-03-31 00:00:00'", 1, 2),
        ("timestamp < '2024-03-31T00:00:00Z'", 2, 2),
        ("timestamp < TIMESTAMP '2024-03-31 00:00:00'", 1, 2),
        ("timestamp < TIMESTAMPTZ '2024-03-31 00:00:00'", 1, 2),
        ("timestamp < TIMESTAMPTZ '2024-03-31 00:00:00+00:00'", 2, 2),
        ("timestamp < DATE '2024-03-31'", 1, 2),
        ("timestamp BETWEEN DATE '2024-03-30' AND DATE '2024-03-31'", 2, 2),
        ("timestamp IN (DATE '2024-03-31', DATE '2024-10-27')", 1, 0),
        ("timestamp < (SELECT max(day) FROM (VALUES (DATE '2024-03-31'), (DATE '2024-03-30')) AS days(day))", 1, 2),
        ("timestamp < DATE '2024-03-31'::timestamptz", 1, 2),
        ("EXISTS (SELECT 1 FROM (VALUES (DATE '2024-03-31')) AS days(day) WHERE activity.timestamp < days.day)", 1, 2),
        ("timestamp::date < DATE '2024-03-31'", 1, 2),
        ("timestamp >= '2024-04-01' AND timestamp < '2024-10-27'", 1, 0),
        ("timestamp >= timezone('Europe/Vienna', TIMESTAMP '2024-03-31 00:00:00') AND timestamp < '2024-04-02'", 5, 5),
        ("date_trunc('day', timezone('America/New_York', TIMESTAMP '2024-03-30 19:30:00')) <= timestamp", 7, 8),
    ] {
        let sql = count(condition);
        assert_eq!(first_column(&fixture, VIENNA, &sql).await, json!([in_vienna]), "{condition}");
        assert_eq!(first_column(&fixture, "UTC", &sql).await, json!([in_utc]), "{condition}");
    }
    let bound = Question::new("SELECT count(*) AS n FROM activity WHERE timestamp < $at")
        .with_params(json!({"at": "2024-03-31"}));
    assert_eq!(json!(fixture.rows(bound.clone().within_zone(Some(VIENNA.into()))).await.unwrap()), json!([{"n": 1}]));
    assert_eq!(json!(fixture.rows(bound).await.unwrap()), json!([{"n": 2}]));
}

#[tokio::test]
async fn now_and_days_to_come_are_of_the_zone_too() {
    let fixture = fixture();
    let same = "SELECT now() = current_timestamp AND date_trunc('day', now()) <= now() AND current_date = now()::date";
    for zone in [VIENNA, "Pacific/Kiritimati", "-11:00"] {
        assert_eq!(first_column(&fixture, zone, same).await, json!([true]), "{zone}");
    }
    let apart = "SELECT timezone('Pacific/Kiritimati', now())::date = current_date";
    assert_eq!(first_column(&fixture, "Pacific/Kiritimati", apart).await, json!([true]));
    // A day in spring has 23 hours.
    let later =
        "SELECT extract(epoch FROM (TIMESTAMPTZ '2024-03-31 00:00:00' + INTERVAL '1 day'))::bigint - 1711839600";
    assert_eq!(first_column(&fixture, VIENNA, later).await, json!([23 * 3600]));
}

#[tokio::test]
async fn files_are_still_passed_over() {
    let fixture = fixture();
    fixture.publish();
    let sql = "EXPLAIN SELECT message_id FROM activity WHERE timestamp >= '2024-03-31 03:00:00'";
    let rows = fixture.rows(Question::new(sql).within_zone(Some(VIENNA.into()))).await.unwrap();
    let plan = rows.iter().find(|row| row["plan_type"] == "physical_plan").unwrap()["plan"].to_string();
    assert!(plan.contains("2.parquet") && !plan.contains("1.parquet"), "{plan}");
}

#[tokio::test]
async fn merged_persons_and_other_tables_have_the_zone() {
    let mut fixture = fixture();
    fixture.merged("ben", "ada");
    let days =
        "SELECT count(*) FROM activity GROUP BY date_trunc('day', timestamp) ORDER BY date_trunc('day', timestamp)";
    assert_eq!(first_column(&fixture, VIENNA, days).await, json!([1, 4, 1, 2]));
    let joined = "SELECT count(*) FROM activity AS a JOIN activity AS b ON a.message_id = b.message_id AND a.timestamp = b.timestamp";
    assert_eq!(first_column(&fixture, VIENNA, joined).await, json!([MOMENTS.len()]));
    let both = "SELECT count(*) FROM (SELECT timestamp FROM activity UNION ALL SELECT now() UNION ALL SELECT start FROM sessions)";
    assert_eq!(first_column(&fixture, VIENNA, both).await, json!([MOMENTS.len() + 1]));
}

#[test]
fn zones_are_known_by_name_and_offset() {
    for name in ["UTC", VIENNA, "America/Argentina/Buenos_Aires", "+02:00", "-0330"] {
        assert!(is_time_zone(name), "{name}");
    }
    for name in ["", "Europe/Wien", "CEST+2", "25:00"] {
        assert!(!is_time_zone(name), "{name}");
    }
}
