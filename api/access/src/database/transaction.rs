//! A transaction: all of its statements or none.

use sqlx::{Postgres, Sqlite};

use super::patience::{STATEMENT, within};
use super::row::Inner;
use super::{Call, Row, Statement};

/// A transaction that may write. Dropped without [`Transaction::commit`] it leaves nothing behind.
pub enum Transaction {
    #[doc(hidden)]
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    #[doc(hidden)]
    Postgres(sqlx::Transaction<'static, Postgres>),
}

impl Transaction {
    /// Runs a writing statement; returns how many rows it touched.
    pub fn execute(&mut self, statement: Statement) -> Call<'_, u64> {
        Box::pin(async move {
            match self {
                Transaction::Sqlite(inner) => Ok(statement.sqlite()?.execute(&mut **inner).await?.rows_affected()),
                Transaction::Postgres(inner) => {
                    Ok(within(STATEMENT, statement.postgres()?.execute(&mut **inner)).await?.rows_affected())
                }
            }
        })
    }

    /// The first row that a reading or `RETURNING` statement gives.
    pub fn one(&mut self, statement: Statement) -> Call<'_, Option<Row>> {
        Box::pin(async move {
            match self {
                Transaction::Sqlite(inner) => {
                    // All rows are stepped through: SQLite completes an `UPDATE … RETURNING` only with its last one.
                    let mut rows = statement.sqlite()?.fetch_all(&mut **inner).await?;
                    Ok((!rows.is_empty()).then(|| Row(Inner::Sqlite(rows.swap_remove(0)))))
                }
                Transaction::Postgres(inner) => {
                    let mut rows = within(STATEMENT, statement.postgres()?.fetch_all(&mut **inner)).await?;
                    Ok((!rows.is_empty()).then(|| Row(Inner::Postgres(rows.swap_remove(0)))))
                }
            }
        })
    }

    /// All rows that a reading or `RETURNING` statement gives.
    pub fn all(&mut self, statement: Statement) -> Call<'_, Vec<Row>> {
        Box::pin(async move {
            match self {
                Transaction::Sqlite(inner) => {
                    let rows = statement.sqlite()?.fetch_all(&mut **inner).await?;
                    Ok(rows.into_iter().map(|row| Row(Inner::Sqlite(row))).collect())
                }
                Transaction::Postgres(inner) => {
                    let rows = within(STATEMENT, statement.postgres()?.fetch_all(&mut **inner)).await?;
                    Ok(rows.into_iter().map(|row| Row(Inner::Postgres(row))).collect())
                }
            }
        })
    }

    /// Runs a script of several statements that takes no values.
    pub(super) async fn script(&mut self, sql: &'static str) -> Result<(), sqlx::Error> {
        match self {
            Transaction::Sqlite(inner) => sqlx::raw_sql(sql).execute(&mut **inner).await.map(drop),
            Transaction::Postgres(inner) => sqlx::raw_sql(sql).execute(&mut **inner).await.map(drop),
        }
    }

    /// Makes the writes durable and visible to all.
    pub fn commit(self) -> Call<'static, ()> {
        Box::pin(async move {
            match self {
                Transaction::Sqlite(inner) => inner.commit().await?,
                Transaction::Postgres(inner) => within(STATEMENT, inner.commit()).await?,
            }
            Ok(())
        })
    }
}
