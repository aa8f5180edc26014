//! CSV with a header line.

use std::io::BufRead;
use std::path::Path;

use csv::StringRecord;

use super::row::{Cell, Columns, guessed};
use super::source::Sink;
use crate::error::AppError;

/// Reads all rows.
pub fn read(path: &Path, file: Box<dyn BufRead + Send>, sink: &mut Sink<'_>) -> Result<(), AppError> {
    let wrong = |detail: String| AppError::Input(path.display().to_string(), detail);
    let mut rows = csv::ReaderBuilder::new().flexible(true).from_reader(file);
    let header = rows.headers().map_err(|error| wrong(error.to_string()))?.clone();
    let columns = Columns::of(header.iter());
    if !columns.has_event() {
        return Err(wrong("neither JSON, nor Parquet, nor CSV with a column `event` in its header".to_owned()));
    }
    let ids: Vec<bool> = header.iter().map(is_text).collect();
    let mut row = StringRecord::new();
    loop {
        match rows.read_record(&mut row) {
            Ok(false) => return Ok(()),
            Ok(true) => {}
            Err(error) if error.is_io_error() => return Err(wrong(error.to_string())),
            Err(_) => {
                sink.reject();
                continue;
            }
        }
        // A comma that should have been quoted: whoever wrote it meant something else by every cell behind it.
        if row.iter().skip(ids.len()).any(|text| !text.is_empty()) {
            sink.reject();
            continue;
        }
        let cells = row.iter().zip(&ids).map(|(text, is_text)| match (text, is_text) {
            ("", _) => Cell::Nothing,
            (text, true) => Cell::Text(text.to_owned()),
            (text, false) => guessed(text),
        });
        if !sink.line(columns.item(cells).as_bytes()) {
            return Ok(());
        }
    }
}

/// Columns that stay text even when they look like numbers.
fn is_text(name: &str) -> bool {
    let name = name.trim();
    matches!(name, "event" | "properties") || is_id(name)
}

/// Whose ids are written in one word.
const JOINED: [&str; 10] =
    ["uu", "gu", "user", "distinct", "anonymous", "message", "event", "device", "session", "customer"];

/// The last word is `id`. `paid`, `valid` and `bid` are none.
fn is_id(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let Some(before) = lower.strip_suffix("id") else { return false };
    let (front, last) = name.split_at(before.len());
    let is_word = !front.ends_with(|letter: char| letter.is_alphabetic());
    let is_camel = last.starts_with('I') && front.ends_with(|letter: char| letter.is_lowercase());
    is_word || is_camel || JOINED.iter().any(|joined| before.ends_with(joined))
}
