//! What of the tables is a person's who is forgotten, and what others keep of it. Every store goes by this.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, RecordBatch, StringViewArray};
use arrow::compute::filter_record_batch;
use footfall_ingest_activity::Erasure;
use parquet::file::statistics::Statistics;
use uuid::Uuid;

use crate::StoreError;
use crate::lake::{Overrides, to_table_schema};
use crate::tables::Table;

/// The columns that say whose a row is; none for a table that says it of nobody.
pub(crate) const fn telling(table: Table) -> &'static [&'static str] {
    match table {
        Table::Activity | Table::Identities | Table::SessionParts | Table::PersonOverrides => &["person_id"],
        Table::PersonMerges => &["from_distinct_id", "into_distinct_id"],
        Table::Quarantine => &["raw"],
        Table::QuarantineResolved => &[],
    }
}

/// The own persons of all ids that are the person now.
pub(crate) fn persons_of(overrides: &Overrides, person: Uuid) -> BTreeSet<Uuid> {
    let now = overrides.get(&person).copied().unwrap_or(person);
    let own = overrides.iter().filter(|(_, person)| **person == now).map(|(own, _)| *own);
    own.chain([now]).collect()
}

/// Which rows are the person's.
pub(crate) struct Theirs<'a> {
    erasure: &'a Erasure,
    persons: HashSet<String>,
}

impl<'a> Theirs<'a> {
    /// Those of an erasure.
    pub fn of(erasure: &'a Erasure) -> Self {
        Theirs { erasure, persons: erasure.persons.iter().map(|own| own.hyphenated().to_string()).collect() }
    }

    /// Of each row whether it is theirs.
    pub fn rows(&self, table: Table, batch: &RecordBatch) -> Result<Vec<bool>, StoreError> {
        let mut theirs = vec![false; batch.num_rows()];
        for name in telling(table) {
            let column = batch.column_by_name(name).ok_or_else(|| StoreError::Task(format!("no column {name}")))?;
            for (row, value) in column.as_string_view().iter().enumerate() {
                let Some(value) = value else { continue };
                theirs[row] |= match table {
                    Table::PersonMerges => self.erasure.has(value),
                    Table::Quarantine => self.erasure.is_named_in(value),
                    _ => self.persons.contains(value),
                };
            }
        }
        Ok(theirs)
    }

    /// False when the statistics of a row group say that nobody of them is in it.
    pub fn may_be_within(&self, statistics: Option<&Statistics>) -> bool {
        let bounds = statistics.and_then(|statistics| Some((statistics.min_bytes_opt()?, statistics.max_bytes_opt()?)));
        bounds.is_none_or(|(min, max)| {
            self.persons.iter().any(|person| min <= person.as_bytes() && person.as_bytes() <= max)
        })
    }
}

/// A claim of the person about an id of somebody else says that this one is an identified user. That is kept, without the
/// person, or the other could be merged into somebody later who they are not.
pub(crate) fn known_users(batches: &[RecordBatch], erasure: &Erasure) -> Result<Option<RecordBatch>, StoreError> {
    let text = |batch: &RecordBatch, name: &str| -> Result<StringViewArray, StoreError> {
        let column = batch.column_by_name(name).ok_or_else(|| StoreError::Task(format!("no column {name}")))?;
        Ok(column.as_string_view().clone())
    };
    let mut undone = HashSet::new();
    for batch in batches {
        let (kinds, ids) = (text(batch, "kind")?, text(batch, "merge_id")?);
        let pairs = kinds.iter().flatten().zip(ids.iter().flatten());
        undone.extend(pairs.filter(|(kind, _)| *kind == "undo").map(|(_, id)| id.to_owned()));
    }
    let mut kept = Vec::new();
    for batch in batches {
        let (kinds, ids) = (text(batch, "kind")?, text(batch, "merge_id")?);
        let (from, into) = (text(batch, "from_distinct_id")?, text(batch, "into_distinct_id")?);
        let is_kept = |row: usize| {
            matches!(kinds.value(row), "identify" | "alias")
                && !undone.contains(ids.value(row))
                && erasure.has(from.value(row))
                && !erasure.has(into.value(row))
        };
        let rows: BooleanArray = (0..batch.num_rows()).map(|row| Some(is_kept(row))).collect();
        if rows.true_count() > 0 {
            kept.push(without_them(&filter_record_batch(batch, &rows)?)?);
        }
    }
    if kept.is_empty() {
        return Ok(None);
    }
    Ok(Some(arrow::compute::concat_batches(&Table::PersonMerges.schema(), &kept)?))
}

/// Claims of others about an id, as what it said of itself.
fn without_them(batch: &RecordBatch) -> Result<RecordBatch, StoreError> {
    let schema = batch.schema();
    let of = |name: &str| batch.column_by_name(name).cloned();
    let all = |word: &str| -> ArrayRef {
        Arc::new(StringViewArray::from_iter_values(std::iter::repeat_n(word, batch.num_rows())))
    };
    let columns = schema.fields().iter().zip(batch.columns()).map(|(field, column)| match field.name().as_str() {
        "from_distinct_id" => of("into_distinct_id").unwrap_or_else(|| column.clone()),
        "kind" => all("identify"),
        "outcome" => all("known"),
        _ => column.clone(),
    });
    to_table_schema(Table::PersonMerges, &RecordBatch::try_new(schema.clone(), columns.collect())?)
}
