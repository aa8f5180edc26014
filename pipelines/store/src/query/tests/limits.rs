//! What is refused, and what ends before it hurts.

use std::time::{Duration, Instant};

use serde_json::json;

use super::fixture::{Fixture, PROJECT, activity};
use super::select::{hundred, two_files_and_fresh};
use crate::query::{Answer, ParameterKind, ParameterValue, Position, QueryError, Question, QuestionLimits};
use crate::tables::Table;

async fn code(fixture: &Fixture, sql: &str) -> &'static str {
    fixture.refusal(Question::new(sql)).await.code()
}

#[tokio::test]
async fn only_reading_is_possible() {
    let fixture = two_files_and_fresh();
    let folder = fixture.folder.path().to_str().unwrap().to_owned();
    let file = format!("{folder}/project=demo/activity/1.parquet");
    for sql in [
        "CREATE TABLE t AS SELECT 1".to_owned(),
        "CREATE VIEW v AS SELECT 1".into(),
        format!("CREATE EXTERNAL TABLE t STORED AS PARQUET LOCATION '{file}'"),
        "CREATE SCHEMA s".into(),
        "CREATE DATABASE d".into(),
        "CREATE FUNCTION f() RETURNS INT RETURN 1".into(),
        "CREATE EXTENSION e".into(),
        "DROP TABLE activity".into(),
        "DROP VIEW persons".into(),
        "ALTER TABLE activity ADD COLUMN x INT".into(),
        "INSERT INTO activity SELECT * FROM activity".into(),
        "INSERT INTO activity VALUES (1)".into(),
        "UPDATE activity SET event = 'x'".into(),
        "DELETE FROM activity".into(),
        "TRUNCATE TABLE activity".into(),
        format!("COPY activity TO '{folder}/out.parquet'"),
        format!("COPY (SELECT 1) TO '{folder}/out.csv' STORED AS CSV"),
        format!("EXPLAIN COPY activity TO '{folder}/out.parquet'"),
        format!("EXPLAIN ANALYZE COPY activity TO '{folder}/out.parquet'"),
        "EXPLAIN ANALYZE INSERT INTO activity SELECT * FROM activity".into(),
        "SET datafusion.execution.target_partitions = 1000".into(),
        "SET x = 1".into(),
        "RESET ALL".into(),
        "SHOW ALL".into(),
        "SHOW datafusion.runtime.temp_directory".into(),
        "BEGIN".into(),
        "COMMIT".into(),
        "PREPARE p AS SELECT 1".into(),
        "EXECUTE p".into(),
        "DEALLOCATE p".into(),
        "USE x".into(),
        "VACUUM".into(),
        "GRANT ALL ON activity TO x".into(),
    ] {
        let refused = code(&fixture, &sql).await;
        assert!(["not_read_only", "sql_syntax"].contains(&refused), "{refused}: {sql}");
    }
    assert!(!fixture.folder.path().join("out.parquet").exists());
    for sql in [
        "SELECT 1 INTO t",
        "WITH x AS (SELECT 1) INSERT INTO activity SELECT * FROM x",
        "SELECT * FROM activity FOR UPDATE",
    ] {
        let _ = fixture.rows(Question::new(sql)).await;
    }
    assert_eq!(fixture.value("SELECT count(*) FROM activity").await, json!(350));
    assert_eq!(code(&fixture, "SELECT 1 INTO t").await, "not_read_only");
    assert_eq!(code(&fixture, "SELECT 1; SELECT 2").await, "too_many_statements");
    assert_eq!(code(&fixture, "SELECT 1; DROP TABLE activity").await, "too_many_statements");
    assert_eq!(code(&fixture, "").await, "sql_syntax");
    assert_eq!(fixture.value("SELECT 1;").await, json!(1));
}

#[tokio::test]
async fn files_are_no_tables() {
    let fixture = two_files_and_fresh();
    let root = fixture.folder.path().to_str().unwrap().to_owned();
    for table in [
        format!("'{root}/project=demo/activity/1.parquet'"),
        format!("\"{root}/project=demo/activity/1.parquet\""),
        "'/etc/passwd'".into(),
        "\"/etc/passwd\"".into(),
        "'file:///etc/passwd'".into(),
        "'project=demo/activity/1.parquet'".into(),
        "identities".into(),
        "session_parts".into(),
        "person_overrides".into(),
        "other.public.activity".into(),
        "lake.activity".into(),
        "information_schema.df_settings".into(),
        "pg_catalog.pg_tables".into(),
    ] {
        let refused = code(&fixture, &format!("SELECT * FROM {table}")).await;
        assert!(["unknown_table", "sql_syntax"].contains(&refused), "{refused}: {table}");
    }
    for call in ["read_parquet('/etc/passwd')", "parquet_metadata('/etc/passwd')", "glob('/*')"] {
        let refused = fixture.refusal(Question::new(format!("SELECT * FROM {call}"))).await;
        assert!(["unknown_table", "unknown_function"].contains(&refused.code()), "{refused:?}: {call}");
    }
    for sql in ["SELECT repeat('x', 2000000000)", "SELECT array_repeat(1, 2000000000)", "SELECT lpad('x', 2000000000)"]
    {
        assert_eq!(code(&fixture, sql).await, "unknown_function", "{sql}");
    }
}

#[tokio::test]
async fn the_information_schema_shows_our_tables_and_no_paths() {
    let fixture = two_files_and_fresh();
    let names = "SELECT table_name AS t FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1";
    let shown: Vec<String> = fixture.ask(names).await.iter().map(|row| row["t"].as_str().unwrap().into()).collect();
    assert_eq!(shown, ["activity", "person_ids", "person_merges", "persons", "quarantine", "sessions"]);
    let folder = fixture.folder.path().to_str().unwrap();
    for sql in [
        "SHOW TABLES",
        "SHOW COLUMNS FROM sessions",
        "DESCRIBE activity",
        "SELECT * FROM information_schema.columns",
        "SELECT * FROM information_schema.views",
        "SELECT * FROM information_schema.schemata",
        "SELECT * FROM information_schema.routines",
        "EXPLAIN VERBOSE SELECT * FROM activity",
        "EXPLAIN ANALYZE SELECT * FROM persons",
    ] {
        let rows = fixture.ask(sql).await;
        assert!(!rows.is_empty() || sql.contains("views"), "{sql}");
        assert!(!json!(rows).to_string().contains(folder), "{sql}");
    }
}

#[tokio::test]
async fn errors_say_what_and_where() {
    let fixture = two_files_and_fresh();
    let at = |line, column| Some(Position { line, column });
    let cases = [
        ("SELEC 1", "sql_syntax", at(1, 1)),
        ("SELECT event,\n  FROM activity WHERE", "sql_syntax", None),
        ("SELECT event\nFROM activity\nWHERE (event = 'x'", "sql_syntax", None),
        ("SELECT 'open", "sql_syntax", at(1, 8)),
        ("SELECT *\nFROM activities", "unknown_table", at(2, 6)),
        ("SELECT event,\n       evnt FROM activity", "unknown_column", at(2, 8)),
        ("SELECT a.nope FROM activity AS a", "unknown_column", at(1, 8)),
        ("SELECT nope(event) FROM activity", "unknown_function", None),
        ("SELECT event, count(*) FROM activity", "sql_invalid", None),
        ("SELECT event + 1 < true FROM activity", "sql_invalid", None),
        ("SELECT CAST('abc' AS BIGINT)", "invalid_value", None),
        ("SELECT CAST(event AS BIGINT) FROM activity", "invalid_value", None),
        ("SELECT 1 / (count(*) - count(*)) FROM activity", "invalid_value", None),
        ("SELECT 1 FROM activity WHERE 1 / (CAST(properties->>'n' AS BIGINT) - 7) = 9", "invalid_value", None),
        ("SELECT 1 FROM activity WHERE CAST(event AS BIGINT) = 9", "invalid_value", None),
        ("SELECT $a", "parameter_missing", at(1, 8)),
        ("SELECT $1", "parameter_missing", at(1, 8)),
    ];
    let folder = fixture.folder.path().to_str().unwrap();
    for (sql, code, position) in cases {
        let error = fixture.refusal(Question::new(sql)).await;
        assert_eq!(error.code(), code, "{sql}: {error:?}");
        if position.is_some() {
            assert_eq!(error.position(), position, "{sql}: {error}");
        }
        let text = error.to_string();
        assert!(!text.contains(folder) && !text.contains("backtrace") && !text.contains(".rs:"), "{text}");
    }
    let typo = fixture.refusal(Question::new("SELECT evnt FROM activity")).await.to_string();
    assert!(typo.contains("perhaps event is meant") || typo.contains("perhaps event or"), "{typo}");
    let object = Question::new("SELECT $a").with_params(json!({"a": {"b": 1}}));
    assert_eq!(fixture.refusal(object).await.code(), "parameter_type");
    let nested = Question::new("SELECT $1").with_params(json!([[[1]]]));
    assert_eq!(fixture.refusal(nested).await.code(), "parameter_type");
}

#[tokio::test]
async fn a_lost_file_is_no_news_for_the_asker() {
    let fixture = two_files_and_fresh();
    std::fs::remove_file(fixture.folder.path().join("project=demo/activity/1.parquet")).unwrap();
    let error = fixture.refusal(Question::new("SELECT * FROM activity")).await;
    assert_eq!(error, QueryError::Internal);
    assert!(!error.to_string().contains("parquet"));
}

#[tokio::test]
async fn long_and_deep_sql_is_refused_and_harmless() {
    let fixture = Fixture::with(|config| config.time_limit = Duration::from_secs(30));
    let sum = |terms: usize| format!("SELECT {}", vec!["1"; terms].join(" + "));
    assert_eq!(fixture.value(&sum(300)).await, json!(300));
    assert_eq!(code(&fixture, &sum(9_000)).await, "sql_too_deep");
    assert_eq!(code(&fixture, &sum(100_000)).await, "sql_too_long");
    assert_eq!(code(&fixture, &format!("SELECT '{}'", "x".repeat(300_000))).await, "sql_too_long");
    let nested = format!("SELECT {}1{}", "(".repeat(2_000), ")".repeat(2_000));
    assert_eq!(code(&fixture, &nested).await, "sql_syntax");
    let ors = vec!["event = 'a'"; 3_000].join(" OR ");
    assert_eq!(code(&fixture, &format!("SELECT * FROM activity WHERE {ors}")).await, "sql_too_deep");
    let unions = vec!["SELECT 1"; 1_500].join(" UNION ALL ");
    assert_eq!(code(&fixture, &unions).await, "sql_too_deep");
    let list: Vec<String> = (0..9_000).map(|n| format!("'e{n}'")).collect();
    let listed = format!("SELECT count(*) FROM activity WHERE event IN ({})", list.join(", "));
    assert_eq!(fixture.value(&listed).await, json!(0));
}

/// A value is written into all places of its parameter, and the parameters of a statement are listed up to the highest number.
#[tokio::test]
async fn parameters_do_not_grow_without_bound() {
    let fixture = two_files_and_fresh();
    let asked = |places: usize, value: serde_json::Value| {
        let places = vec!["$1"; places].join(", ");
        let sql = format!("SELECT count(*) AS n FROM activity WHERE event IN ({places})");
        Question::new(sql).with_params(json!([value]))
    };
    let text = || json!("x".repeat(1 << 20));
    let typed = |places: usize| {
        let value = ParameterValue::one(ParameterKind::Text, "x".repeat(1 << 20));
        Question { values: vec![value], ..asked(places, json!(null)) }
    };
    assert_eq!(json!(fixture.rows(asked(10, text())).await.unwrap()), json!([{"n": 0}]));
    assert_eq!(json!(fixture.rows(typed(10)).await.unwrap()), json!([{"n": 0}]));
    assert_eq!(fixture.refusal(asked(100, text())).await.code(), "sql_too_long");
    assert_eq!(fixture.refusal(typed(100)).await.code(), "sql_too_long");

    let numbered = async |number: usize| {
        let question = Question::new(format!("SELECT ${number}"));
        fixture.engine.describe(PROJECT, question, Vec::new()).await
    };
    assert_eq!(numbered(65_535).await.unwrap().parameters.len(), 65_535);
    assert_eq!(numbered(65_536).await.unwrap_err().code(), "sql_invalid");
}

/// Rows without end.
const ENDLESS: &str = "SELECT count(DISTINCT a.event || b.message_id || c.event || d.event) FROM activity a, activity b, activity c, activity d";

#[tokio::test]
async fn time_ends_a_question() {
    let mut fixture = Fixture::with(|config| config.time_limit = Duration::from_secs(2));
    for n in 0..10 {
        fixture.fresh(Table::Activity, &hundred(n * 100));
    }
    let begun = Instant::now();
    assert_eq!(code(&fixture, ENDLESS).await, "time_limit");
    assert!(begun.elapsed() < Duration::from_secs(240));
    let wished = QuestionLimits { time_limit: Some(Duration::from_secs(3600)), ..QuestionLimits::default() };
    let question = Question { limits: wished, ..Question::new(ENDLESS) };
    assert_eq!(fixture.refusal(question).await, QueryError::TimeLimit { limit: Duration::from_secs(2) });
    let deadline = Instant::now() + Duration::from_secs(240);
    while fixture.rows(Question::new("SELECT count(*) FROM activity")).await.is_err() {
        assert!(Instant::now() < deadline, "the work goes on");
    }
}

#[tokio::test]
async fn a_slow_reader_is_in_the_time_too() {
    let mut fixture = Fixture::with(|config| config.time_limit = Duration::from_secs(2));
    for n in 0..10 {
        fixture.fresh(Table::Activity, &hundred(n * 100));
    }
    fixture.publish();
    let mut answer = fixture
        .engine
        .query(PROJECT, Question::new("SELECT a.event FROM activity a, activity b, activity c"))
        .await
        .unwrap();
    let mut rows = 0;
    let last = loop {
        match answer.next().await {
            Some(Ok(batch)) => rows += batch.num_rows(),
            other => break other,
        }
    };
    assert!(matches!(last, Some(Err(QueryError::TimeLimit { .. } | QueryError::RowLimit { .. }))), "{last:?} {rows}");
    assert!(answer.next().await.is_none());
}

#[tokio::test]
async fn questions_wait_their_turn_and_a_dropped_answer_frees_its_place() {
    let mut fixture = Fixture::with(|config| {
        config.queries_concurrent = 1;
        config.queue_timeout = Duration::from_millis(200);
        config.reader_patience = Duration::from_secs(3600);
    });
    for n in 0..10 {
        fixture.fresh(Table::Activity, &hundred(n * 100));
    }
    fixture.publish();
    let endless = "SELECT a.event FROM activity a, activity b, activity c";
    let answer = fixture.engine.query(PROJECT, Question::new(endless)).await.unwrap();
    assert_eq!(code(&fixture, "SELECT 1").await, "busy");
    drop(answer);
    let deadline = Instant::now() + Duration::from_secs(240);
    while fixture.rows(Question::new("SELECT 1")).await.is_err() {
        assert!(Instant::now() < deadline, "the place was not freed");
    }
}

/// Many answers of which two batches are taken, and whose readers then wait.
async fn held(fixture: &Fixture, sql: &str, count: usize) -> Vec<Answer> {
    let mut all = Vec::new();
    for _ in 0..count {
        let mut answer = fixture.engine.query(PROJECT, Question::new(sql)).await.unwrap();
        for _ in 0..2 {
            answer.next().await.unwrap().unwrap();
        }
        all.push(answer);
    }
    all
}

#[tokio::test]
async fn slow_readers_hold_no_turn_and_lose_no_row() {
    let mut fixture = Fixture::with(|config| {
        config.queries_concurrent = 1;
        config.reader_patience = Duration::ZERO;
        config.time_limit = Duration::from_secs(3600);
    });
    for n in 0..10 {
        fixture.fresh(Table::Activity, &hundred(n * 100));
    }
    fixture.publish();
    // Each is begun while the others wait in the midst of theirs: with one turn.
    let all = held(&fixture, "SELECT a.message_id FROM activity a, activity b LIMIT 900000", 5).await;
    assert_eq!(fixture.value("SELECT count(*) FROM activity").await, json!(1_000));
    for mut answer in all {
        while let Some(rows) = answer.next().await {
            rows.unwrap();
        }
        assert_eq!(answer.rows(), 900_000);
    }
}

#[tokio::test]
async fn readers_who_wait_too_many_at_a_time_are_told() {
    let mut fixture = Fixture::with(|config| {
        config.reader_patience = Duration::ZERO;
        config.answers_resting = 0;
    });
    for n in 0..10 {
        fixture.fresh(Table::Activity, &hundred(n * 100));
    }
    fixture.publish();
    let mut answer = held(&fixture, "SELECT a.message_id FROM activity a, activity b", 1).await.remove(0);
    let deadline = Instant::now() + Duration::from_secs(240);
    // The work is over before the reader comes back.
    while std::sync::Arc::strong_count(&fixture.held_snapshot()) > 2 {
        assert!(Instant::now() < deadline, "the work goes on");
        tokio::task::yield_now().await;
    }
    let last = loop {
        match answer.next().await {
            Some(Ok(_)) => {}
            other => break other,
        }
    };
    assert_eq!(last, Some(Err(QueryError::NotTaken)));
    assert!(answer.next().await.is_none());
}

#[tokio::test]
async fn a_reader_who_never_comes_back_holds_nothing_beyond_the_time() {
    let mut fixture = Fixture::with(|config| {
        config.time_limit = Duration::from_secs(2);
        config.reader_patience = Duration::from_secs(3600);
    });
    for n in 0..10 {
        fixture.fresh(Table::Activity, &hundred(n * 100));
    }
    fixture.publish();
    let answer = fixture.engine.query(PROJECT, Question::new("SELECT a.message_id FROM activity a, activity b")).await;
    let mut answer = answer.unwrap();
    let deadline = Instant::now() + Duration::from_secs(240);
    while std::sync::Arc::strong_count(&fixture.held_snapshot()) > 2 {
        assert!(Instant::now() < deadline, "the snapshot is held for somebody who does not read");
        tokio::task::yield_now().await;
    }
    let last = loop {
        match answer.next().await {
            Some(Ok(_)) => {}
            other => break other,
        }
    };
    assert!(matches!(last, Some(Err(QueryError::TimeLimit { .. }))), "{last:?}");
}

#[tokio::test]
async fn sorting_spills_and_what_cannot_spill_fails() {
    let rows: Vec<_> = (0..60_000)
        .map(|id| {
            activity(id, &format!("u{id}"), "e", id as i64, &format!(r#"{{"x": "{:0>200}"}}"#, id * 7919 % 60_000))
        })
        .collect();
    let mut fixture = Fixture::with(|config| config.memory_bytes = 128 << 20);
    fixture.file(Table::Activity, &rows, &[]);
    let limits = QuestionLimits { memory_bytes_max: Some(48 << 20), ..QuestionLimits::default() };
    let letters: Vec<String> = ('a'..='p').rev().map(|letter| format!("('{letter}')")).collect();
    let sort = format!(
        "EXPLAIN ANALYZE SELECT v.x || a.person_id AS k FROM activity a, (VALUES {}) AS v (x) ORDER BY k",
        letters.join(", ")
    );
    let plan = fixture.rows(Question { limits, ..Question::new(sort) }).await.unwrap();
    let text = plan[0]["plan"].as_str().unwrap();
    assert!(
        text.contains("spill_count=") && text.lines().any(|l| l.contains("SortExec") && !l.contains("spill_count=0")),
        "{text}"
    );
    let join = "SELECT count(*) FROM activity a JOIN activity b ON a.properties = b.properties";
    let few = QuestionLimits { memory_bytes_max: Some(2 << 20), ..QuestionLimits::default() };
    let error = fixture.refusal(Question { limits: few, ..Question::new(join) }).await;
    assert_eq!(error.code(), "memory_limit");
    assert_eq!(fixture.value("SELECT count(*) FROM activity").await, json!(60_000));
}

#[tokio::test]
async fn rows_end_at_the_limit() {
    let mut fixture = Fixture::new();
    fixture.fresh(Table::Activity, &hundred(0));
    let limits = |rows| QuestionLimits { rows_max: Some(rows), ..QuestionLimits::default() };
    let sql = "SELECT message_id FROM activity";
    assert_eq!(fixture.rows(Question { limits: limits(100), ..Question::new(sql) }).await.unwrap().len(), 100);
    let error = fixture.refusal(Question { limits: limits(99), ..Question::new(sql) }).await;
    assert_eq!(error, QueryError::RowLimit { rows: 99 });
}

#[tokio::test]
async fn a_snapshot_is_let_go_when_the_answer_is() {
    let fixture = two_files_and_fresh();
    fixture.ask("SELECT count(*) FROM persons, information_schema.tables").await;
    let held = fixture.held_snapshot();
    let deadline = Instant::now() + Duration::from_secs(240);
    while std::sync::Arc::strong_count(&held) > 2 {
        assert!(Instant::now() < deadline, "still held {} times", std::sync::Arc::strong_count(&held));
        tokio::task::yield_now().await;
    }
}
