//! Bringing the tables of a database to the form that this program knows, step by numbered step.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::{DataType, Field, Schema, UInt32Type};

use super::database::Database;
use super::ddl::{self, Layout, MESSAGE_KEYS, MIGRATIONS};
use super::native;
use crate::StoreError;
use crate::tables::Table;

/// The steps, in order; the number of a step is its place, from 1.
const STEPS: &[(&str, Step)] = &[("tables", ddl::create), ("erasures", ddl::create_erasures)];

type Step = fn(&Layout, i64) -> Vec<String>;

/// Applies the steps that the database has not seen. Each may be repeated: a process that was killed in the middle, or
/// two that start at once, do no harm.
pub(super) async fn apply(database: &Database, layout: &Layout, keys_days: i64) -> Result<(), StoreError> {
    for name in [database.name(), &native::empty_database(database)] {
        database.create(name, &layout.on_cluster()).await?;
    }
    let seen = seen(database).await?;
    let known = STEPS.len() as u32;
    if seen > known {
        return Err(StoreError::TooNew { found: seen, known });
    }
    for ((name, step), version) in STEPS.iter().zip(1..).filter(|(_, version)| *version > seen) {
        for statement in step(layout, keys_days) {
            database.execute(&statement, &[]).await?;
        }
        let note = format!("INSERT INTO {MIGRATIONS} (version, name) SELECT {version}, '{name}'");
        database.execute(&note, &[("insert_deduplication_token", version.to_string())]).await?;
        tracing::info!(database = database.name(), version, name, "the tables were brought up to date");
    }
    add_columns(database, layout).await?;
    keep_keys(database, layout, keys_days).await
}

/// Changes nothing.
///
/// # Errors
/// The tables are not in the form that this program knows.
pub(super) async fn must_be_applied(database: &Database) -> Result<(), StoreError> {
    let (found, known) = (seen(database).await?, STEPS.len() as u32);
    match found.cmp(&known) {
        Ordering::Less => Err(StoreError::TooOld { found, known }),
        Ordering::Equal => Ok(()),
        Ordering::Greater => Err(StoreError::TooNew { found, known }),
    }
}

async fn seen(database: &Database) -> Result<u32, StoreError> {
    let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::UInt32, false)]));
    let number = async |sql: &str| -> Result<u32, StoreError> {
        let batches = database.batches(sql, &schema).await?;
        Ok(batches
            .first()
            .and_then(|batch| batch.column(0).as_primitive::<UInt32Type>().values().first().copied())
            .unwrap_or(0))
    };
    let exists = format!(
        "SELECT toUInt32(count()) FROM system.tables WHERE database = currentDatabase() AND name = '{MIGRATIONS}'"
    );
    match number(&exists).await? {
        0 => Ok(0),
        _ => number(&format!("SELECT toUInt32(max(version)) FROM {MIGRATIONS}")).await,
    }
}

/// Columns that the schemas have gained since the tables were made. They are nullable, so that old rows need nothing.
async fn add_columns(database: &Database, layout: &Layout) -> Result<(), StoreError> {
    let text = |name| Field::new(name, DataType::Utf8, false);
    let schema = Arc::new(Schema::new(vec![text("table"), text("name")]));
    let sql = "SELECT table, name FROM system.columns WHERE database = currentDatabase()";
    let mut there = std::collections::HashSet::new();
    for batch in database.batches(sql, &schema).await? {
        let (tables, names) = (batch.column(0).as_string::<i32>(), batch.column(1).as_string::<i32>());
        there.extend(tables.iter().flatten().zip(names.iter().flatten()).map(|(t, n)| (t.to_owned(), n.to_owned())));
    }
    for &table in Table::ALL {
        for place in [layout.own(table.name()), table.name().to_owned()] {
            let missing = |name: &str| !there.contains(&(place.clone(), name.to_owned()));
            for column in table.columns().iter().filter(|column| missing(column.name)) {
                let definition = ddl::column_definition(column);
                let on = layout.on_cluster();
                let sql = format!("ALTER TABLE `{place}`{on} ADD COLUMN IF NOT EXISTS {definition}");
                database.execute(&sql, &[]).await?;
            }
        }
    }
    Ok(())
}

/// The database drops message keys by itself, and its table may have been made when the window was shorter.
async fn keep_keys(database: &Database, layout: &Layout, keys_days: i64) -> Result<(), StoreError> {
    let own = layout.own(MESSAGE_KEYS);
    let schema = Arc::new(Schema::new(vec![Field::new("engine", DataType::Utf8, false)]));
    let sql = format!("SELECT engine_full FROM system.tables WHERE database = currentDatabase() AND name = '{own}'");
    let batches = database.batches(&sql, &schema).await?;
    let engine = batches.iter().find_map(|batch| batch.column(0).as_string::<i32>().iter().flatten().next());
    if engine.and_then(days_kept).is_some_and(|kept| kept < keys_days) {
        let (on, ttl) = (layout.on_cluster(), ddl::keys_ttl(keys_days));
        database.execute(&format!("ALTER TABLE `{own}`{on} MODIFY TTL {ttl}"), &[]).await?;
        tracing::info!(keys_days, "message keys are kept for longer from now on");
    }
    Ok(())
}

/// After how many days a table drops rows, as the database writes it.
fn days_kept(engine: &str) -> Option<i64> {
    let (_, days) = engine.split_once("toIntervalDay(")?;
    days.split_once(')')?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_days_of_a_table_are_read() {
        let engine = "MergeTree PARTITION BY toYYYYMMDD(published_at) ORDER BY key \
                      TTL toDateTime(published_at) + toIntervalDay(34) SETTINGS index_granularity = 512";
        assert_eq!(days_kept(engine), Some(34));
        assert_eq!(days_kept("MergeTree ORDER BY publication"), None);
    }
}
