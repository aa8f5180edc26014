//! Migrations: forward only, all pending ones in one transaction, under a lock that lets one process at a time migrate.

use footfall_ingest_activity::{Clock, Timestamp};

use super::{Database, DatabaseError, Transaction, statement};
use crate::secret::sha256_hex;

/// One step of the schema. Released steps are never edited; a mistake is mended by another step.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    pub version: i64,
    pub name: &'static str,
    /// What both databases understand.
    pub both: &'static str,
    /// What only SQLite understands, after `both`.
    pub sqlite: &'static str,
    /// What only PostgreSQL understands, after `both`.
    pub postgres: &'static str,
}

/// Any number will do, as long as every Footfall uses the same one ("Footfall" in ASCII).
const LOCK: i64 = 0x466f_6f74_6661_6c6c;

const OWN_TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (
    version BIGINT PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, applied_at BIGINT NOT NULL)";

const AREAS_TABLE: &str = "CREATE TABLE IF NOT EXISTS area_migrations (
    area TEXT NOT NULL, version BIGINT NOT NULL, name TEXT NOT NULL, checksum TEXT NOT NULL, applied_at BIGINT NOT NULL,
    PRIMARY KEY (area, version))";

impl Database {
    /// Brings the schema to the last of `migrations` (ascending by version); returns how many were applied.
    ///
    /// Nothing is changed when the database is newer than `migrations`, when an applied step has been edited since, or when a
    /// step fails.
    pub async fn migrate(&self, migrations: &[Migration], clock: &dyn Clock) -> Result<usize, DatabaseError> {
        self.migrate_area("", migrations, clock).await
    }

    /// The same for the tables of one area, whose steps have versions of their own; the access layer's area is the empty name.
    pub async fn migrate_area(
        &self,
        area: &str,
        migrations: &[Migration],
        clock: &dyn Clock,
    ) -> Result<usize, DatabaseError> {
        let mut transaction = self.write().await?;
        // SQLite holds its write lock already. On PostgreSQL the lock goes with the transaction, even that of a killed process.
        if matches!(transaction, Transaction::Postgres(_)) {
            transaction.one(statement("SELECT 1 AS held FROM pg_advisory_xact_lock($1)").bind(LOCK)).await?;
        }
        transaction.execute(statement(if area.is_empty() { OWN_TABLE } else { AREAS_TABLE })).await?;
        let applied = check_applied(&mut transaction, area, migrations).await?;
        let pending: Vec<_> = migrations.iter().filter(|migration| migration.version > applied).collect();
        for migration in &pending {
            apply(&mut transaction, area, migration, clock.now()).await?;
        }
        transaction.commit().await?;
        Ok(pending.len())
    }
}

/// The highest version that is applied; 0 for an empty database.
async fn check_applied(
    transaction: &mut Transaction,
    area: &str,
    migrations: &[Migration],
) -> Result<i64, DatabaseError> {
    let applied = match area {
        "" => statement("SELECT version, checksum FROM schema_migrations ORDER BY version"),
        area => statement("SELECT version, checksum FROM area_migrations WHERE area = $1 ORDER BY version").bind(area),
    };
    let rows = transaction.all(applied).await?;
    let known = migrations.last().map_or(0, |last| last.version);
    let mut found = 0;
    for row in rows {
        found = row.get("version")?;
        if found > known {
            continue;
        }
        let same = migrations.iter().find(|migration| migration.version == found);
        if let Some(edited) = same.filter(|same| row.get::<String>("checksum").ok() != Some(checksum(same))) {
            return Err(DatabaseError::Edited { version: found, name: edited.name.to_owned() });
        }
    }
    if found > known { Err(DatabaseError::Newer { found, known }) } else { Ok(found) }
}

async fn apply(
    transaction: &mut Transaction,
    area: &str,
    migration: &Migration,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let own = match transaction {
        Transaction::Sqlite(_) => migration.sqlite,
        Transaction::Postgres(_) => migration.postgres,
    };
    for sql in [migration.both, own] {
        let failed = |source| DatabaseError::Migration { version: migration.version, name: migration.name, source };
        transaction.script(sql).await.map_err(failed)?;
    }
    let record = match area {
        "" => statement("INSERT INTO schema_migrations (version, name, checksum, applied_at) VALUES ($1, $2, $3, $4)"),
        area => statement(
            "INSERT INTO area_migrations (area, version, name, checksum, applied_at) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(area),
    };
    let record = record.bind(migration.version).bind(migration.name).bind(checksum(migration)).bind(now);
    transaction.execute(record).await?;
    Ok(())
}

fn checksum(migration: &Migration) -> String {
    sha256_hex([migration.both, "\0", migration.sqlite, "\0", migration.postgres].concat().as_bytes())
}
