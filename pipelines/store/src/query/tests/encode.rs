//! Answers as bytes.

use bytes::Bytes;
use futures::TryStreamExt;
use serde_json::{Value, json};

use super::fixture::{Fixture, PROJECT};
use super::select::{hundred, two_files_and_fresh};
use crate::query::{EngineConfig, Format, QueryError, Question, encode};
use crate::tables::Table;

async fn bytes_of(fixture: &Fixture, sql: &str, format: Format) -> Result<Vec<u8>, QueryError> {
    fixture.publish();
    let answer = fixture.engine.query(PROJECT, Question::new(sql)).await?;
    let pieces: Vec<Bytes> = encode(answer, format).await?.try_collect().await?;
    Ok(pieces.concat())
}

async fn text_of(fixture: &Fixture, sql: &str, format: Format) -> String {
    String::from_utf8(bytes_of(fixture, sql, format).await.unwrap()).unwrap()
}

const ODD: &str = r#"SELECT 1 AS i, CAST(1.5 AS DOUBLE) AS f, CAST('NaN' AS DOUBLE) AS nan, true AS b, 'a "b", é' AS s,
    NULL AS n, '' AS e, to_timestamp_millis(1700000000123) AS t, arrow_cast(-1, 'Timestamp(Second, None)') AS before,
    DATE '2024-02-29' AS d, CAST(12.30 AS DECIMAL(6,2)) AS dec, ['x', NULL] AS l, INTERVAL '1 day' AS iv,
    CAST(18446744073709551615 AS BIGINT UNSIGNED) AS u"#;

#[tokio::test]
async fn json_has_columns_rows_and_a_count() {
    let fixture = Fixture::new();
    let text = text_of(&fixture, ODD, Format::Json).await;
    let answer: Value = serde_json::from_str(&text).unwrap();
    let kinds: Vec<&str> =
        answer["columns"].as_array().unwrap().iter().map(|column| column["type"].as_str().unwrap()).collect();
    let expected = [
        "integer",
        "float",
        "float",
        "boolean",
        "string",
        "null",
        "string",
        "timestamp",
        "timestamp",
        "date",
        "decimal",
        "list",
        "interval",
        "integer",
    ];
    assert_eq!(kinds, expected);
    assert_eq!(answer["columns"][0], json!({"name": "i", "type": "integer"}));
    let row = json!([
        1,
        1.5,
        null,
        true,
        "a \"b\", é",
        null,
        "",
        "2023-11-14T22:13:20.123Z",
        "1969-12-31T23:59:59Z",
        "2024-02-29",
        12.30,
        ["x", null],
        answer["rows"][0][12],
        18446744073709551615u64
    ]);
    assert_eq!(answer["rows"], json!([row]));
    assert_eq!(answer["row_count"], json!(1));
    assert!(text.starts_with("{\"columns\":[{\"name\":\"i\",\"type\":\"integer\"},"), "{text}");
}

#[tokio::test]
async fn an_answer_without_rows_is_whole() {
    let fixture = Fixture::new();
    let sql = "SELECT event, timestamp FROM activity";
    let columns = r#"{"columns":[{"name":"event","type":"string"},{"name":"timestamp","type":"timestamp"}]"#;
    assert_eq!(text_of(&fixture, sql, Format::Json).await, format!("{columns},\"rows\":[],\"row_count\":0}}\n"));
    assert_eq!(text_of(&fixture, sql, Format::Ndjson).await, "");
    assert_eq!(text_of(&fixture, sql, Format::Csv).await, "event,timestamp\n");
    assert!(bytes_of(&fixture, sql, Format::Parquet).await.unwrap().starts_with(b"PAR1"));
}

#[tokio::test]
async fn lines_and_csv() {
    let fixture = Fixture::new();
    let sql = "SELECT * FROM (VALUES (1, 'x,\"y\"', NULL), (2, '', 'line\nbreak')) AS t (a, b, c) ORDER BY a";
    let lines = "{\"a\":1,\"b\":\"x,\\\"y\\\"\",\"c\":null}\n{\"a\":2,\"b\":\"\",\"c\":\"line\\nbreak\"}\n";
    assert_eq!(text_of(&fixture, sql, Format::Ndjson).await, lines);
    assert_eq!(text_of(&fixture, sql, Format::Csv).await, "a,b,c\n1,\"x,\"\"y\"\"\",\n2,\"\",\"line\nbreak\"\n");
}

#[tokio::test]
async fn columnar_formats_hold_the_same_rows() {
    let mut fixture = two_files_and_fresh();
    for n in 4..60 {
        fixture.fresh(Table::Activity, &hundred(n * 100));
    }
    let sql = "SELECT a.*, ['x', a.event] AS list FROM activity AS a ORDER BY message_id";
    let json: Value = serde_json::from_str(&text_of(&fixture, sql, Format::Json).await).unwrap();
    let stream = bytes_of(&fixture, sql, Format::ArrowStream).await.unwrap();
    let reader = arrow::ipc::reader::StreamReader::try_new(stream.as_slice(), None).unwrap();
    let rows: usize = reader.map(|batch| batch.unwrap().num_rows()).sum();
    assert_eq!(json["row_count"], json!(rows));
    let file = Bytes::from(bytes_of(&fixture, sql, Format::Parquet).await.unwrap());
    let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    assert_eq!(reader.metadata().file_metadata().num_rows() as usize, rows);
    let names: Vec<String> = reader.schema().fields().iter().map(|field| field.name().clone()).collect();
    let first = reader.build().unwrap().next().unwrap().unwrap();
    let event = names.iter().position(|name| name == "event").unwrap();
    assert_eq!(
        json["rows"][0][event],
        json!(arrow::util::display::array_value_to_string(first.column(event), 0).unwrap())
    );
    assert!(!format!("{:?}", first.schema()).contains("Utf8View"));
}

#[tokio::test]
async fn a_late_error_ends_the_bytes_early() {
    let mut fixture = Fixture::with(|config: &mut EngineConfig| config.rows_max = 10_000);
    for n in 0..200 {
        fixture.fresh(Table::Activity, &hundred(n * 100));
    }
    let sql = "SELECT message_id FROM activity";
    assert_eq!(bytes_of(&fixture, sql, Format::Json).await.unwrap_err().code(), "row_limit");
    let early = "SELECT CAST(event AS BIGINT) FROM activity";
    fixture.publish();
    let answer = fixture.engine.query(PROJECT, Question::new(early)).await.unwrap();
    assert_eq!(encode(answer, Format::Json).await.err().unwrap().code(), "invalid_value");
}
