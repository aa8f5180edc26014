//! One row of an answer, read by column name.

use footfall_ingest_activity::Timestamp;
use sqlx::postgres::{PgRow, Postgres};
use sqlx::sqlite::{Sqlite, SqliteRow};
use sqlx::{Decode, Row as _, Type};

use super::DatabaseError;

/// A row.
pub struct Row(pub(super) Inner);

pub(super) enum Inner {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

/// What a column can be read as: `i64`, `String`, and an `Option` of either.
pub trait Cell:
    for<'r> Decode<'r, Sqlite> + Type<Sqlite> + for<'r> Decode<'r, Postgres> + Type<Postgres> + Send + Unpin
{
}

impl Cell for i64 {}
impl Cell for String {}
impl Cell for Option<i64> {}
impl Cell for Option<String> {}

impl Row {
    /// The value of `column`.
    pub fn get<T: Cell>(&self, column: &str) -> Result<T, DatabaseError> {
        let cell = match &self.0 {
            Inner::Sqlite(row) => row.try_get(column),
            Inner::Postgres(row) => row.try_get(column),
        };
        cell.map_err(DatabaseError::Query)
    }

    /// A moment, kept as milliseconds since 1970.
    pub fn time(&self, column: &str) -> Result<Timestamp, DatabaseError> {
        self.get(column).map(Timestamp::from_millis)
    }

    /// A moment that may be missing.
    pub fn time_if_any(&self, column: &str) -> Result<Option<Timestamp>, DatabaseError> {
        Ok(self.get::<Option<i64>>(column)?.map(Timestamp::from_millis))
    }
}
