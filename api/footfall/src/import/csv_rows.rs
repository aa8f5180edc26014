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
    !matches!(name, "timestamp" | "time" | "ts")
        && (name.ends_with("id") || name.ends_with("Id") || name == "event" || name == "properties")
}
