//! The chain of publications: a row of `publications` names the one before it, and there is one successor of each.
//!
//! The row is inserted under a token that is made of its predecessor, so that the database itself takes the first and
//! drops every other. Who opens the store appends a barrier: whoever wrote before has lost its place in the chain then,
//! and cannot commit any more. A barrier's number leaves one out, which the writer before may have begun.

use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, UInt64Type};
use footfall_ingest_activity::Checkpoint;

use super::database::Database;
use super::ddl::{PUBLICATIONS, SETTLED};
use super::filter_sql::quoted;
use crate::StoreError;

/// A publication as it stands in the chain.
#[derive(Debug, Clone)]
pub(super) struct Link {
    pub publication: u64,
    pub previous: u64,
    pub is_barrier: bool,
    pub checkpoint: Checkpoint,
    pub records: u64,
    /// Projects in which persons were merged or parted.
    pub merged_projects: Vec<Arc<str>>,
    pub published_at: i64,
}

impl Link {
    /// The barrier after `previous`.
    pub fn barrier(previous: u64, checkpoint: Checkpoint, published_at: i64) -> Link {
        let publication = previous + 2;
        Link {
            publication,
            previous,
            is_barrier: true,
            checkpoint,
            records: 0,
            merged_projects: Vec::new(),
            published_at,
        }
    }
}

/// Puts a link at the end of the chain; false when there is another in its place.
pub(super) async fn append(database: &Database, writer: &str, link: &Link) -> Result<bool, StoreError> {
    let Link { publication, previous, is_barrier, checkpoint, records, merged_projects, published_at } = link;
    let checkpoint = serde_json::to_string(checkpoint).map_err(|error| StoreError::Task(error.to_string()))?;
    let merged: Vec<String> = merged_projects.iter().map(|project| quoted(project)).collect();
    let sql = format!(
        "INSERT INTO {PUBLICATIONS} SELECT {publication}, {previous}, {is_barrier}, {}, {}, {records}, \
         CAST([{}] AS Array(String)), fromUnixTimestamp64Milli(toInt64({published_at}), 'UTC') \
         WHERE (SELECT max(publication) FROM {PUBLICATIONS}) = {previous}",
        quoted(writer),
        quoted(&checkpoint),
        merged.join(", "),
    );
    let token = format!("after {previous}");
    database.execute(&sql, &[("insert_deduplication_token", token), ("insert_deduplicate", "1".to_owned())]).await?;
    // What was sent twice because the first answer was lost stands there once; so does what another has sent.
    let schema = schema(&[("writer", DataType::Utf8), ("publication", DataType::UInt64)]);
    let sql = format!("SELECT writer, publication FROM {PUBLICATIONS} WHERE previous = {previous}");
    let there = database.batches(&sql, &schema).await?;
    let ours = |batch: &RecordBatch| {
        let (writers, numbers) = (batch.column(0).as_string::<i32>(), batch.column(1).as_primitive::<UInt64Type>());
        (0..batch.num_rows()).all(|row| writers.value(row) == writer && numbers.value(row) == *publication)
    };
    let rows: usize = there.iter().map(RecordBatch::num_rows).sum();
    Ok(rows > 0 && there.iter().all(ours))
}

/// The links after `publication`, in order.
pub(super) async fn after(database: &Database, publication: u64) -> Result<Vec<Link>, StoreError> {
    read(database, &format!("WHERE publication > {publication} ORDER BY publication")).await
}

/// The end of the chain.
pub(super) async fn last(database: &Database) -> Result<Option<Link>, StoreError> {
    Ok(read(database, "ORDER BY publication DESC LIMIT 1").await?.pop())
}

async fn read(database: &Database, which: &str) -> Result<Vec<Link>, StoreError> {
    let schema = schema(&[
        ("publication", DataType::UInt64),
        ("previous", DataType::UInt64),
        ("is_barrier", DataType::Boolean),
        ("checkpoint", DataType::Utf8),
        ("records", DataType::UInt64),
        ("merged_projects", DataType::Utf8),
    ]);
    // Names of projects are letters, digits and few signs: a comma parts them.
    let sql = format!(
        "SELECT publication, previous, is_barrier, checkpoint, records, arrayStringConcat(merged_projects, ',') \
         FROM {PUBLICATIONS} {which}"
    );
    let mut links = Vec::new();
    for batch in database.batches(&sql, &schema).await? {
        let number = |column: usize, row| batch.column(column).as_primitive::<UInt64Type>().value(row);
        for row in 0..batch.num_rows() {
            let checkpoint = batch.column(3).as_string::<i32>().value(row);
            let projects = batch.column(5).as_string::<i32>().value(row).split(',');
            links.push(Link {
                publication: number(0, row),
                previous: number(1, row),
                is_barrier: batch.column(2).as_boolean().value(row),
                checkpoint: serde_json::from_str(checkpoint)
                    .map_err(|error| StoreError::Task(format!("the checkpoint of a publication: {error}")))?,
                records: number(4, row),
                merged_projects: projects.filter(|name| !name.is_empty()).map(Arc::from).collect(),
                published_at: 0,
            });
        }
    }
    Ok(links)
}

/// Numbers that barriers have left out, and whose rows may still be there.
pub(super) async fn void(database: &Database) -> Result<Arc<[u64]>, StoreError> {
    let schema = schema(&[("publication", DataType::UInt64)]);
    let sql = format!(
        "SELECT publication - 1 AS void FROM {PUBLICATIONS} WHERE is_barrier AND void NOT IN (SELECT publication FROM {SETTLED}) \
         ORDER BY void"
    );
    let batches = database.batches(&sql, &schema).await?;
    Ok(batches.iter().flat_map(|batch| batch.column(0).as_primitive::<UInt64Type>().values().to_vec()).collect())
}

pub(super) fn schema(columns: &[(&str, DataType)]) -> SchemaRef {
    Arc::new(Schema::new(columns.iter().map(|(name, kind)| Field::new(*name, kind.clone(), true)).collect::<Vec<_>>()))
}
