//! The store on ClickHouse: rows go in and come out as Arrow, and a row of `publications` makes those of one turn visible
//! in all tables at once.
//!
//! Publications form a chain: each names the one before it, and the database takes only one successor of each. Rows carry
//! the number of their publication; readers see numbers up to the head of the chain. `docs/clickhouse.md` has the layout.

mod address;
mod arrow_form;
mod attempt;
mod breaker;
mod chain;
#[expect(clippy::module_inception, reason = "the store itself")]
mod clickhouse;
mod database;
mod ddl;
mod erase;
mod filter_sql;
mod forgotten;
mod keys;
mod migrations;
mod native;
mod options;
mod overrides;
mod rewrite;
mod rows;
mod seal;
#[cfg(test)]
mod tests;
mod tls;
mod upkeep;
mod view;

pub use clickhouse::ClickHouse;
pub use options::{ClickHouseOptions, Role};
