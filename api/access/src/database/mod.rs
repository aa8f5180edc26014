//! The app's relational data: one seam over SQLite (the default) and PostgreSQL (`docs/decisions/005-database-toolkit.md`).
//!
//! - [`Database::read`] … run one reading statement; on SQLite beside the writer, on its last commit.
//! - [`Database::write`] starts a transaction that sees its own writes and is all or nothing; dropped, it is undone.
//! - [`Database::read_late`] reads on a replica of PostgreSQL, where there is one that is not far behind.
//! - On PostgreSQL a statement that is not answered in time is [`DatabaseError::Busy`], and a transaction that stands still is ended.
//! - Both isolate as READ COMMITTED at least. What must happen once is one `UPDATE … WHERE <still so> RETURNING …`: the row's
//!   lock lets a second one see the first one's result, on both databases.

mod copy;
mod error;
mod lead;
mod migrate;
mod open;
mod patience;
mod replica;
mod row;
mod statement;
mod transaction;
mod transfer;

pub use error::DatabaseError;
pub use lead::Lead;
pub use migrate::Migration;
pub use row::{Cell, Row};
pub use statement::{Statement, Value, statement};
pub use transaction::Transaction;
pub use transfer::TableSum;

use std::pin::Pin;
use std::sync::Arc;

use patience::{STATEMENT, within};
use replica::Replica;
use row::Inner;

/// A database that is open. Cheap to clone; all clones share its connections.
#[derive(Clone)]
pub struct Database {
    backend: Backend,
    replica: Option<Arc<Replica>>,
}

/// A call to the database, boxed: whatever awaits it has a small type of its own, so that neither compiler nor stack pays for
/// the drivers' futures again at each caller. One allocation is nothing beside a query.
pub type Call<'a, T> = Pin<Box<dyn Future<Output = Result<T, DatabaseError>> + Send + 'a>>;

#[derive(Clone)]
enum Backend {
    Sqlite { writer: sqlx::SqlitePool, readers: sqlx::SqlitePool },
    Postgres(sqlx::PgPool),
}

impl Database {
    /// All rows that `statement` finds.
    pub fn read(&self, statement: Statement) -> Call<'_, Vec<Row>> {
        Box::pin(async move {
            match &self.backend {
                Backend::Sqlite { readers, .. } => {
                    let rows = statement.sqlite()?.fetch_all(readers).await?;
                    Ok(rows.into_iter().map(|row| Row(Inner::Sqlite(row))).collect())
                }
                Backend::Postgres(pool) => {
                    let rows = within(STATEMENT, statement.postgres()?.fetch_all(pool)).await?;
                    Ok(rows.into_iter().map(|row| Row(Inner::Postgres(row))).collect())
                }
            }
        })
    }

    /// The first row that `statement` finds.
    pub fn read_one(&self, statement: Statement) -> Call<'_, Option<Row>> {
        Box::pin(async move {
            match &self.backend {
                Backend::Sqlite { readers, .. } => {
                    Ok(statement.sqlite()?.fetch_optional(readers).await?.map(|row| Row(Inner::Sqlite(row))))
                }
                Backend::Postgres(pool) => {
                    let row = within(STATEMENT, statement.postgres()?.fetch_optional(pool)).await?;
                    Ok(row.map(|row| Row(Inner::Postgres(row))))
                }
            }
        })
    }

    /// Starts a transaction that may write.
    pub fn write(&self) -> Call<'_, Transaction> {
        Box::pin(async move {
            Ok(match &self.backend {
                Backend::Sqlite { writer, .. } => Transaction::Sqlite(writer.begin_with("BEGIN IMMEDIATE").await?),
                Backend::Postgres(pool) => Transaction::Postgres(within(STATEMENT, pool.begin()).await?),
            })
        })
    }

    /// Runs one writing statement by itself; returns how many rows it touched.
    pub fn execute(&self, statement: Statement) -> Call<'_, u64> {
        Box::pin(async move {
            match &self.backend {
                Backend::Sqlite { writer, .. } => Ok(statement.sqlite()?.execute(writer).await?.rows_affected()),
                Backend::Postgres(pool) => {
                    Ok(within(STATEMENT, statement.postgres()?.execute(pool)).await?.rows_affected())
                }
            }
        })
    }

    /// Runs one writing statement with `RETURNING` by itself; the first row that it gives.
    pub fn write_one(&self, statement: Statement) -> Call<'_, Option<Row>> {
        Box::pin(async move {
            match &self.backend {
                Backend::Sqlite { writer, .. } => {
                    // All rows are stepped through: SQLite completes such a statement only with its last one.
                    let mut rows = statement.sqlite()?.fetch_all(writer).await?;
                    Ok((!rows.is_empty()).then(|| Row(Inner::Sqlite(rows.swap_remove(0)))))
                }
                Backend::Postgres(pool) => {
                    let mut rows = within(STATEMENT, statement.postgres()?.fetch_all(pool)).await?;
                    Ok((!rows.is_empty()).then(|| Row(Inner::Postgres(rows.swap_remove(0)))))
                }
            }
        })
    }

    /// True for a server, which processes of many machines can share.
    pub fn is_server(&self) -> bool {
        matches!(self.backend, Backend::Postgres(_))
    }

    /// Closes all connections after their present work.
    pub async fn close(&self) {
        if let Some(replica) = &self.replica {
            replica.close().await;
        }
        match &self.backend {
            Backend::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            Backend::Postgres(pool) => pool.close().await,
        }
    }
}
