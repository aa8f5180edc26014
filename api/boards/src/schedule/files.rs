//! Answers as files and as numbers.

use footfall_ingest_activity::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::answers::Unanswered;
use crate::error::BoardError;
use crate::pdf::{self, Column, Sheet, Table};
use crate::zone::zone;

/// An answer as it is sent.
pub struct AnswerFile {
    pub ending: &'static str,
    pub content_type: &'static str,
    pub bytes: Vec<u8>,
}

/// A trend as CSV, a line a bucket; other insights as their JSON.
pub fn of_insight(answer: &Value, zone: &str) -> Result<AnswerFile, BoardError> {
    let Some(Table { columns, rows }) = trend(answer, zone) else {
        let bytes = serde_json::to_vec_pretty(answer).map_err(|_| BoardError::Damaged("an answer"))?;
        return Ok(AnswerFile { ending: "json", content_type: "application/json", bytes });
    };
    let names: Vec<String> = columns.iter().map(|column| cell(&column.name)).collect();
    // The cells are times and numbers.
    let lines = [names].into_iter().chain(rows).map(|cells| cells.join(",") + "\r\n");
    Ok(AnswerFile { ending: "csv", content_type: "text/csv", bytes: lines.collect::<String>().into_bytes() })
}

/// Where a bucket begins, by the clock of the zone: its days are days there.
fn moment(millis: i64, clock: Option<&TimeZone>) -> String {
    match clock.zip(jiff::Timestamp::from_millisecond(millis).ok()) {
        Some((clock, moment)) => moment.to_zoned(clock.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
        None => Timestamp::from_millis(millis).to_rfc3339(),
    }
}

/// A trend as a table, a row a bucket.
fn trend(answer: &Value, zone_name: &str) -> Option<Table> {
    let clock = zone(zone_name).filter(|_| zone_name != "UTC");
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
        let start = moment(start.as_i64().unwrap_or_default(), clock.as_ref());
        let told = |value: &Value| if value.is_null() { String::new() } else { value.to_string() };
        [start].into_iter().chain(measured.iter().map(|column| told(&column[at]))).collect()
    });
    Some(Table { columns, rows: rows.collect() })
}

/// The table that is printed of an insight; refused where it would not be all of it.
pub fn table_of_insight(answer: &Value, zone: &str, rows_max: usize) -> Result<Table, BoardError> {
    let table = trend(answer, zone).unwrap_or_else(|| Table::of_values(answer, rows_max + 1));
    if table.rows.len() <= rows_max {
        return Ok(table);
    }
    let detail = format!("the answer has more than {rows_max} rows, which is too many for a PDF");
    Err(Unanswered::Refused { code: "row_limit".to_owned(), detail, position: None }.into())
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
        _ => line["label"]["cohort"].as_str().map_or_else(String::new, |name| format!(" {name}")),
    };
    let which = if measures > 1 { format!(" measure {}", measure + 1) } else { String::new() };
    format!("series {series}{label}{which}")
}

/// RFC 4180; a text that a spreadsheet would run as a formula is kept a text.
fn cell(text: &str) -> String {
    let safe = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() };
    if safe.contains([',', '"', '\r', '\n']) { format!("\"{}\"", safe.replace('"', "\"\"")) } else { safe }
}

/// Lines of CSV as a spreadsheet may open them: a text that it would run as a formula is kept a text, a number stays one. Whoever holds
/// a write key, as every browser does, says what stands in the rows.
pub fn guarded(csv: &[u8]) -> Vec<u8> {
    let mut safe = Vec::with_capacity(csv.len() + csv.len() / 16);
    let mut rest = csv;
    while !rest.is_empty() {
        let (field, after) = rest.split_at(field_end(rest));
        let is_quoted = field.first() == Some(&b'"');
        let bare = if is_quoted { field.get(1..field.len().saturating_sub(1)).unwrap_or_default() } else { field };
        let is_number = std::str::from_utf8(bare).is_ok_and(|text| text.parse::<f64>().is_ok());
        let runs = bare.first().is_some_and(|first| b"=+-@\t\r".contains(first)) && !is_number;
        match (runs, is_quoted) {
            (true, true) => {
                safe.extend_from_slice(b"\"'");
                safe.extend_from_slice(&field[1..]);
            }
            (true, false) => {
                safe.push(b'\'');
                safe.extend_from_slice(field);
            }
            (false, _) => safe.extend_from_slice(field),
        }
        // What ends it: a comma, or a line's end.
        let ends =
            after.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count().max(usize::from(!after.is_empty()));
        safe.extend_from_slice(&after[..ends]);
        rest = &after[ends..];
    }
    safe
}

/// Where the field ends that a text begins with.
fn field_end(text: &[u8]) -> usize {
    if text.first() != Some(&b'"') {
        return text.iter().position(|byte| matches!(byte, b',' | b'\r' | b'\n')).unwrap_or(text.len());
    }
    let mut at = 1;
    while let Some(byte) = text.get(at) {
        match (byte, text.get(at + 1)) {
            (b'"', Some(b'"')) => at += 2,
            (b'"', _) => return at + 1,
            _ => at += 1,
        }
    }
    text.len()
}

/// The numbers of a trend's one line, or of its one formula, which is the last, of whole buckets that are over: the one that is running
/// and those to come say nothing yet, and a week or month that began before the time says too little.
pub fn numbers_of_insight(answer: &Value, now: Timestamp, (from_ms, until_ms): (i64, i64)) -> Vec<f64> {
    let starts: Vec<i64> = answer["buckets"].as_array().into_iter().flatten().filter_map(Value::as_i64).collect();
    let ends = starts.iter().skip(1).copied().chain([until_ms]);
    let line = answer["lines"].as_array().and_then(|lines| lines.last()).unwrap_or(&Value::Null);
    let measure = line["measures"][0].as_array().into_iter().flatten();
    let buckets = starts.iter().copied().zip(ends);
    let over = measure.zip(buckets).filter(|(_, (start, end))| *start >= from_ms && *end <= now.millis());
    there_are(over.map(|(value, _)| value.as_f64()).collect())
}

/// Of rows in their order, the last column that has numbers.
pub fn numbers_of_rows(answer: &Value) -> Vec<f64> {
    let rows: Vec<&Vec<Value>> = answer["rows"].as_array().into_iter().flatten().filter_map(Value::as_array).collect();
    let number = |row: &&Vec<Value>, column: usize| row.get(column).and_then(Value::as_f64);
    let columns = rows.iter().map(|row| row.len()).max().unwrap_or_default();
    let column = (0..columns).rev().find(|column| rows.iter().any(|row| number(row, *column).is_some()));
    there_are(column.into_iter().flat_map(|column| rows.iter().map(move |row| number(row, column))).collect())
}

/// Where there was nothing to measure, there is no number; of the last, that is watched, there has to be one.
fn there_are(numbers: Vec<Option<f64>>) -> Vec<f64> {
    if numbers.last().is_none_or(Option::is_none) { Vec::new() } else { numbers.into_iter().flatten().collect() }
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
        let file = of_insight(&answer, "UTC").unwrap();
        let text = String::from_utf8(file.bytes).unwrap();
        assert_eq!(
            text,
            "from,series 1,\"series 2 =1,2, (none)\"\r\n1970-01-01T00:00:00.000Z,1.0,3.5\r\n1970-01-02T00:00:00.000Z,,4.0\r\n"
        );
        assert_eq!(of_insight(&json!({"people": [1]}), "UTC").unwrap().ending, "json");
    }

    #[test]
    fn lines_are_safe_for_spreadsheets() {
        let of = |text: &str| String::from_utf8(guarded(text.as_bytes())).unwrap();
        let unsafe_lines = "name,n\n=1+1,-5\n\"-2, and \"\"more\"\"\",-1e5\n\"@a\n=b\",+x\n,\n";
        assert_eq!(of(unsafe_lines), "name,n\n'=1+1,-5\n\"'-2, and \"\"more\"\"\",-1e5\n\"'@a\n=b\",'+x\n,\n");
        for plain in ["", "a", "a,b\r\n1,\"two, three\"\r\n", ",,\n\n,", "\"no end"] {
            assert_eq!(of(plain), plain);
        }
    }

    #[test]
    fn only_what_is_over_is_watched_and_nothing_is_no_number() {
        const HOUR: i64 = 3_600_000;
        let hours: Vec<i64> = (0..24).map(|hour| hour * HOUR).collect();
        let values: Vec<f64> = (0..24).map(|hour| if hour < 11 { f64::from(hour) + 1.0 } else { 0.0 }).collect();
        let of = |buckets: &[i64], values: Value, now: i64| {
            let answer = json!({"buckets": buckets, "lines": [{"measures": [values]}]});
            numbers_of_insight(&answer, Timestamp::from_millis(now), (-24 * HOUR, 24 * HOUR))
        };
        // Half past ten: ten hours are over, the eleventh is running, the rest of the day is to come.
        let over = of(&hours, json!(values), 10 * HOUR + HOUR / 2);
        assert_eq!((over.len(), over.last()), (10, Some(&10.0)));
        assert_eq!(of(&hours, json!(values), 24 * HOUR).len(), 24);
        // A day that is running; a day that nothing was measured in, last and before.
        assert_eq!(of(&[0], json!([5.0]), 3 * HOUR), [0.0; 0]);
        let two = [-24 * HOUR, 0];
        assert_eq!(of(&two, json!([5.0, null]), 24 * HOUR), [0.0; 0], "nothing is not below anything");
        assert_eq!(of(&two, json!([null, 5.0]), 24 * HOUR), [5.0]);
        assert_eq!(of(&two, json!([5.0, 0.0]), 24 * HOUR), [5.0, 0.0]);
    }

    #[test]
    fn what_is_cut_says_nothing_and_a_formula_goes_before_its_series() {
        const DAY: i64 = 86_400_000;
        // Weeks that begin on the days 0, 7 and 14, asked from day 3 to 17.
        let lines =
            json!([{"measures": [[3.0, 70.0, 9.0]]}, {"measures": [[1.0, 7.0, 1.0]]}, {"measures": [[0.3, 0.1, 0.1]]}]);
        let answer = json!({"buckets": [0, 7 * DAY, 14 * DAY], "lines": lines});
        let of = |from: i64| numbers_of_insight(&answer, Timestamp::from_millis(16 * DAY), (from * DAY, 17 * DAY));
        assert_eq!(of(3), [0.1], "of the first week four days were asked for, and the third is running");
        assert_eq!(of(0), [0.3, 0.1]);
    }

    #[test]
    fn each_line_of_a_trend_has_its_name() {
        let line = |label: Value| json!({"series": 0, "label": label, "measures": [[1.0]]});
        let lines = [json!({"cohort": "Pro"}), json!({"cohort": "Free, all"}), json!("other")].map(line);
        let file = of_insight(&json!({"buckets": [0], "lines": lines}), "UTC").unwrap();
        let head = String::from_utf8(file.bytes).unwrap().lines().next().unwrap().to_owned();
        assert_eq!(head, "from,series 1 Pro,\"series 1 Free, all\",series 1 other");
    }

    #[test]
    fn days_are_written_as_the_zone_has_them() {
        // 2026-11-24 in Berlin begins while it is the 23rd in UTC; 2026-03-30 does so with its clocks put forward.
        let buckets = json!([1_795_474_800_000_i64, 1_774_821_600_000_i64]);
        let answer =
            json!({"buckets": buckets, "lines": [{"series": 0, "label": "everything", "measures": [[1.0, 2.0]]}]});
        let first = |table: Table| table.rows.into_iter().map(|row| row[0].clone()).collect::<Vec<_>>();
        let there = table_of_insight(&answer, "Europe/Berlin", 10).unwrap();
        assert_eq!(first(there), ["2026-11-24T00:00:00+01:00", "2026-03-30T00:00:00+02:00"]);
        let here = table_of_insight(&answer, "UTC", 10).unwrap();
        assert_eq!(first(here), ["2026-11-23T23:00:00.000Z", "2026-03-29T22:00:00.000Z"]);
    }

    #[test]
    fn what_is_printed_is_all_or_refused() {
        let cells = json!({"cells": (0..11).collect::<Vec<i32>>()});
        assert_eq!(table_of_insight(&cells, "UTC", 11).unwrap().rows.len(), 11);
        assert!(matches!(table_of_insight(&cells, "UTC", 10), Err(BoardError::Unanswered(Unanswered::Refused { .. }))));
    }

    #[test]
    fn rows_give_their_last_column_with_numbers() {
        let of = |rows: Value| numbers_of_rows(&json!({ "rows": rows }));
        assert_eq!(of(json!([["a", 1, 2.5], ["b", 3, null], ["c", null, 4.0]])), [2.5, 4.0], "and no other's");
        assert_eq!(of(json!([["a", 1, "x"], ["b", 3, null]])), [1.0, 3.0]);
        assert_eq!(of(json!([["a", 1.0, 2.5], ["b", 3.0, null]])), [0.0; 0], "of the last there is none");
        assert_eq!(of(json!([])), [0.0; 0]);
    }
}
