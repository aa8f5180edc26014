//! Under a policy an asker sees what they would see if the hidden rows, members and columns had never been: the same
//! question is asked of a project without them, and answers and errors are compared.

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use tokio::runtime::Runtime;

use super::fixture::{Fixture, activity, person};
use crate::query::{Condition, Policy, Question, Subject};
use crate::tables::Table;

fn row(id: usize) -> Value {
    let properties = json!({
        "n": id % 9, "plan": format!("p{}", id % 3), "email": format!("secret{id}@example.com"),
        "deep": {"Email": format!("secret{id}@example.com"), "list": [{"email": id}, id]},
    });
    let event = ["visit", "rsvp", "$pageview"][id % 3];
    activity(id, &format!("u{}", id % 10), event, 1_700_000_000_000 + id as i64 * 60_000, &properties.to_string())
}

/// `rows` in two files, one with promoted columns, and fresh rows.
fn of(rows: &[Value]) -> Fixture {
    let mut fixture = Fixture::new();
    let (files, fresh) = rows.split_at(rows.len() * 2 / 3);
    let (first, second) = files.split_at(files.len() / 2);
    for (place, rows) in [first, second].into_iter().enumerate() {
        if !rows.is_empty() {
            fixture.file(Table::Activity, rows, if place == 0 { &[] } else { &["plan", "email"] });
        }
    }
    if !fresh.is_empty() {
        fixture.fresh(Table::Activity, fresh);
    }
    fixture.merged("u3", "u4");
    fixture
}

fn property(row: &Value, name: &str) -> Option<String> {
    let properties: Value = serde_json::from_str(row["properties"].as_str().unwrap()).unwrap();
    match &properties[name] {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// The condition, without the engine.
fn meets(row: &Value, condition: &Condition) -> bool {
    let text = |subject: &Subject| match subject {
        Subject::Column(name) => row[name].as_str().map(str::to_owned),
        Subject::Property(name) => property(row, name),
    };
    match condition {
        Condition::All(parts) => parts.iter().all(|part| meets(row, part)),
        Condition::Any(parts) => parts.iter().any(|part| meets(row, part)),
        Condition::Not(part) => !meets(row, part),
        Condition::OneOf(subject, texts) => text(subject).is_some_and(|text| texts.contains(&text)),
        Condition::IsSet(subject) => text(subject).is_some(),
        Condition::From(millis) => row["timestamp"].as_i64().unwrap() >= *millis,
        Condition::Before(millis) => row["timestamp"].as_i64().unwrap() < *millis,
    }
}

/// The row as somebody sees it from whom `email` and `country` are hidden.
fn without_email(row: &Value, masked: bool) -> Value {
    let mut row = row.clone();
    if masked {
        let mut properties: Value = serde_json::from_str(row["properties"].as_str().unwrap()).unwrap();
        properties.as_object_mut().unwrap().remove("email");
        properties["deep"].as_object_mut().unwrap().remove("Email");
        properties["deep"]["list"][0].as_object_mut().unwrap().remove("email");
        row["properties"] = json!(properties.to_string());
        row["country"] = Value::Null;
    }
    row
}

fn condition() -> impl Strategy<Value = Condition> {
    let column = prop::sample::select(vec!["country", "event", "distinct_id"]);
    let texts = prop::collection::vec(prop::sample::select(vec!["DE", "visit", "rsvp", "u1", "u4", "p1", "5"]), 0..4);
    let texts = texts.prop_map(|texts| texts.into_iter().map(str::to_owned).collect::<Vec<_>>());
    let name = prop::sample::select(vec!["plan", "n", "email", "absent"]);
    let subject = prop_oneof![
        column.prop_map(|name| Subject::Column(name.to_owned())),
        name.prop_map(|name| Subject::Property(name.to_owned())),
    ];
    let leaf = prop_oneof![
        (subject.clone(), texts).prop_map(|(subject, texts)| Condition::OneOf(subject, texts)),
        subject.prop_map(Condition::IsSet),
        (0i64..90).prop_map(|row| Condition::From(1_700_000_000_000 + row * 60_000)),
        (0i64..90).prop_map(|row| Condition::Before(1_700_000_000_000 + row * 60_000)),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Condition::All),
            prop::collection::vec(inner.clone(), 0..3).prop_map(Condition::Any),
            inner.prop_map(|part| Condition::Not(Box::new(part))),
        ]
    })
}

/// Questions that try to see, count, or trip over what is hidden.
const QUESTIONS: &[&str] = &[
    "SELECT * FROM activity ORDER BY message_id",
    "SELECT count(*) AS n, count(DISTINCT person_id) AS people, max(timestamp) AS last FROM activity",
    "SELECT message_id FROM activity WHERE event = 'visit' AND timestamp >= '2023-11-14T22:20:00Z' ORDER BY 1",
    "SELECT message_id FROM activity WHERE properties->>'email' LIKE '%5%' ORDER BY 1",
    "SELECT message_id, properties->>'plan' AS plan, country FROM activity WHERE properties->>'plan' <> 'p0' ORDER BY 1",
    "SELECT 10 / (CAST(properties->>'n' AS BIGINT) - 5) AS x, message_id FROM activity ORDER BY 2",
    "SELECT sum(1 / (CAST(right(message_id, 4) AS BIGINT) - 20)) AS x FROM activity",
    "SELECT message_id FROM activity WHERE 1 / (CAST(right(message_id, 4) AS BIGINT) - 40) = 0 ORDER BY 1",
    "SELECT a.message_id, b.message_id AS other FROM activity a JOIN activity b USING (person_id) WHERE a.message_id < b.message_id ORDER BY 1, 2",
    "SELECT message_id FROM activity WHERE NOT EXISTS (SELECT 1 FROM activity z WHERE z.country = 'DE' AND z.person_id = activity.person_id) ORDER BY 1",
    "WITH x AS (SELECT person_id, count(*) AS n FROM activity GROUP BY 1) SELECT * FROM x ORDER BY 1",
    "SELECT event, count(*) AS n FROM activity GROUP BY ROLLUP(event) ORDER BY 1",
    "SELECT message_id, lag(message_id) OVER (ORDER BY timestamp, message_id) AS before FROM activity ORDER BY 1",
    "SELECT message_id FROM activity ORDER BY timestamp DESC, message_id LIMIT 3",
    "SELECT count(*) AS n FROM (SELECT 1 FROM activity LIMIT 5) AS five",
    "SELECT event FROM activity WHERE distinct_id = 'u4' UNION SELECT country FROM activity ORDER BY 1",
    "SELECT properties->'deep'->'list' AS list, properties->'deep'->>'Email' AS email FROM activity ORDER BY 1",
    "SELECT approx_distinct(properties->>'email') AS n, max(country) AS c FROM activity",
];

type Outcome = Result<Vec<Map<String, Value>>, String>;

async fn outcome(fixture: &Fixture, question: Question) -> Outcome {
    // The text of an error may name a value of the row that failed; it must be one that the asker sees.
    fixture.rows(question).await.map_err(|error| format!("{}: {error}", error.code()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn nothing_outside_a_policy_is_seen(condition in condition(), masked: bool, first in 0..QUESTIONS.len()) {
        let rows: Vec<Value> = (0..90).map(row).collect();
        let seen: Vec<Value> =
            rows.iter().filter(|row| meets(row, &condition)).map(|row| without_email(row, masked)).collect();
        let masks = if masked { ["email", "country"].map(str::to_owned).into() } else { Default::default() };
        let policy = Arc::new(Policy { rows: Some(condition), masked: masks });
        let (guarded, naive) = (of(&rows), of(&seen));
        let runtime = Runtime::new().unwrap();
        runtime.block_on(async {
            for number in 0..6 {
                let sql = QUESTIONS[(first + number) % QUESTIONS.len()];
                let under = outcome(&guarded, Question::new(sql).under(policy.clone())).await;
                let alone = outcome(&naive, Question::new(sql)).await;
                prop_assert_eq!(under, alone, "{}", sql);
            }
            Ok(())
        })?;
    }
}

fn only_germany() -> Arc<Policy> {
    let country = Condition::OneOf(Subject::Column("country".to_owned()), vec!["DE".to_owned()]);
    Arc::new(Policy { rows: Some(country), masked: ["email".to_owned()].into() })
}

#[tokio::test]
async fn tables_made_of_all_activity_are_hidden_with_rows() {
    let fixture = of(&(0..90).map(row).collect::<Vec<_>>());
    for table in ["persons", "person_ids", "person_merges", "sessions", "quarantine"] {
        let question = Question::new(format!("SELECT count(*) FROM {table}")).under(only_germany());
        assert_eq!(fixture.refusal(question).await.code(), "unknown_table", "{table}");
    }
    let listed = Question::new("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'");
    let listed = fixture.rows(listed.under(only_germany())).await.unwrap();
    assert_eq!(json!(listed), json!([{"table_name": "activity"}]));
}

#[tokio::test]
async fn a_plan_tells_nothing_of_what_is_hidden() {
    let fixture = of(&(0..90).map(row).collect::<Vec<_>>());
    for explain in ["EXPLAIN", "EXPLAIN ANALYZE", "EXPLAIN VERBOSE"] {
        let question = Question::new(format!("{explain} SELECT count(*) FROM activity WHERE country = 'FR'"));
        let plan = json!(fixture.rows(question.under(only_germany())).await.unwrap()).to_string();
        for told in [".parquet", "'DE'", "DE\\\"", "output_rows=90", "mask_json"] {
            let place = plan.find(told).map(|at| plan[at.saturating_sub(200)..].chars().take(400).collect::<String>());
            assert_eq!(place, None, "{explain}: {told}");
        }
        let how_many = plan.split("GuardExec, statistics=[").nth(1).unwrap_or("Rows=Absent");
        assert!(how_many.starts_with("Rows=Absent"), "{explain}: {}", &how_many[..40]);
    }
}

#[tokio::test]
async fn a_rule_that_cannot_be_applied_shows_nothing() {
    let fixture = of(&(0..90).map(row).collect::<Vec<_>>());
    let wrong = Condition::OneOf(Subject::Column("amount".to_owned()), vec!["1".to_owned()]);
    let policy = Arc::new(Policy { rows: Some(wrong), ..Policy::default() });
    let error = fixture.refusal(Question::new("SELECT * FROM activity").under(policy)).await;
    assert_eq!(error.code(), "internal");
}

#[tokio::test]
async fn one_person_is_found_under_a_policy_by_a_pruned_scan() {
    let fixture = of(&(0..90).map(row).collect::<Vec<_>>());
    let sql = format!("SELECT count(*) AS n FROM activity WHERE person_id = '{}'", person("u4"));
    let rows = fixture.rows(Question::new(sql).under(only_germany())).await.unwrap();
    let expected = (0..90).filter(|id| matches!(id % 10, 3 | 4) && id % 3 != 0).count();
    assert_eq!(json!(rows), json!([{"n": expected}]));
}

#[tokio::test]
async fn masks_alone_leave_the_other_tables() {
    let fixture = of(&(0..90).map(row).collect::<Vec<_>>());
    let policy = Arc::new(Policy { masked: ["$distinct_ID".to_owned()].into(), ..Policy::default() });
    let rows = fixture.rows(Question::new("SELECT DISTINCT distinct_id FROM activity").under(policy.clone())).await;
    assert_eq!(json!(rows.unwrap()), json!([{}]));
    let persons = fixture.rows(Question::new("SELECT distinct_ids FROM persons").under(policy)).await.unwrap();
    assert!(persons.iter().all(|row| row.get("distinct_ids").is_none_or(Value::is_null)), "{persons:?}");
}
