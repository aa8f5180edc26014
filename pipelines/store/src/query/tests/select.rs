//! Plain questions over files and fresh rows.

use serde_json::{Value, json};

use super::fixture::{Fixture, PROJECT, activity, person};
use crate::query::Question;
use crate::tables::Table;

pub fn hundred(from: usize) -> Vec<Value> {
    (from..from + 100)
        .map(|id| {
            let event = if id % 2 == 0 { "$pageview" } else { "rsvp" };
            let properties = format!(r#"{{"price": {}.5, "plan": "p{}", "n": {id}, "ok": true}}"#, id % 7, id % 3);
            activity(id, &format!("u{}", id % 10), event, 1_700_000_000_000 + id as i64 * 60_000, &properties)
        })
        .collect()
}

pub fn two_files_and_fresh() -> Fixture {
    let mut fixture = Fixture::new();
    fixture.file(Table::Activity, &hundred(0), &[]).file(Table::Activity, &hundred(100), &["plan", "n"]);
    fixture.fresh(Table::Activity, &hundred(200)).fresh(Table::Activity, &hundred(300)[..50]);
    fixture
}

#[tokio::test]
async fn an_empty_project_has_empty_tables() {
    let fixture = Fixture::new();
    for table in crate::query::tables() {
        let sql = format!("SELECT count(*) AS n FROM {}", table.name);
        assert_eq!(fixture.value(&sql).await, json!(0), "{sql}");
        assert_eq!(fixture.ask(&format!("SELECT * FROM {}", table.name)).await.len(), 0);
    }
}

#[tokio::test]
async fn files_and_fresh_rows_are_one_table() {
    let fixture = two_files_and_fresh();
    assert_eq!(fixture.value("SELECT count(*) FROM activity").await, json!(350));
    assert_eq!(fixture.value("SELECT count(DISTINCT person_id) FROM activity").await, json!(10));
    let rows = fixture.ask("SELECT event, count(*) AS n FROM activity GROUP BY event ORDER BY event").await;
    assert_eq!(json!(rows), json!([{"event": "$pageview", "n": 175}, {"event": "rsvp", "n": 175}]));
    let one = fixture.ask("SELECT * FROM activity WHERE message_id = 'm0203'").await;
    assert_eq!(one.len(), 1);
    assert_eq!(one[0]["distinct_id"], json!("u3"));
    assert_eq!(one[0]["country"], json!("DE"));
    assert_eq!(fixture.ask("SELECT message_id FROM activity LIMIT 7").await.len(), 7);
    let last = "SELECT message_id FROM activity ORDER BY timestamp DESC LIMIT 1";
    assert_eq!(fixture.value(last).await, json!("m0349"));
}

#[tokio::test]
async fn one_person_is_found_in_files_and_fresh_rows() {
    let fixture = two_files_and_fresh();
    let sql = format!("SELECT count(*) FROM activity WHERE person_id = '{}'", person("u4"));
    assert_eq!(fixture.value(&sql).await, json!(35));
}

#[tokio::test]
async fn times_prune_files() {
    let fixture = two_files_and_fresh();
    let sql = "SELECT message_id FROM activity WHERE timestamp >= '2023-11-15T00:30:00Z' AND event = 'rsvp'";
    let plan = fixture.plan(sql).await;
    assert!(plan.contains("2.parquet") && !plan.contains("1.parquet"), "{plan}");
    assert!(!plan.contains(fixture.folder.path().to_str().unwrap()), "{plan}");
    let expected = (0..350).filter(|id| id % 2 == 1 && 1_700_000_000_000 + id * 60_000 >= 1_700_008_200_000i64);
    assert_eq!(fixture.ask(sql).await.len(), expected.count());
}

#[tokio::test]
async fn properties_are_asked_by_name() {
    let fixture = two_files_and_fresh();
    let sql = "SELECT properties->>'plan' AS plan, count(*) AS n, sum(CAST(properties->>'price' AS DOUBLE)) AS price
               FROM activity WHERE properties->>'n' <> '3' GROUP BY 1 ORDER BY 1";
    let rows = fixture.ask(sql).await;
    assert_eq!(rows.len(), 3);
    for (number, row) in rows.iter().enumerate() {
        let ids = (0..350).filter(|id| id % 3 == number && *id != 3).map(|id| (id % 7) as f64 + 0.5);
        assert_eq!(row["plan"], json!(format!("p{number}")));
        assert_eq!(row["n"], json!(ids.clone().count()));
        assert_eq!(row["price"], json!(ids.sum::<f64>()));
    }
    let union = fixture.ask("SELECT properties->'ok' AS ok, properties->'n' AS n FROM activity LIMIT 1").await;
    assert_eq!(union[0]["ok"], json!("true"));
}

#[tokio::test]
async fn a_cast_is_called_as_its_column() {
    let fixture = two_files_and_fresh();
    let sql =
        "SELECT CAST(timestamp AS BIGINT), activity.event::text FROM activity ORDER BY timestamp DESC, event LIMIT 2";
    let rows = fixture.ask(sql).await;
    assert!(rows[0]["timestamp"].as_i64() > rows[1]["timestamp"].as_i64(), "{rows:?}");
    assert!(rows[0]["event"].is_string());
    let within = "SELECT max(timestamp) AS t FROM (SELECT timestamp::bigint FROM activity) AS times";
    assert!(fixture.ask(within).await[0]["t"].is_i64());
}

#[tokio::test]
async fn parameters_are_bound() {
    let fixture = two_files_and_fresh();
    let sql = "SELECT count(*) AS n FROM activity WHERE distinct_id = $who AND timestamp > $since
               AND CAST(properties->>$key AS BIGINT) < $most";
    let question =
        Question::new(sql).with_params(json!({"who": "u4", "since": "2023-11-14T00:00:00Z", "key": "n", "most": 100}));
    assert_eq!(json!(fixture.rows(question).await.unwrap()), json!([{"n": 10}]));
    let listed = Question::new("SELECT message_id FROM activity WHERE distinct_id = ANY($1) ORDER BY 1 LIMIT $2")
        .with_params(json!([["u1", "u2"], 3]));
    let rows = fixture.rows(listed).await.unwrap();
    assert_eq!(json!(rows), json!([{"message_id": "m0001"}, {"message_id": "m0002"}, {"message_id": "m0011"}]));
    let text = "x' OR 1=1 --";
    let question = Question::new("SELECT $text AS t").with_params(json!({"text": text}));
    assert_eq!(fixture.rows(question).await.unwrap()[0]["t"], json!(text));
}

#[tokio::test]
async fn files_stay_while_an_answer_is_read_from_them() {
    let mut fixture = Fixture::new();
    for file in 0..12 {
        fixture.file(Table::Activity, &hundred(file * 100), &[]);
    }
    fixture.publish();
    let files: Vec<_> = fixture.views[&Table::Activity].files.iter().map(std::sync::Arc::downgrade).collect();
    let answer = fixture.engine.query(PROJECT, Question::new("SELECT message_id FROM activity")).await.unwrap();
    // Compaction has replaced them: nobody but the question knows them any more.
    fixture.views.clear();
    fixture.publish();
    assert!(files.iter().all(|file| file.strong_count() > 0), "a file could be deleted under the answer");
    let rows: usize = answer.collect().await.unwrap().iter().map(arrow::array::RecordBatch::num_rows).sum();
    assert_eq!(rows, 1200);
}

#[tokio::test]
async fn now_is_one_moment_and_zones_have_clocks() {
    let fixture = two_files_and_fresh();
    let now = fixture.value(
        "SELECT now() = now() AND now() > TIMESTAMP '2020-01-01T00:00:00Z' AND current_date >= DATE '2020-01-01'",
    );
    assert_eq!(now.await, json!(true));
    let recent = "SELECT count(*) FROM activity WHERE timestamp > date_trunc('day', now() + INTERVAL '-30 day')";
    assert!(fixture.value(recent).await.is_number());
    let back = "SELECT CAST(timezone('Europe/Vienna', CAST('2026-07-01T02:30:00' AS TIMESTAMP)) AS TEXT)";
    assert_eq!(fixture.value(back).await, json!("2026-07-01T00:30:00Z"));
    let column = "SELECT count(DISTINCT date_trunc('hour', timezone('Asia/Tokyo', timestamp))) > 0 FROM activity";
    assert_eq!(fixture.value(column).await, json!(true));
}

#[tokio::test]
async fn a_part_of_a_text_is_found_by_place_or_by_pattern() {
    let fixture = two_files_and_fresh();
    assert_eq!(fixture.value("SELECT substring('abcdef' FROM 2 FOR 3)").await, json!("bcd"));
    assert_eq!(fixture.value("SELECT substring('ab12cd34' FROM '[0-9]+')").await, json!("12"));
    assert_eq!(fixture.value("SELECT substring('ab12cd34' FROM '[a-z]([0-9])')").await, json!("1"));
    assert_eq!(fixture.value("SELECT substring('abc' FROM '[0-9]+')").await, json!(null));
}

/// `TIMESTAMPTZ` is a time with a zone, in every spelling; what has no offset is one of UTC.
#[tokio::test]
async fn a_time_with_a_zone_has_one() {
    let fixture = two_files_and_fresh();
    let kind = |expression: &str| {
        let question = Question::new(format!("SELECT arrow_typeof({expression}) AS t"));
        let fixture = &fixture;
        async move { fixture.rows(question).await.unwrap()[0]["t"].as_str().unwrap().to_owned() }
    };
    for zoned in [
        "CAST('2026-01-01T00:00:00Z' AS TIMESTAMPTZ)",
        "'2026-01-01 01:00:00+01'::timestamptz",
        "CAST('2026-01-01' AS TIMESTAMP WITH TIME ZONE)",
        "TIMESTAMPTZ '2026-01-01T00:00:00'",
        "now()",
        "to_timestamp('2026-01-01T00:00:00Z')",
        "date_trunc('day', now())",
    ] {
        assert_eq!(kind(zoned).await, "Timestamp(ns, \"UTC\")", "{zoned}");
    }
    assert_eq!(kind("CAST('2026-01-01' AS TIMESTAMP)").await, "Timestamp(ns)");
    assert_eq!(kind("CAST('2026-01-01' AS TIMESTAMPTZ(3))").await, "Timestamp(ms, \"UTC\")");
    let same = "SELECT '2026-01-01T01:00:00+01:00'::timestamptz = TIMESTAMPTZ '2026-01-01 00:00:00'";
    assert_eq!(fixture.value(same).await, json!(true));
    let moment = "SELECT min(timestamp) = CAST('2023-11-14T23:13:20+01:00' AS TIMESTAMPTZ) FROM activity";
    assert_eq!(fixture.value(moment).await, json!(true));
    let tokyo = "SELECT CAST(timezone('Asia/Tokyo', CAST('2026-01-01T00:00:00Z' AS TIMESTAMPTZ)) AS TEXT)";
    assert_eq!(fixture.value(tokyo).await, json!("2026-01-01T09:00:00"));
    // It still tells which files are read.
    let sql = "SELECT message_id FROM activity WHERE timestamp >= CAST('2023-11-15T00:30:00Z' AS TIMESTAMPTZ)";
    let plan = fixture.plan(sql).await;
    assert!(plan.contains("2.parquet") && !plan.contains("1.parquet"), "{plan}");
}
