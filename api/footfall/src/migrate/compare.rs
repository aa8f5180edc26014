//! Counts and checksums of everything that questions see, on both sides of a move.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::row::{RowConverter, SortField};
use footfall_pipelines_jobs::CopySource;
use footfall_pipelines_store::Backend;
use footfall_pipelines_store::query::{Engine, EngineConfig, Question};
use footfall_pipelines_store::remote::Rows;
use footfall_pipelines_store::tables::Table;
use futures::StreamExt;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::MigrateError;
use crate::config::Settings;
use crate::console::{grouped, say};
use crate::error::AppError;
use crate::wiring;

/// What questions ask; persons and sessions are folded from rows that may lie in different parts on both sides.
const TABLES: [&str; 6] = ["activity", "persons", "person_ids", "person_merges", "sessions", "quarantine"];
/// A comparison reads everything.
const PATIENCE: Duration = Duration::from_secs(24 * 3600);

/// Rows, and the sum of their digests: the same in whatever order they come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Sum {
    rows: u64,
    digest: u128,
}

/// Fails where the sides differ.
pub async fn tables(source: &Backend, target: &Backend, from: &Settings, to: &Settings) -> Result<(), AppError> {
    let (there, here) = (engine(source, from)?, engine(target, to)?);
    for project in source.store().projects() {
        for table in TABLES {
            let (wanted, found) = (sum(&there, &project, table).await?, sum(&here, &project, table).await?);
            equal(format!("{project}/{table}"), wanted, found)?;
        }
    }
    Ok(())
}

/// Fails where somebody who is forgotten there is not so here.
pub fn erasures(source: &Backend, target: &Backend) -> Result<(), AppError> {
    let (there, here) = (source.store().erasures(), target.store().erasures());
    let known: BTreeSet<Uuid> = here.iter().map(|erasure| erasure.id).collect();
    let missing = there.iter().filter(|erasure| !known.contains(&erasure.id)).count();
    let shown = |count: usize| format!("{} people", grouped(count as u64));
    if missing > 0 {
        let (what, from) = ("who is forgotten".to_owned(), shown(there.iter().count()));
        let to = format!("all but {} of them", grouped(missing as u64));
        return Err(MigrateError::Differs { what, from, to }.into());
    }
    say(format!("erasures: {}, forgotten on both sides", shown(there.iter().count())));
    Ok(())
}

/// Fails where a store has not the rows that were copied into it, as they lie in its tables.
pub async fn rows(source: &dyn CopySource, target: &Backend) -> Result<(), AppError> {
    for project in source.projects() {
        for &table in Table::ALL.iter().filter(|table| **table != Table::PersonOverrides) {
            let wanted = sum_of(source.rows(&project, table)).await?;
            let found = sum_of(target.rows_after(&project, table, 0)).await?;
            equal(format!("{project}/{}", table.name()), wanted, found)?;
        }
        let (wanted, found) = (source.overrides(&project), target.overrides(&project));
        if wanted != found {
            let shown = |count: usize| format!("{} ids", grouped(count as u64));
            let (from, to) = (shown(wanted.len()), shown(found.len()));
            return Err(MigrateError::Differs { what: format!("{project}/person_overrides"), from, to }.into());
        }
    }
    Ok(())
}

async fn sum_of(mut rows: Rows) -> Result<Sum, AppError> {
    let mut sum = Sum::default();
    while let Some(batch) = rows.next().await {
        add(&mut sum, &batch?)?;
    }
    Ok(sum)
}

fn equal(what: String, wanted: Sum, found: Sum) -> Result<(), AppError> {
    if wanted != found {
        let shown = |sum: Sum| format!("{} rows with checksum {:032x}", grouped(sum.rows), sum.digest);
        return Err(MigrateError::Differs { what, from: shown(wanted), to: shown(found) }.into());
    }
    say(format!("{what}: {} rows, equal", grouped(found.rows)));
    Ok(())
}

fn engine(tables: &Backend, settings: &Settings) -> Result<Engine, AppError> {
    let limits = EngineConfig { rows_max: u64::MAX >> 1, time_limit: PATIENCE, ..wiring::engine_config(settings) };
    Ok(Engine::new(tables.snapshots(), limits)?)
}

async fn sum(engine: &Engine, project: &Arc<str>, table: &str) -> Result<Sum, AppError> {
    let mut answer = engine.query(project, Question::new(format!("SELECT * FROM {table}"))).await?;
    let mut sum = Sum::default();
    while let Some(batch) = answer.next().await {
        add(&mut sum, &batch?)?;
    }
    Ok(sum)
}

fn add(sum: &mut Sum, batch: &RecordBatch) -> Result<(), AppError> {
    let failed = |error: arrow::error::ArrowError| AppError::Internal(error.to_string());
    let fields = batch.schema().fields().iter().map(|field| SortField::new(field.data_type().clone())).collect();
    let rows = RowConverter::new(fields).and_then(|converter| converter.convert_columns(batch.columns()));
    for row in rows.map_err(failed)?.iter() {
        let digest = Sha256::digest(row.as_ref());
        let half = digest.iter().take(16).fold(0u128, |half, byte| half << 8 | u128::from(*byte));
        sum.rows += 1;
        sum.digest = sum.digest.wrapping_add(half);
    }
    Ok(())
}
