//! The rows of `person_merges`, written to Arrow and read back.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray, StringViewArray};
use arrow::array::{Int64Array, StringDictionaryBuilder, TimestampMillisecondArray};
use arrow::datatypes::{DataType, Int32Type, Int64Type, TimestampMillisecondType};
use arrow::error::ArrowError;
use footfall_ingest_activity::Timestamp;
use footfall_pipelines_store::tables::Table;

use super::claim::{ClaimKind, Outcome};

/// What a row is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MergeRowKind {
    Claim(ClaimKind),
    Undo,
}

impl MergeRowKind {
    const ALL: [MergeRowKind; 4] = [
        MergeRowKind::Claim(ClaimKind::Identify),
        MergeRowKind::Claim(ClaimKind::Alias),
        MergeRowKind::Claim(ClaimKind::Merge),
        MergeRowKind::Undo,
    ];

    /// The word in the `kind` column.
    pub const fn as_str(self) -> &'static str {
        match self {
            MergeRowKind::Claim(kind) => kind.as_str(),
            MergeRowKind::Undo => "undo",
        }
    }

    fn from_word(word: &str) -> Option<MergeRowKind> {
        MergeRowKind::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// A row of `person_merges`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergeRow {
    pub sequence: i64,
    pub merge_id: Arc<str>,
    pub kind: MergeRowKind,
    pub from: Arc<str>,
    pub into: Arc<str>,
    pub timestamp: Timestamp,
    pub received_at: Timestamp,
    pub outcome: Outcome,
}

/// The rows as a batch of `person_merges`.
pub fn merge_rows_into(rows: &[MergeRow]) -> Result<RecordBatch, ArrowError> {
    let texts =
        |of: fn(&MergeRow) -> &str| Arc::new(StringViewArray::from_iter_values(rows.iter().map(of))) as ArrayRef;
    let times = |of: fn(&MergeRow) -> Timestamp| {
        let millis = rows.iter().map(|row| of(row).millis());
        Arc::new(TimestampMillisecondArray::from_iter_values(millis).with_timezone("UTC")) as ArrayRef
    };
    let words = |of: fn(&MergeRow) -> &'static str| {
        let mut builder = StringDictionaryBuilder::<Int32Type>::new();
        rows.iter().for_each(|row| builder.append_value(of(row)));
        Arc::new(builder.finish()) as ArrayRef
    };
    let columns = vec![
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.sequence))) as ArrayRef,
        texts(|row| &row.merge_id),
        words(|row| row.kind.as_str()),
        texts(|row| &row.from),
        texts(|row| &row.into),
        times(|row| row.timestamp),
        times(|row| row.received_at),
        words(|row| row.outcome.as_str()),
    ];
    RecordBatch::try_new(Table::PersonMerges.fresh_schema(), columns)
}

/// The rows of a batch, be it fresh or read from a file. A row with a word that this version does not know is an error:
/// without it the state would be another.
pub fn merge_rows_from(batch: &RecordBatch) -> Result<Vec<MergeRow>, ArrowError> {
    let texts = |name: &str| texts_of(batch, name);
    let times = |name: &str| -> Result<Vec<Timestamp>, ArrowError> {
        let array = column(batch, name)?;
        let array = array
            .as_primitive_opt::<TimestampMillisecondType>()
            .ok_or_else(|| ArrowError::SchemaError(format!("person_merges.{name} is {}", array.data_type())))?;
        Ok(array.values().iter().map(|&millis| Timestamp::from_millis(millis)).collect())
    };
    let sequence = column(batch, "sequence")?;
    let sequence = sequence
        .as_primitive_opt::<Int64Type>()
        .ok_or_else(|| ArrowError::SchemaError("person_merges.sequence is no integer".to_owned()))?;
    let (merge_id, kind) = (texts("merge_id")?, texts("kind")?);
    let (from, into, outcome) = (texts("from_distinct_id")?, texts("into_distinct_id")?, texts("outcome")?);
    let (timestamp, received_at) = (times("timestamp")?, times("received_at")?);
    let unknown = |word: &str| ArrowError::ParseError(format!("person_merges: {word:?} is unknown to this version"));
    (0..batch.num_rows())
        .map(|row| {
            Ok(MergeRow {
                sequence: sequence.value(row),
                merge_id: merge_id[row].clone(),
                kind: MergeRowKind::from_word(&kind[row]).ok_or_else(|| unknown(&kind[row]))?,
                from: from[row].clone(),
                into: into[row].clone(),
                timestamp: timestamp[row],
                received_at: received_at[row],
                outcome: Outcome::from_word(&outcome[row]).ok_or_else(|| unknown(&outcome[row]))?,
            })
        })
        .collect()
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef, ArrowError> {
    batch.column_by_name(name).ok_or_else(|| ArrowError::SchemaError(format!("person_merges has no {name}")))
}

/// The texts of a column, whichever of Arrow's text types it has.
fn texts_of(batch: &RecordBatch, name: &str) -> Result<Vec<Arc<str>>, ArrowError> {
    let array = arrow::compute::cast(column(batch, name)?, &DataType::Utf8)?;
    let array: &StringArray = array.as_string();
    Ok((0..array.len()).map(|row| Arc::from(array.value(row))).collect())
}
