//! What tools write in PostgreSQL's spelling, through every door.

use serde_json::{Value, json};

use super::fixture::{Fixture, activity};
use crate::query::{Dialect, QueryError, Question};
use crate::tables::Table;

fn fixture() -> Fixture {
    let rows: Vec<Value> = (0..3)
        .map(|id| activity(id, "ada", "view", 1_700_000_000_123 + id as i64 * 86_400_000, r#"{"plan": "pro"}"#))
        .collect();
    let mut fixture = Fixture::new();
    fixture.file(Table::Activity, &rows, &[]);
    fixture
}

/// The only value, over REST and over PostgreSQL's door.
async fn value(fixture: &Fixture, sql: &str) -> Value {
    let over_rest = fixture.value(sql).await;
    let rows = fixture.rows(Question::new(sql).speaking(Dialect::Postgres)).await.unwrap();
    assert_eq!(rows[0].values().next(), Some(&over_rest), "{sql}");
    over_rest
}

#[tokio::test]
async fn times_are_read_and_written_by_patterns() {
    let fixture = fixture();
    // Superset's filters of time.
    let since = "SELECT count(*) FROM activity WHERE timestamp >= TO_TIMESTAMP('2023-11-15 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US') \
        AND timestamp::date < TO_DATE('2023-11-16', 'YYYY-MM-DD')";
    assert_eq!(value(&fixture, since).await, json!(1));
    let written = "SELECT to_char(min(timestamp), 'YYYY-MM-DD\"T\"HH24:MI:SS.MS') FROM activity";
    assert_eq!(value(&fixture, written).await, json!("2023-11-14T22:13:20.123"));
    // The engine's own patterns are what they were.
    assert_eq!(value(&fixture, "SELECT to_char(min(timestamp), '%d.%m.%Y') FROM activity").await, json!("14.11.2023"));
    let unknown = fixture.refusal(Question::new("SELECT to_char(timestamp, 'Month') FROM activity")).await;
    assert!(matches!(&unknown, QueryError::NotSupported { message } if message.contains("FMMonth")), "{unknown}");
}

#[tokio::test]
async fn types_and_functions_have_postgresqls_names_too() {
    let fixture = fixture();
    for (sql, told) in [
        ("SELECT CAST(event AS CHARACTER VARYING) FROM activity LIMIT 1", json!("view")),
        ("SELECT event::character varying(255) FROM activity LIMIT 1", json!("view")),
        ("SELECT properties::jsonb->>'plan' FROM activity LIMIT 1", json!("pro")),
        ("SELECT event::name FROM activity LIMIT 1", json!("view")),
        ("SELECT mod(count(*) + 4, 1 + 1) FROM activity", json!(1)),
        ("SELECT clock_timestamp() = now()", json!(true)),
        ("SELECT message_id FROM activity ORDER BY message_id OFFSET 1 FETCH FIRST 1 ROWS ONLY", json!("m0001")),
        ("SELECT message_id FROM activity ORDER BY message_id FETCH NEXT ROW ONLY", json!("m0000")),
    ] {
        assert_eq!(value(&fixture, sql).await, told, "{sql}");
    }
}

#[tokio::test]
async fn a_column_that_is_asked_twice_is_there_twice() {
    let fixture = fixture();
    let names = async |sql: &str| {
        let rows = fixture.ask(sql).await;
        rows[0].keys().cloned().collect::<Vec<_>>()
    };
    for (list, told) in [
        ("event, event", &["event", "event_2"][..]),
        ("amount, amount::text, CAST(amount AS bigint)", &["amount", "amount_2", "amount_3"][..]),
        ("timestamp::text, timestamp", &["timestamp", "timestamp_2"][..]),
        ("activity.event, event", &["event", "event_2"][..]),
        ("event::text, kind AS event", &["event", "event_2"][..]),
    ] {
        let mut had = names(&format!("SELECT {list} FROM activity ORDER BY 1 LIMIT 1")).await;
        had.sort();
        // A null is not written as JSON.
        had.iter().for_each(|name| assert!(told.contains(&name.as_str()), "{list}: {name}"));
        let described =
            fixture.engine.describe("demo", Question::new(format!("SELECT {list} FROM activity")), Vec::new());
        let mut described: Vec<String> =
            described.await.unwrap().schema.fields().iter().map(|field| field.name().clone()).collect();
        described.sort();
        assert_eq!(described, told, "{list}");
    }
    let all = "SELECT *, timestamp::date FROM activity LIMIT 1";
    assert!(names(all).await.contains(&"timestamp_2".to_owned()));
    assert_eq!(names("SELECT count(*), count(*) FROM activity").await.len(), 2);
    // Two tables may have a column of one name, and a cast is still called as its column.
    assert_eq!(names("SELECT event::text FROM activity ORDER BY event LIMIT 1").await, ["event"]);
}
