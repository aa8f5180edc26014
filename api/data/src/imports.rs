//! What became of imports, between processes: the one that fills the tables writes it down, the one that imports reads it.

use std::sync::Arc;

use footfall_api_access::{Access, statement};
use footfall_ingest_activity::Clock;

use crate::error::PlanError;
use crate::plans::{AREA, MIGRATIONS};

/// Whoever imported has read it long before.
const KEPT_MILLIS: i64 = 7 * 24 * 60 * 60 * 1000;

/// What a process has counted of an import.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ImportCounts {
    /// Activities that queries see.
    pub stored: u64,
    /// Activities that were there before, or twice in the import.
    pub duplicate: u64,
    pub quarantined: u64,
    /// Of persons who are forgotten: they make no rows.
    pub erased: u64,
}

/// The accounts in the database, as one run of a process writes and reads them.
pub struct ImportLedger {
    access: Access,
    clock: Arc<dyn Clock>,
    writer: String,
}

impl ImportLedger {
    /// Migrates its table. No two runs of processes have the same `writer`.
    ///
    /// # Errors
    /// The database does not answer, or a newer program has changed the tables.
    pub async fn open(access: Access, clock: Arc<dyn Clock>, writer: String) -> Result<ImportLedger, PlanError> {
        access.database().migrate_area(AREA, MIGRATIONS, &*clock).await?;
        Ok(ImportLedger { access, clock, writer })
    }

    /// Writes down all that this run has counted of some imports, in the place of what it had written of them.
    ///
    /// # Errors
    /// The database does not answer; nothing is written.
    pub async fn note(&self, counted: &[(String, ImportCounts)]) -> Result<(), PlanError> {
        let now = self.clock.now();
        let upsert = "INSERT INTO import_accounts (import_id, writer, stored, duplicate, quarantined, erased, noted_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7)
            ON CONFLICT (import_id, writer) DO UPDATE SET stored = $3, duplicate = $4, quarantined = $5, erased = $6, noted_at = $7";
        let mut transaction = self.access.database().write().await?;
        for (import, counts) in counted {
            let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
            let upsert = statement(upsert).bind(import).bind(&self.writer).bind(number(counts.stored));
            let upsert = upsert.bind(number(counts.duplicate)).bind(number(counts.quarantined));
            transaction.execute(upsert.bind(number(counts.erased)).bind(now)).await?;
        }
        let old = now.plus_millis(-KEPT_MILLIS);
        transaction.execute(statement("DELETE FROM import_accounts WHERE noted_at < $1").bind(old)).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// What all other runs have counted of an import.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn of_others(&self, import: &str) -> Result<ImportCounts, PlanError> {
        let query = "SELECT CAST(COALESCE(SUM(stored), 0) AS BIGINT) AS stored,
                CAST(COALESCE(SUM(duplicate), 0) AS BIGINT) AS duplicate,
                CAST(COALESCE(SUM(quarantined), 0) AS BIGINT) AS quarantined,
                CAST(COALESCE(SUM(erased), 0) AS BIGINT) AS erased
            FROM import_accounts WHERE import_id = $1 AND writer <> $2";
        let row = self.access.database().read_one(statement(query).bind(import).bind(&self.writer)).await?;
        let Some(row) = row else { return Ok(ImportCounts::default()) };
        let number = |column: &str| row.get::<i64>(column).map(|count| count.max(0).unsigned_abs());
        Ok(ImportCounts {
            stored: number("stored")?,
            duplicate: number("duplicate")?,
            quarantined: number("quarantined")?,
            erased: number("erased")?,
        })
    }
}
