//! What clients of PostgreSQL ask of the catalogue, in their own words.

use serde_json::{Value, json};

use super::fixture::{Fixture, PROJECT, activity};
use crate::query::{Dialect, QueryError, Question};
use crate::tables::Table;

const RECORDED: &str = include_str!("../../../../../tests/data/postgres_clients.sql");
/// Whose rows depend on what was recorded, and of which project.
const OF_DATA: &[&str] = &["-- DBeaver", "-- Grafana", "-- Metabase"];

fn fixture() -> Fixture {
    let mut fixture = Fixture::new();
    fixture.file(Table::Activity, &[activity(1, "ada", "view", 1_700_000_000_000, "{}")], &[]);
    fixture.publish();
    fixture
}

/// Titles and statements.
fn recorded() -> impl Iterator<Item = (&'static str, &'static str)> {
    let paragraphs = RECORDED.split("\n\n").skip(1);
    paragraphs.map(|paragraph| {
        let (title, sql) = paragraph.trim().split_once('\n').unwrap();
        (title, sql.trim_end_matches(';'))
    })
}

fn statement(title: &str) -> &'static str {
    recorded().find(|(known, _)| *known == title).unwrap_or_else(|| panic!("no {title}")).1
}

async fn count(fixture: &Fixture, sql: &str) -> Result<usize, QueryError> {
    let question = Question::new(sql).speaking(Dialect::Postgres);
    let batches = fixture.engine.query(PROJECT, question).await?.collect().await?;
    Ok(batches.iter().map(arrow::array::RecordBatch::num_rows).sum())
}

async fn rows(fixture: &Fixture, sql: &str) -> Value {
    let rows = fixture.rows(Question::new(sql).speaking(Dialect::Postgres)).await;
    json!(rows.unwrap_or_else(|error| panic!("{sql}: {error}")))
}

#[tokio::test]
async fn every_recorded_question_has_an_answer() {
    let fixture = fixture();
    let (mut asked, mut wrong) = (0, Vec::new());
    for (title, sql) in recorded() {
        let word = sql.split_whitespace().next().unwrap().to_ascii_uppercase();
        if ["SET", "SHOW"].contains(&word.as_str()) {
            continue;
        }
        asked += 1;
        match count(&fixture, sql).await {
            Err(error) => wrong.push(format!("{title}: {error}")),
            Ok(0) if title.contains(" some:") && !OF_DATA.iter().any(|client| title.starts_with(client)) => {
                wrong.push(format!("{title}: no rows"));
            }
            Ok(_) => {}
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(asked > 40, "{asked}");
}

#[tokio::test]
async fn types_are_told_with_what_they_are_made_of() {
    let fixture = fixture();
    let types = statement("-- Npgsql some: types");
    let of = |name: &str| format!("SELECT elemtypoid, typtype FROM ({types}) AS pg_told WHERE typname = '{name}'");
    assert_eq!(rows(&fixture, &of("_text")).await, json!([{"elemtypoid": 25, "typtype": "a"}]));
    assert_eq!(rows(&fixture, &of("int4multirange")).await, json!([{"elemtypoid": 3904, "typtype": "m"}]));
    assert_eq!(rows(&fixture, &of("text")).await[0]["typtype"], json!("b"));
    let array =
        "SELECT typname FROM pg_type WHERE typinput = 'pg_catalog.array_in'::regproc AND typname IN ('_int8', 'int8')";
    assert_eq!(rows(&fixture, array).await, json!([{"typname": "_int8"}]));
}

#[tokio::test]
async fn a_subquery_about_the_row_around_it_is_one_value() {
    let fixture = fixture();
    let sql = "SELECT c.relname, COALESCE((SELECT n.nspname FROM pg_namespace n WHERE n.oid = c.relnamespace), '?') AS schema, \
        array_to_string(ARRAY(SELECT a.attname FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'event'), ',') AS has \
        FROM pg_class c WHERE c.relname = 'activity'";
    assert_eq!(rows(&fixture, sql).await, json!([{"relname": "activity", "schema": "public", "has": "event"}]));
    // Nobody wrote a row of the catalogue.
    let sql = "SELECT c.relname, c.relname, c.xmin AS written FROM pg_class c WHERE c.relname = 'activity'";
    let told = json!([{"relname": "activity", "relname_2": "activity", "written": 0}]);
    assert_eq!(rows(&fixture, sql).await, told);
}

#[tokio::test]
async fn tables_have_no_pages_that_could_be_read_by_place() {
    let fixture = fixture();
    let sql = "SELECT relpages, reltuples, relacl IS NULL AS acl FROM pg_class WHERE relname = 'activity'";
    assert_eq!(rows(&fixture, sql).await, json!([{"relpages": 0, "reltuples": -1.0, "acl": true}]));
    let settings = "SELECT setting FROM pg_settings WHERE name = 'server_version_num'";
    assert_eq!(rows(&fixture, settings).await, json!([{"setting": "160006"}]));
    for table in ["pg_indexes", "pg_stat_activity", "pg_catalog.pg_user", "pg_locks"] {
        assert_eq!(count(&fixture, &format!("SELECT * FROM {table}")).await.unwrap(), 0, "{table}");
    }
}
