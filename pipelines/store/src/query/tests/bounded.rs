//! Functions that would make more than there is memory, or work longer than anybody waits.

use std::time::{Duration, Instant};

use serde_json::json;

use super::fixture::{Fixture, PROJECT};
use super::select::{hundred, two_files_and_fresh};
use crate::query::Question;
use crate::tables::Table;

/// A text of a million letters for `$1`.
fn long(sql: &str) -> Question {
    Question::new(sql).with_params(json!(["x".repeat(1_000_000)]))
}

/// Two of the activities.
const TWO: &str = "(SELECT event FROM activity LIMIT 2) AS a";

/// `step` of `t`, applied so often to what `start` gives for two activities.
fn again_and_again(start: &str, step: &str, times: usize) -> String {
    let first = format!("SELECT {start} AS t FROM {TWO}");
    let all = (0..times).fold(first, |inner, n| format!("SELECT {step} AS t FROM ({inner}) AS s{n}"));
    format!("SELECT max(t) FROM ({all}) AS s")
}

/// Activities, and little memory for a question.
fn small() -> Fixture {
    let mut fixture = Fixture::with(|config| config.query_memory_bytes_max = 128 << 20);
    fixture.file(Table::Activity, &hundred(0), &[]);
    fixture
}

async fn is_refused(fixture: &Fixture, question: Question, code: &str) {
    let (sql, begun) = (question.sql.clone(), Instant::now());
    let refused = fixture.refusal(question).await;
    assert_eq!(refused.code(), code, "{refused}: {sql}");
    assert!(begun.elapsed() < Duration::from_secs(50), "{sql}");
}

#[tokio::test]
async fn what_would_take_gigabytes_is_refused() {
    let fixture = small();
    for call in [
        "replace($1, 'x', $1)",
        "replace(event || $1, 'x', $1)",
        "replace(event || $1, '', $1)",
        "regexp_replace($1, 'x', $1, 'g')",
        "regexp_replace(event || $1, '.', $1, 'g')",
        "array_to_string(string_to_array(event || $1, 'x'), $1)",
        "array_to_string(array_replace_all(string_to_array(event || $1, 'x'), '', $1), ',')",
    ] {
        let sql = format!("SELECT sum(length({call})) FROM {TWO}");
        is_refused(&fixture, long(&sql), "memory_limit").await;
    }
    let separated = format!("SELECT max(concat_ws($1, {})) FROM {TWO}", ["event"; 200].join(", "));
    is_refused(&fixture, long(&separated), "memory_limit").await;
    let spelled = (0..12).fold("event || $1".to_owned(), |text, _| format!("encode({text}, 'hex')"));
    is_refused(&fixture, long(&format!("SELECT max({spelled}) FROM {TWO}")), "memory_limit").await;
    // In a filter, where the rows are read.
    let filtered = "SELECT count(*) FROM activity WHERE replace(event || $1, 'x', $1) = 'x'";
    is_refused(&fixture, long(filtered), "memory_limit").await;
    // In the arguments of a table nothing is made beforehand either.
    let table = "SELECT * FROM generate_series(1, CAST(length(replace($1, 'x', $1)) AS BIGINT))";
    assert_ne!(fixture.refusal(long(table)).await.code(), "internal");
    assert_eq!(fixture.value("SELECT count(*) FROM activity").await, json!(100), "all is well after it");
}

#[tokio::test]
async fn what_doubles_again_and_again_is_refused() {
    let fixture = small();
    for step in ["t || t", "concat(t, t)", "replace(t, 'x', 'xxx')"] {
        is_refused(&fixture, long(&again_and_again("event || $1", step, 12)), "memory_limit").await;
    }
    let lists = again_and_again("string_to_array(event || $1, 'x')", "array_concat(t, t)", 12);
    is_refused(&fixture, long(&lists.replace("max(t)", "max(array_length(t))")), "memory_limit").await;
}

#[tokio::test]
async fn the_square_of_long_texts_is_refused() {
    let fixture = two_files_and_fresh();
    is_refused(&fixture, long("SELECT max(levenshtein(event || $1, $1)) FROM activity"), "invalid_value").await;
    let names = fixture.value("SELECT levenshtein('kitten', 'sitting')").await;
    assert_eq!(names, json!(3));
}

#[tokio::test]
async fn long_values_in_many_rows_go_in_small_batches() {
    let fixture = two_files_and_fresh();
    let question =
        long("SELECT sum(length(t)) AS n FROM (SELECT CASE WHEN event = '' THEN event ELSE $1 END AS t FROM activity)");
    assert_eq!(json!(fixture.rows(question).await.unwrap()), json!([{"n": 350_000_000}]));
    let mut answer = fixture.engine.query(PROJECT, long("SELECT $1 AS t FROM activity")).await.unwrap();
    let mut rows = 0;
    while let Some(batch) = answer.next().await {
        let batch = batch.unwrap();
        assert!(batch.num_rows() <= 70, "{}", batch.num_rows());
        rows += batch.num_rows();
    }
    assert_eq!(rows, 350);
}

#[tokio::test]
async fn many_columns_go_in_small_batches() {
    let fixture = two_files_and_fresh();
    fixture.publish();
    let columns: Vec<String> = (0..3_500).map(|n| format!("event || '{n}'")).collect();
    let question = Question::new(format!("SELECT {} FROM activity", columns.join(", ")));
    let mut answer = fixture.engine.query(PROJECT, question).await.unwrap();
    let mut rows = 0;
    while let Some(batch) = answer.next().await {
        let batch = batch.unwrap();
        assert!(batch.num_rows() <= 80, "{}", batch.num_rows());
        rows += batch.num_rows();
    }
    assert_eq!(rows, 350);
}

#[tokio::test]
async fn aggregates_that_keep_all_go_over_short_windows() {
    let fixture = two_files_and_fresh();
    for over in ["()", "(ORDER BY timestamp)", "(ORDER BY timestamp ROWS BETWEEN 5000 PRECEDING AND CURRENT ROW)"] {
        for call in ["array_agg(event)", "string_agg(event, ',')"] {
            is_refused(&fixture, Question::new(format!("SELECT {call} OVER {over} FROM activity")), "not_supported")
                .await;
        }
    }
    let near = "SELECT max(array_length(t)) FROM (SELECT array_agg(event)
        OVER (ORDER BY message_id ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) AS t FROM activity) AS s";
    assert_eq!(fixture.value(near).await, json!(3));
}

#[tokio::test]
async fn usual_calls_answer_as_ever() {
    let fixture = Fixture::new();
    for (call, answer) in [
        ("'a' || 'b' || NULL", json!(null)),
        ("'a' || 1", json!("a1")),
        ("concat('a', NULL, 'b')", json!("ab")),
        ("concat_ws('-', 'a', NULL, 'b')", json!("a-b")),
        ("replace('banana', 'an', 'AN')", json!("bANANa")),
        ("regexp_replace('banana', '(a)n', '<\\1>', 'g')", json!("b<a><a>a")),
        ("translate('banana', 'an', 'o')", json!("booo")),
        ("encode('ab', 'hex')", json!("6162")),
        ("array_to_string(ARRAY['a', 'b'] || ARRAY['c'], ',')", json!("a,b,c")),
        ("overlay('Txxxxas' PLACING 'hom' FROM 2 FOR 4)", json!("Thomas")),
        ("array_length(string_to_array('a,b,c', ','))", json!(3)),
    ] {
        assert_eq!(fixture.value(&format!("SELECT {call} AS x")).await, answer, "{call}");
    }
    let filled = two_files_and_fresh();
    let any = "SELECT count(*) FROM activity WHERE event = ANY (ARRAY[distinct_id, 'rs' || 'vp'])";
    assert_eq!(filled.value(any).await, json!(175));
    let named = fixture.ask("SELECT event || 'x' FROM (SELECT 'a' AS event) AS s").await;
    let names: Vec<&String> = named[0].keys().collect();
    assert_eq!(names, ["s.event || Utf8(\"x\")"]);
}
