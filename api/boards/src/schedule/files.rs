//! Answers as files and as numbers.

use footfall_ingest_activity::Timestamp;
use serde_json::Value;

use crate::error::BoardError;
use crate::pdf::{self, Column, Sheet, Table};

/// An answer as it is sent.
pub struct AnswerFile {
    pub ending: &'static str,
    pub content_type: &'static str,
    pub bytes: Vec<u8>,
}

/// A trend as CSV, a line a bucket; other insights as their JSON.
pub fn of_insight(answer: &Value) -> Result<AnswerFile, BoardError> {
    let Some(Table { columns, rows }) = trend(answer) else {
        let bytes = serde_json::to_vec_pretty(answer).map_err(|_| BoardError::Damaged("an answer"))?;
        return Ok(AnswerFile { ending: "json", content_type: "application/json", bytes });
    };
    let names: Vec<String> = columns.iter().map(|column| cell(&column.name)).collect();
    // The cells are times and numbers.
    let lines = [names].into_iter().chain(rows).map(|cells| cells.join(",") + "\r\n");
    Ok(AnswerFile { ending: "csv", content_type: "text/csv", bytes: lines.collect::<String>().into_bytes() })
}

/// A trend as a table, a row a bucket.
fn trend(answer: &Value) -> Option<Table> {
    let (buckets, lines) = (answer["buckets"].as_array()?, answer["lines"].as_array()?);
    let mut columns = vec![Column { name: "from".to_owned(), is_number: false }];
    for line in lines {
        let measures = line["measures"].as_array().map_or(0, Vec::len);
        let named = |measure| Column { name: name_of(line, measure, measures), is_number: true };
        columns.extend((0..measures).map(named));
    }
    let measured: Vec<&Value> =
        lines.iter().flat_map(|line| line["measures"].as_array().into_iter().flatten()).collect();
    let rows = buckets.iter().enumerate().map(|(at, start)| {
        let start = Timestamp::from_millis(start.as_i64().unwrap_or_default()).to_rfc3339();
        let told = |value: &Value| if value.is_null() { String::new() } else { value.to_string() };
        [start].into_iter().chain(measured.iter().map(|column| told(&column[at]))).collect()
    });
    Some(Table { columns, rows: rows.collect() })
}

/// The table that is printed of an insight.
pub fn table_of_insight(answer: &Value, rows_max: usize) -> Table {
    trend(answer).unwrap_or_else(|| Table::of_values(answer, rows_max))
}

/// The table as a PDF.
pub async fn printed(sheet: Sheet) -> Result<AnswerFile, BoardError> {
    let made = tokio::task::spawn_blocking(move || pdf::of(&sheet)).await;
    let bytes = made.map_err(|_| BoardError::Damaged("a file that was made"))??;
    Ok(AnswerFile { ending: "pdf", content_type: "application/pdf", bytes })
}

fn name_of(line: &Value, measure: usize, measures: usize) -> String {
    let series = line["series"].as_u64().unwrap_or_default() + 1;
    let label = match &line["label"]["values"] {
        Value::Array(values) => {
            let values = values.iter().map(|value| value.as_str().unwrap_or("(none)"));
            format!(" {}", values.collect::<Vec<_>>().join(", "))
        }
        _ if line["label"] == "other" => " other".to_owned(),
        _ => String::new(),
    };
    let which = if measures > 1 { format!(" measure {}", measure + 1) } else { String::new() };
    format!("series {series}{label}{which}")
}

/// RFC 4180; a text that a spreadsheet would run as a formula is kept a text.
fn cell(text: &str) -> String {
    let safe = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() };
    if safe.contains([',', '"', '\r', '\n']) { format!("\"{}\"", safe.replace('"', "\"\"")) } else { safe }
}

/// The numbers of a trend's first line, without the bucket that is still running.
pub fn numbers_of_insight(answer: &Value, now: Timestamp, ends_ms: i64) -> Vec<f64> {
    let measure = answer["lines"][0]["measures"][0].as_array();
    let mut numbers: Vec<f64> = measure.into_iter().flatten().map(|value| value.as_f64().unwrap_or_default()).collect();
    if now.millis() < ends_ms {
        numbers.pop();
    }
    numbers
}

/// Of rows in their order, the last column that is a number.
pub fn numbers_of_rows(answer: &Value) -> Vec<f64> {
    let rows = answer["rows"].as_array().into_iter().flatten();
    rows.filter_map(|row| row.as_array()?.iter().rev().find_map(Value::as_f64)).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use serde_json::json;

    use super::*;

    #[test]
    fn a_trend_is_a_table() {
        let answer = json!({"buckets": [0, 86_400_000], "lines": [
            {"series": 0, "label": "everything", "measures": [[1.0, null]]},
            {"series": 1, "label": {"values": ["=1,2", null]}, "measures": [[3.5, 4.0]]}]});
        let file = of_insight(&answer).unwrap();
        let text = String::from_utf8(file.bytes).unwrap();
        assert_eq!(
            text,
            "from,series 1,\"series 2 =1,2, (none)\"\r\n1970-01-01T00:00:00.000Z,1.0,3.5\r\n1970-01-02T00:00:00.000Z,,4.0\r\n"
        );
        assert_eq!(numbers_of_insight(&answer, Timestamp::from_millis(1), 2), [1.0]);
        assert_eq!(numbers_of_insight(&answer, Timestamp::from_millis(2), 2), [1.0, 0.0]);
        assert_eq!(of_insight(&json!({"people": [1]})).unwrap().ending, "json");
    }

    #[test]
    fn rows_give_their_last_number() {
        assert_eq!(numbers_of_rows(&json!({"rows": [["a", 1, 2.5], ["b", 3, null], ["c", null, "x"]]})), [2.5, 3.0]);
    }
}
