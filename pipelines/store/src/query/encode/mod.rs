//! An answer as bytes: JSON, NDJSON, CSV, Arrow's IPC stream or Parquet, as the rows come.

mod cell;
mod columnar;
mod kind;
mod text;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{self, BoxStream};

use arrow::array::{Array, ArrayRef, RecordBatch, StringViewArray};
use arrow::datatypes::Schema;
use arrow::error::ArrowError;

use super::answer::Answer;
use super::error::QueryError;

pub use columnar::{plain_batch, plain_schema};
pub use kind::kind_of;

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `{"columns":[{"name","type"}],"rows":[[…]],"row_count":n}`.
    Json,
    /// One object per line.
    Ndjson,
    /// With a header line; quoted where needed, null is nothing and an empty text is `""`.
    Csv,
    /// Arrow's IPC stream, not compressed.
    ArrowStream,
    /// A Parquet file, compressed with zstd.
    Parquet,
}

impl Format {
    /// The media type.
    pub const fn content_type(self) -> &'static str {
        match self {
            Format::Json => "application/json",
            Format::Ndjson => "application/x-ndjson",
            Format::Csv => "text/csv; charset=utf-8",
            Format::ArrowStream => "application/vnd.apache.arrow.stream",
            Format::Parquet => "application/vnd.apache.parquet",
        }
    }
}

/// Writes rows of one schema after another into a buffer.
trait Encoder: Send {
    fn begin(&mut self, out: &mut Vec<u8>) -> Result<(), ArrowError>;
    fn rows(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), ArrowError>;
    fn end(&mut self, rows: u64, out: &mut Vec<u8>) -> Result<(), ArrowError>;
}

fn encoder(format: Format, schema: &Schema) -> Result<Box<dyn Encoder>, ArrowError> {
    Ok(match format {
        Format::Json => Box::new(text::JsonRows::new(schema)),
        Format::Ndjson => Box::new(text::JsonLines::new(schema)),
        Format::Csv => Box::new(text::Csv::new(schema)),
        Format::ArrowStream => Box::new(columnar::ArrowStream::new(schema)?),
        Format::Parquet => Box::new(columnar::ParquetFile::new(schema)?),
    })
}

/// The bytes of an answer.
pub type EncodedStream = BoxStream<'static, Result<Bytes, QueryError>>;

/// Writes `answer` as `format`. It returns when the first rows are there, so that a question that fails early fails here;
/// an error in the stream means that the bytes before it are not a whole answer.
pub async fn encode(mut answer: Answer, format: Format) -> Result<EncodedStream, QueryError> {
    let failed = |error: ArrowError| QueryError::internal(&error);
    let mut encoder = encoder(format, answer.schema()).map_err(failed)?;
    let mut out = Vec::new();
    encoder.begin(&mut out).map_err(failed)?;
    let first = answer.next().await.transpose()?;
    let state = match first {
        Some(rows) => {
            encoder.rows(&rows, &mut out).map_err(failed)?;
            Some((answer, encoder))
        }
        None => {
            encoder.end(0, &mut out).map_err(failed)?;
            None
        }
    };
    let rest = stream::unfold(state, move |state| async move {
        let (mut answer, mut encoder) = state?;
        let mut out = Vec::new();
        match answer.next().await {
            Some(Ok(rows)) => match encoder.rows(&rows, &mut out) {
                Ok(()) => Some((Ok(out), Some((answer, encoder)))),
                Err(error) => Some((Err(failed(error)), None)),
            },
            Some(Err(error)) => Some((Err(error), None)),
            None => match encoder.end(answer.rows(), &mut out) {
                Ok(()) => Some((Ok(out), None)),
                Err(error) => Some((Err(failed(error)), None)),
            },
        }
    });
    let pieces = stream::once(async move { Ok(out) }).chain(rest);
    let not_empty = |piece: &Result<Vec<u8>, QueryError>| !piece.as_ref().is_ok_and(Vec::is_empty);
    Ok(pieces.filter(move |piece| std::future::ready(not_empty(piece))).map(|piece| piece.map(Bytes::from)).boxed())
}

/// A column whose values are written as JSON texts; nulls stay nulls. For doors whose formats have no nested types.
pub fn as_json(column: &ArrayRef) -> Result<StringViewArray, ArrowError> {
    let cells = cell::Cells::new(column)?;
    let mut text = Vec::new();
    let texts = (0..column.len()).map(|row| {
        if column.is_null(row) {
            return None;
        }
        text.clear();
        cells.write_json(row, &mut text);
        Some(String::from_utf8_lossy(&text).into_owned())
    });
    Ok(texts.collect())
}
