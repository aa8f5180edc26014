//! From one database into another: how an installation moves onto PostgreSQL, and back onto a file.
//!
//! Both have the same tables, made by the same migrations, with numbers and texts alone. All rows go over in one transaction, tables
//! before those that refer to them, so a transfer that was killed has left nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use sqlx::{AssertSqlSafe, Column, Row as _, TypeInfo, ValueRef};

use super::{Backend, Call, Database, DatabaseError, Transaction, Value};

/// Rows of one table that are in memory at a time.
const PAGE_ROWS: usize = 2_000;
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
    /// Rows and checksums of all tables but those of migrations.
    pub fn sums(&self) -> Call<'_, BTreeMap<String, TableSum>> {
        Box::pin(async move {
            let mut sums = BTreeMap::new();
            for table in self.tables().await? {
                let columns = self.columns(&table).await?;
                let (mut sum, mut rows) = (0u64, 0);
                for row in self.page(&table, &columns, 0, usize::MAX >> 1).await? {
                    let mut hasher = DefaultHasher::new();
                    for value in row {
                        match value {
                            Value::Int(number) => number.hash(&mut hasher),
                            Value::Text(text) => text.hash(&mut hasher),
                        }
                    }
                    sum = sum.wrapping_add(hasher.finish());
                    rows += 1;
                }
                sums.insert(table, TableSum { rows, sum });
            }
            Ok(sums)
        })
    }

    /// Takes over everything that `source` has. This one's tables are made, and hold nothing but what migrations put there.
    pub fn take_over<'a>(&'a self, source: &'a Database) -> Call<'a, ()> {
        Box::pin(async move {
            let tables = source.tables().await?;
            let mut transaction = self.write().await?;
            for table in tables.iter().rev() {
                let rows =
                    transaction.run(format!("SELECT count(*) AS rows FROM {}", quoted(table)), Vec::new()).await?;
                // A table that must not be emptied is not asked to be.
                if rows > 0 {
                    transaction.run(format!("DELETE FROM {}", quoted(table)), Vec::new()).await?;
                }
            }
            for table in &tables {
                let columns = source.columns(table).await?;
                let names: Vec<String> = columns.iter().map(|name| quoted(name)).collect();
                let places: Vec<String> = (1..=columns.len()).map(|place| format!("${place}")).collect();
                let sql =
                    format!("INSERT INTO {} ({}) VALUES ({})", quoted(table), names.join(", "), places.join(", "));
                for from in (0..).step_by(PAGE_ROWS) {
                    let page = source.page(table, &columns, from, PAGE_ROWS).await?;
                    let is_last = page.len() < PAGE_ROWS;
                    for row in page {
                        transaction.run(sql.clone(), row).await?;
                    }
                    if is_last {
                        break;
                    }
                }
            }
            transaction.commit().await
        })
    }

    /// Tables, each behind those that it refers to.
    async fn tables(&self) -> Result<Vec<String>, DatabaseError> {
        let (all, references) = match &self.backend {
            Backend::Sqlite { .. } => (
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name",
                "SELECT m.name AS child, f.\"table\" AS parent FROM sqlite_master m, pragma_foreign_key_list(m.name) f \
                 WHERE m.type = 'table'",
            ),
            Backend::Postgres(_) => (
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

    async fn columns(&self, table: &str) -> Result<Vec<String>, DatabaseError> {
        let literal = table.replace('\'', "''");
        let sql = match &self.backend {
            Backend::Sqlite { .. } => format!("SELECT name FROM pragma_table_info('{literal}') ORDER BY name"),
            Backend::Postgres(_) => format!(
                "SELECT column_name::text FROM information_schema.columns WHERE table_schema = current_schema() \
                 AND table_name = '{literal}' ORDER BY 1"
            ),
        };
        let mut names: Vec<String> = self.texts(&sql, 1).await?.into_iter().flatten().collect();
        names.sort();
        Ok(names)
    }

    async fn texts(&self, sql: &str, width: usize) -> Result<Vec<Vec<String>>, DatabaseError> {
        let sql = AssertSqlSafe(sql.to_owned());
        let mut found = Vec::new();
        match &self.backend {
            Backend::Sqlite { readers, .. } => {
                for row in sqlx::query(sql).fetch_all(readers).await? {
                    found.push((0..width).map(|place| row.try_get(place)).collect::<Result<_, _>>()?);
                }
            }
            Backend::Postgres(pool) => {
                for row in sqlx::query(sql).fetch_all(pool).await? {
                    found.push((0..width).map(|place| row.try_get(place)).collect::<Result<_, _>>()?);
                }
            }
        }
        Ok(found)
    }

    async fn page(&self, table: &str, columns: &[String], from: usize, rows: usize) -> Result<Vec<Row>, DatabaseError> {
        let names: Vec<String> = columns.iter().map(|name| quoted(name)).collect();
        let names = names.join(", ");
        let sql = format!("SELECT {names} FROM {} ORDER BY {names} LIMIT {rows} OFFSET {from}", quoted(table));
        let sql = AssertSqlSafe(sql);
        match &self.backend {
            Backend::Sqlite { readers, .. } => {
                let rows = sqlx::query(sql).fetch_all(readers).await?;
                rows.iter().map(|row| (0..row.len()).map(|place| sqlite_value(row, place)).collect()).collect()
            }
            Backend::Postgres(pool) => {
                let rows = sqlx::query(sql).fetch_all(pool).await?;
                rows.iter().map(|row| (0..row.len()).map(|place| postgres_value(row, place)).collect()).collect()
            }
        }
    }
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
