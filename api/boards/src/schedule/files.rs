//! Answers as files and as numbers.

use footfall_ingest_activity::Timestamp;
use serde_json::Value;

use crate::error::BoardError;

/// An answer as it is sent.
pub struct AnswerFile {
    pub ending: &'static str,
    pub content_type: &'static str,
    pub bytes: Vec<u8>,
}

/// A trend as CSV, a line a bucket; other insights as their JSON.
pub fn of_insight(answer: &Value) -> Result<AnswerFile, BoardError> {
    let (Some(buckets), Some(lines)) = (answer["buckets"].as_array(), answer["lines"].as_array()) else {
        let bytes = serde_json::to_vec_pretty(answer).map_err(|_| BoardError::Damaged("an answer"))?;
        return Ok(AnswerFile { ending: "json", content_type: "application/json", bytes });
    };
    let mut text = "from".to_owned();
    let columns: Vec<&Value> =
        lines.iter().flat_map(|line| line["measures"].as_array().into_iter().flatten()).collect();
    for line in lines {
        let measures = line["measures"].as_array().map_or(0, Vec::len);
        for measure in 0..measures {
            text.push_str(&format!(",{}", cell(&name_of(line, measure, measures))));
        }
    }
    text.push_str("\r\n");
    for (at, start) in buckets.iter().enumerate() {
        text.push_str(&Timestamp::from_millis(start.as_i64().unwrap_or_default()).to_rfc3339());
        for column in &columns {
            let value = &column[at];
            text.push_str(&format!(",{}", if value.is_null() { String::new() } else { value.to_string() }));
        }
        text.push_str("\r\n");
    }
    Ok(AnswerFile { ending: "csv", content_type: "text/csv", bytes: text.into_bytes() })
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
