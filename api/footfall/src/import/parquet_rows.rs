//! Parquet: columns by name, as in CSV, but with their types.

use std::fs::File;
use std::io::{self, BufRead, Read, Write};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit, TimestampMillisecondType};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use footfall_ingest_activity::Timestamp;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::Progress;
use super::row::{Cell, Columns};
use super::source::Sink;
use crate::error::AppError;

/// Reads all rows. What is no plain file (stdin, or packed as a whole) is laid down in a nameless file first.
pub fn read(
    path: &Path,
    mut unpacked: Box<dyn BufRead + Send>,
    progress: &Progress,
    sink: &mut Sink<'_>,
) -> Result<(), AppError> {
    let wrong = |detail: String| AppError::Input(path.display().to_string(), detail);
    let file = plain_file(path, &mut *unpacked).map_err(AppError::file(path))?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| wrong(error.to_string()))?;
    let rows_all = builder.metadata().file_metadata().num_rows().max(1) as u64;
    let columns = Columns::of(builder.schema().fields().iter().map(|field| field.name().as_str()));
    if !columns.has_event() {
        return Err(wrong("there is no column `event`".to_owned()));
    }
    let batches = builder.with_batch_size(1000).build().map_err(|error| wrong(error.to_string()))?;
    progress.rows_of_file(rows_all);
    for batch in batches {
        let batch = batch.map_err(|error| wrong(error.to_string()))?;
        let cells: Result<Vec<_>, _> = batch.columns().iter().map(cells_of).collect();
        let mut cells: Vec<_> = cells.map_err(|error| wrong(error.to_string()))?;
        for row in 0..batch.num_rows() {
            let row = cells.iter_mut().map(|column| column.get_mut(row).map_or(Cell::Nothing, take));
            if !sink.line(columns.item(row).as_bytes()) {
                return Ok(());
            }
        }
        progress.add_rows(batch.num_rows() as u64);
    }
    Ok(())
}

fn take(cell: &mut Cell) -> Cell {
    std::mem::replace(cell, Cell::Nothing)
}

fn plain_file(path: &Path, unpacked: &mut dyn BufRead) -> io::Result<File> {
    if path.as_os_str() != "-" {
        let mut magic = [0; 4];
        let mut file = File::open(path)?;
        if file.read_exact(&mut magic).is_ok() && &magic == b"PAR1" {
            return Ok(file);
        }
    }
    let name = std::env::temp_dir().join(format!("footfall-{}.parquet", uuid::Uuid::new_v4()));
    let mut file = File::options().create_new(true).read(true).write(true).open(&name)?;
    std::fs::remove_file(&name)?;
    io::copy(unpacked, &mut file)?;
    file.flush()?;
    Ok(file)
}

fn cells_of(column: &ArrayRef) -> Result<Vec<Cell>, ArrowError> {
    let rows = 0..column.len();
    let each = |cell: &dyn Fn(usize) -> Cell| {
        rows.clone().map(|row| if column.is_null(row) { Cell::Nothing } else { cell(row) }).collect()
    };
    Ok(match column.data_type() {
        DataType::Null => each(&|_| Cell::Nothing),
        DataType::Boolean => {
            let values = column.as_boolean();
            each(&|row| Cell::Plain(values.value(row).to_string()))
        }
        kind if kind.is_integer() => {
            let values = cast(column, &DataType::Utf8)?;
            each(&|row| Cell::Plain(values.as_string::<i32>().value(row).to_owned()))
        }
        kind if kind.is_floating() => {
            let values = cast(column, &DataType::Float64)?;
            let values = values.as_primitive::<arrow::datatypes::Float64Type>();
            each(&|row| {
                serde_json::Number::from_f64(values.value(row)).map_or(Cell::Nothing, |n| Cell::Plain(n.to_string()))
            })
        }
        DataType::Timestamp(_, _) | DataType::Date32 | DataType::Date64 => {
            let values = cast(column, &DataType::Timestamp(TimeUnit::Millisecond, None))?;
            let values = values.as_primitive::<TimestampMillisecondType>();
            each(&|row| Cell::Text(Timestamp::from_millis(values.value(row)).to_rfc3339()))
        }
        kind if kind.is_decimal() => {
            let format = ArrayFormatter::try_new(column.as_ref(), &FormatOptions::default())?;
            each(&|row| Cell::Plain(format.value(row).to_string()))
        }
        DataType::Dictionary(_, kind) => cells_of(&cast(column, kind)?)?,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            let values = cast(column, &DataType::Utf8View)?;
            each(&|row| Cell::Text(values.as_string_view().value(row).to_owned()))
        }
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            let values = cast(column, &DataType::LargeBinary)?;
            let is_id = *column.data_type() == DataType::FixedSizeBinary(16);
            each(&|row| Cell::Text(text_of(values.as_binary::<i64>().value(row), is_id)))
        }
        DataType::Struct(_)
        | DataType::List(_)
        | DataType::LargeList(_)
        | DataType::FixedSizeList(_, _)
        | DataType::Map(_, _) => nested(column)?,
        _ => {
            let format = ArrayFormatter::try_new(column.as_ref(), &FormatOptions::default())?;
            each(&|row| Cell::Text(format.value(row).to_string()))
        }
    })
}

/// Bytes are text if they can be; columns of 16 bytes each are ids, and so are 16 bytes that nobody would write as text.
fn text_of(bytes: &[u8], is_id: bool) -> String {
    let is_written = |text: &str| !text.chars().any(|letter| letter.is_control() && !letter.is_whitespace());
    match std::str::from_utf8(bytes) {
        Ok(text) if !is_id && (bytes.len() != 16 || is_written(text)) => text.to_owned(),
        _ => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}

/// Nested values as JSON, by way of Arrow's own writer: one object a row.
fn nested(column: &ArrayRef) -> Result<Vec<Cell>, ArrowError> {
    let batch = arrow::record_batch::RecordBatch::try_from_iter_with_nullable([("v", Arc::clone(column), true)])?;
    let mut lines = arrow::json::LineDelimitedWriter::new(Vec::new());
    lines.write(&batch)?;
    lines.finish()?;
    let text = String::from_utf8(lines.into_inner()).unwrap_or_default();
    let value = |line: &str| match line.strip_prefix("{\"v\":").and_then(|line| line.strip_suffix('}')) {
        Some(json) => Cell::Json(json.to_owned()),
        None => Cell::Nothing,
    };
    Ok(text.lines().map(value).collect())
}
