//! From one database into another: how an installation moves onto PostgreSQL, and back onto a file.
//!
//! Both have the same tables, made by the same migrations, with numbers and texts alone. All rows are read at one moment, and go over in
//! one transaction, tables before those that refer to them, so a transfer that was killed has left nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use futures::stream::{BoxStream, StreamExt, TryStreamExt};
use sqlx::{AssertSqlSafe, Column, Row as _, TypeInfo, ValueRef};

use super::patience::UNHURRIED;
use super::{Backend, Call, Database, DatabaseError, Transaction, Value, statement};

/// Tables that migrations write.
const OF_MIGRATIONS: [&str; 2] = ["schema_migrations", "area_migrations"];

/// Rows and checksum of a table; the checksum does not depend on their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableSum {
    pub rows: u64,
    pub sum: u64,
}

type Row = Vec<Value>;

impl Database {
    /// Rows and checksums of all tables but those of migrations, at one moment.
    pub fn sums(&self) -> Call<'_, BTreeMap<String, TableSum>> {
        Box::pin(async move {
            let mut there = self.moment().await?;
            let mut sums = BTreeMap::new();
            for table in there.tables().await? {
                let columns = there.columns(&table).await?;
                let mut sum = TableSum { rows: 0, sum: 0 };
                let mut rows = there.rows(&table, &columns);
                while let Some(row) = rows.try_next().await? {
                    sum.add(&row);
                }
                drop(rows);
                sums.insert(table, sum);
            }
            Ok(sums)
        })
    }

    /// Takes over everything that `source` has at one moment, whoever writes to it meanwhile; what that was. This one's tables are
    /// made, and hold nothing but what migrations put there.
    pub fn take_over<'a>(&'a self, source: &'a Database) -> Call<'a, BTreeMap<String, TableSum>> {
        Box::pin(async move {
            let mut there = source.moment().await?;
            let tables = there.tables().await?;
            let mut transaction = self.write().await?.unhurried().await?;
            for table in tables.iter().rev() {
                let rows =
                    transaction.run(format!("SELECT count(*) AS rows FROM {}", quoted(table)), Vec::new()).await?;
                // A table that must not be emptied is not asked to be.
                if rows > 0 {
                    transaction.run(format!("DELETE FROM {}", quoted(table)), Vec::new()).await?;
                }
            }
            let mut sums = BTreeMap::new();
            for table in &tables {
                let columns = there.columns(table).await?;
                let names: Vec<String> = columns.iter().map(|name| quoted(name)).collect();
                let places: Vec<String> = (1..=columns.len()).map(|place| format!("${place}")).collect();
                let sql =
                    format!("INSERT INTO {} ({}) VALUES ({})", quoted(table), names.join(", "), places.join(", "));
                let mut sum = TableSum { rows: 0, sum: 0 };
                let mut rows = there.rows(table, &columns);
                while let Some(row) = rows.try_next().await? {
                    sum.add(&row);
                    transaction.run(sql.clone(), row).await?;
                }
                drop(rows);
                sums.insert(table.clone(), sum);
            }
            transaction.commit().await?;
            Ok(sums)
        })
    }

    /// The last migration of each area; the access layer's area is the empty name.
    pub fn versions(&self) -> Call<'_, BTreeMap<String, i64>> {
        const LAST: &str = "SELECT area, max(version) AS version FROM (SELECT '' AS area, version FROM schema_migrations \
                            UNION ALL SELECT area, version FROM area_migrations) AS steps GROUP BY area";
        Box::pin(async move {
            let rows = self.read(statement(LAST)).await?;
            rows.iter().map(|row| Ok((row.get("area")?, row.get("version")?))).collect()
        })
    }

    /// Everything as it is now, for as long as the transaction is read.
    async fn moment(&self) -> Result<Transaction, DatabaseError> {
        Ok(match &self.backend {
            // From its first statement on, it sees what was committed then.
            Backend::Sqlite { readers, .. } => Transaction::Sqlite(readers.begin().await?),
            Backend::Postgres(pool) => {
                let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
                Transaction::Postgres(pool.begin_with(begin).await?).unhurried().await?
            }
        })
    }
}

impl TableSum {
    fn add(&mut self, row: &[Value]) {
        let mut hasher = DefaultHasher::new();
        for value in row {
            match value {
                Value::Int(number) => number.hash(&mut hasher),
                Value::Text(text) => text.hash(&mut hasher),
            }
        }
        self.sum = self.sum.wrapping_add(hasher.finish());
        self.rows += 1;
    }
}

impl Transaction {
    /// It stands still while the other side is at work.
    async fn unhurried(mut self) -> Result<Transaction, DatabaseError> {
        if matches!(self, Transaction::Postgres(_)) {
            self.run(UNHURRIED.to_owned(), Vec::new()).await?;
        }
        Ok(self)
    }

    /// Tables, each behind those that it refers to.
    async fn tables(&mut self) -> Result<Vec<String>, DatabaseError> {
        let (all, references) = match self {
            Transaction::Sqlite(_) => (
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name",
                "SELECT m.name AS child, f.\"table\" AS parent FROM sqlite_master m, pragma_foreign_key_list(m.name) f \
                 WHERE m.type = 'table'",
            ),
            Transaction::Postgres(_) => (
                "SELECT tablename::text AS name FROM pg_tables WHERE schemaname = current_schema() ORDER BY 1",
                "SELECT child.relname::text AS child, parent.relname::text AS parent FROM pg_constraint k \
                 JOIN pg_class child ON child.oid = k.conrelid JOIN pg_class parent ON parent.oid = k.confrelid \
                 JOIN pg_namespace n ON n.oid = child.relnamespace \
                 WHERE k.contype = 'f' AND n.nspname = current_schema()",
            ),
        };
        let mut left: BTreeSet<String> = self.texts(all, 1).await?.into_iter().flatten().collect();
        left.retain(|table| !OF_MIGRATIONS.contains(&table.as_str()));
        let references = self.texts(references, 2).await?;
        let mut ordered = Vec::new();
        while !left.is_empty() {
            let waits = |table: &String| {
                references.iter().any(|pair| pair[0] == *table && pair[1] != *table && left.contains(&pair[1]))
            };
            // Tables that refer to each other in a circle have no order; there are none.
            let next = left.iter().find(|table| !waits(table)).or_else(|| left.first()).cloned();
            let Some(next) = next else { break };
            left.remove(&next);
            ordered.push(next);
        }
        Ok(ordered)
    }

    async fn columns(&mut self, table: &str) -> Result<Vec<String>, DatabaseError> {
        let literal = table.replace('\'', "''");
        let sql = match self {
            Transaction::Sqlite(_) => format!("SELECT name FROM pragma_table_info('{literal}') ORDER BY name"),
            Transaction::Postgres(_) => format!(
                "SELECT column_name::text FROM information_schema.columns WHERE table_schema = current_schema() \
                 AND table_name = '{literal}' ORDER BY 1"
            ),
        };
        let mut names: Vec<String> = self.texts(&sql, 1).await?.into_iter().flatten().collect();
        names.sort();
        Ok(names)
    }

    async fn texts(&mut self, sql: &str, width: usize) -> Result<Vec<Vec<String>>, DatabaseError> {
        let sql = AssertSqlSafe(sql.to_owned());
        let mut found = Vec::new();
        match self {
            Transaction::Sqlite(inner) => {
                for row in sqlx::query(sql).fetch_all(&mut **inner).await? {
                    found.push((0..width).map(|place| row.try_get(place)).collect::<Result<_, _>>()?);
                }
            }
            Transaction::Postgres(inner) => {
                for row in sqlx::query(sql).fetch_all(&mut **inner).await? {
                    found.push((0..width).map(|place| row.try_get(place)).collect::<Result<_, _>>()?);
                }
            }
        }
        Ok(found)
    }

    /// All rows of a table, on their way: not more than a few are in memory.
    fn rows(&mut self, table: &str, columns: &[String]) -> BoxStream<'_, Result<Row, DatabaseError>> {
        let names: Vec<String> = columns.iter().map(|name| quoted(name)).collect();
        let names = names.join(", ");
        let sql = AssertSqlSafe(format!("SELECT {names} FROM {} ORDER BY {names}", quoted(table)));
        match self {
            Transaction::Sqlite(inner) => sqlx::query(sql)
                .fetch(&mut **inner)
                .map(|row| {
                    row.map_err(DatabaseError::from).and_then(|row| values(row.len(), |at| sqlite_value(&row, at)))
                })
                .boxed(),
            Transaction::Postgres(inner) => sqlx::query(sql)
                .fetch(&mut **inner)
                .map(|row| {
                    row.map_err(DatabaseError::from).and_then(|row| values(row.len(), |at| postgres_value(&row, at)))
                })
                .boxed(),
        }
    }
}

fn values(width: usize, value: impl Fn(usize) -> Result<Value, DatabaseError>) -> Result<Row, DatabaseError> {
    (0..width).map(value).collect()
}

impl Transaction {
    /// Runs a statement that was put together from names of the schema; the rows that it touched, or the number that it gives.
    async fn run(&mut self, sql: String, values: Row) -> Result<u64, DatabaseError> {
        let counts = sql.starts_with("SELECT");
        let sql = AssertSqlSafe(sql);
        match self {
            Transaction::Sqlite(inner) => {
                let query = values.into_iter().fold(sqlx::query(sql), |query, value| match value {
                    Value::Int(number) => query.bind(number),
                    Value::Text(text) => query.bind(text),
                });
                if counts {
                    let row = query.fetch_one(&mut **inner).await?;
                    return Ok(row.try_get::<i64, _>(0)?.unsigned_abs());
                }
                Ok(query.execute(&mut **inner).await?.rows_affected())
            }
            Transaction::Postgres(inner) => {
                let query = values.into_iter().fold(sqlx::query(sql), |query, value| match value {
                    Value::Int(number) => query.bind(number),
                    Value::Text(text) => query.bind(text),
                });
                if counts {
                    let row = query.fetch_one(&mut **inner).await?;
                    return Ok(row.try_get::<i64, _>(0)?.unsigned_abs());
                }
                Ok(query.execute(&mut **inner).await?.rows_affected())
            }
        }
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// SQLite keeps the declared type of a column apart from that of a value; PostgreSQL needs the former for a missing one.
fn sqlite_value(row: &sqlx::sqlite::SqliteRow, place: usize) -> Result<Value, DatabaseError> {
    let declared = row.column(place).type_info().name().to_owned();
    let is_null = row.try_get_raw(place)?.is_null();
    match declared.as_str() {
        "INTEGER" | "BIGINT" | "INT" => Ok(Value::Int(if is_null { None } else { Some(row.try_get(place)?) })),
        _ => Ok(Value::Text(if is_null { None } else { Some(row.try_get(place)?) })),
    }
}

fn postgres_value(row: &sqlx::postgres::PgRow, place: usize) -> Result<Value, DatabaseError> {
    match row.column(place).type_info().name() {
        "INT8" => Ok(Value::Int(row.try_get(place)?)),
        _ => Ok(Value::Text(row.try_get(place)?)),
    }
}
