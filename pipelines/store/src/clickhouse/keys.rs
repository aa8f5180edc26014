//! Which message keys were published in the de-duplication window: filters in memory, and the table `message_keys` for
//! those that the filters think they have seen.

use std::collections::HashSet;
use std::fmt::Write;

use arrow::array::{Array, AsArray, FixedSizeBinaryArray, RecordBatch};
use arrow::datatypes::DataType;
use footfall_ingest_activity::Timestamp;
use futures::StreamExt;

use super::chain::schema;
use super::database::Database;
use super::ddl::MESSAGE_KEYS;
use super::view::Visible;
use crate::StoreError;
use crate::lake::{KeyFilter, KeySet};

/// Keys in one filter.
const FILTER_KEYS: usize = 1 << 20;
/// Longest time that keys are collected before they become a filter, so that filters expire.
const FILTER_MILLIS: i64 = 86_400_000;
/// Keys asked for in one statement.
const ASKED: usize = 2_000;

/// What is known in memory.
#[derive(Debug, Default)]
pub(super) struct Keys {
    fresh: KeySet,
    fresh_since: Timestamp,
    filters: Vec<Filter>,
}

#[derive(Debug)]
struct Filter {
    keys: KeyFilter,
    newest: Timestamp,
}

/// What memory says of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    No,
    Yes,
    Perhaps,
}

impl Keys {
    pub fn add(&mut self, keys: impl IntoIterator<Item = u128>, now: Timestamp) {
        if self.fresh.is_empty() {
            self.fresh_since = now;
        }
        self.fresh.extend(keys);
        if self.fresh.len() >= FILTER_KEYS || now.millis_since(self.fresh_since) > FILTER_MILLIS {
            let keys: Vec<u128> = std::mem::take(&mut self.fresh).into_iter().collect();
            self.filters.push(Filter { keys: KeyFilter::of(&keys), newest: now });
        }
    }

    /// Forgets what lies before the window.
    pub fn expire(&mut self, horizon: Timestamp) {
        self.filters.retain(|filter| filter.newest >= horizon);
    }

    pub fn knows(&self, key: u128) -> Known {
        if self.fresh.contains(&key) {
            return Known::Yes;
        }
        match self.filters.iter().any(|filter| filter.keys.may_contain(key)) {
            true => Known::Perhaps,
            false => Known::No,
        }
    }

    /// Keys in memory and bytes of filters, roughly.
    pub fn size(&self) -> (u64, usize) {
        let bytes = self.filters.iter().map(|filter| filter.keys.words().len() * 8).sum::<usize>();
        ((self.fresh.len() + self.filters.len() * FILTER_KEYS) as u64, bytes + self.fresh.capacity() * 17)
    }

    /// Reads all keys of the window.
    pub async fn load(database: &Database, horizon: Timestamp, now: Timestamp) -> Result<Keys, StoreError> {
        let mut keys = Keys::default();
        let since = since(horizon);
        let sql = format!("SELECT key FROM {MESSAGE_KEYS} WHERE {since}");
        let mut rows = database.rows(sql, key_schema());
        let mut chunk: Vec<u128> = Vec::new();
        while let Some(batch) = rows.next().await {
            chunk.extend(keys_of(&batch?));
            if chunk.len() >= FILTER_KEYS {
                keys.filters.push(Filter { keys: KeyFilter::of(&std::mem::take(&mut chunk)), newest: now });
            }
        }
        if !chunk.is_empty() {
            keys.filters.push(Filter { keys: KeyFilter::of(&chunk), newest: now });
        }
        Ok(keys)
    }
}

/// Those of the keys that the table has.
pub(super) async fn stored(
    database: &Database,
    keys: &[u128],
    visible: &Visible,
    horizon: Timestamp,
) -> Result<HashSet<u128>, StoreError> {
    let mut found = HashSet::new();
    for asked in keys.chunks(ASKED) {
        let mut list = String::with_capacity(asked.len() * 44);
        for key in asked {
            // Writing to a String cannot fail.
            let _ = write!(list, "unhex('{key:032x}'),");
        }
        let sql = format!(
            "SELECT key FROM {MESSAGE_KEYS} WHERE key IN ({}) AND {} AND {}",
            list.trim_end_matches(','),
            since(horizon),
            visible.condition(0, database.name())
        );
        for batch in database.batches(&sql, &key_schema()).await? {
            found.extend(keys_of(&batch));
        }
    }
    Ok(found)
}

fn since(horizon: Timestamp) -> String {
    format!("published_at >= fromUnixTimestamp64Milli(toInt64({}), 'UTC')", horizon.millis())
}

fn key_schema() -> arrow::datatypes::SchemaRef {
    schema(&[("key", DataType::FixedSizeBinary(16))])
}

fn keys_of(batch: &RecordBatch) -> Vec<u128> {
    let keys: Option<&FixedSizeBinaryArray> = batch.column(0).as_fixed_size_binary_opt();
    let keys = keys.into_iter().flat_map(|keys| (0..keys.len()).map(|row| keys.value(row)));
    keys.filter_map(|bytes| bytes.try_into().ok().map(u128::from_be_bytes)).collect()
}
