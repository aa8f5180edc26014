//! A statement: SQL that is part of the program, and values that are bound to it.
//!
//! The text is `&'static str`, so that nothing read from a request can become SQL (OWASP ASVS 5, V1.2.4). The same text
//! runs on SQLite and PostgreSQL: `$1` is a parameter on both, and integers and text are the only column types in use.

use sqlx::postgres::{PgArguments, Postgres};
use sqlx::query::Query;
use sqlx::sqlite::{Sqlite, SqliteArguments};

use footfall_ingest_activity::Timestamp;

use super::DatabaseError;

/// A bound value. A missing one keeps its type, which PostgreSQL asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    Int(Option<i64>),
    Text(Option<String>),
}

/// SQL and the values of its parameters `$1`, `$2`, …
#[derive(Clone)]
pub struct Statement {
    sql: &'static str,
    values: Vec<Value>,
}

/// Starts a statement; [`Statement::bind`] gives its values.
pub const fn statement(sql: &'static str) -> Statement {
    Statement { sql, values: Vec::new() }
}

impl Statement {
    /// Gives the next parameter its value.
    pub fn bind(mut self, value: impl Into<Value>) -> Statement {
        self.values.push(value.into());
        self
    }

    /// SQLite takes a parameter without a value for NULL: a forgotten `bind` has to fail on both databases alike.
    fn check(&self) -> Result<(), DatabaseError> {
        let numbers = self.sql.split('$').skip(1).filter_map(|rest| {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            rest[..digits].parse::<usize>().ok()
        });
        let (wanted, given) = (numbers.max().unwrap_or(0), self.values.len());
        if wanted == given { Ok(()) } else { Err(DatabaseError::Values { wanted, given }) }
    }

    pub(super) fn sqlite(self) -> Result<Query<'static, Sqlite, SqliteArguments>, DatabaseError> {
        self.check()?;
        Ok(self.values.into_iter().fold(sqlx::query(self.sql), |query, value| match value {
            Value::Int(number) => query.bind(number),
            Value::Text(text) => query.bind(text),
        }))
    }

    pub(super) fn postgres(self) -> Result<Query<'static, Postgres, PgArguments>, DatabaseError> {
        self.check()?;
        Ok(self.values.into_iter().fold(sqlx::query(self.sql), |query, value| match value {
            Value::Int(number) => query.bind(number),
            Value::Text(text) => query.bind(text),
        }))
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Value {
        Value::Int(Some(number))
    }
}

impl From<Option<i64>> for Value {
    fn from(number: Option<i64>) -> Value {
        Value::Int(number)
    }
}

impl From<Timestamp> for Value {
    fn from(time: Timestamp) -> Value {
        Value::Int(Some(time.millis()))
    }
}

impl From<Option<Timestamp>> for Value {
    fn from(time: Option<Timestamp>) -> Value {
        Value::Int(time.map(Timestamp::millis))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::Text(Some(text))
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Text(Some(text.to_owned()))
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Value {
        Value::Text(Some(text.clone()))
    }
}

impl From<Option<String>> for Value {
    fn from(text: Option<String>) -> Value {
        Value::Text(text)
    }
}

impl From<Option<&str>> for Value {
    fn from(text: Option<&str>) -> Value {
        Value::Text(text.map(str::to_owned))
    }
}
