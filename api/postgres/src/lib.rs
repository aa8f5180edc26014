//! A door for clients of PostgreSQL: protocol 3.0 and 3.2, simple and extended, over the one engine and under the one policy.
//!
//! The password is a key that reads; the database is the project. What a session asks is answered as `POST /v1/sql`
//! answers it; `docs/sql-doors.md` tells the door from the outside.

mod arrays;
mod cancel;
mod cells;
mod commands;
mod copy;
mod copy_out;
mod cursors;
mod door;
mod fault;
mod parameters;
mod portal;
mod session;
mod split;
mod startup;
mod stop;
mod time_limit;
mod times;
mod type_ids;
mod waiting;
mod wire;
mod zone;

#[cfg(test)]
mod tests;

pub use door::{PostgresDoor, PostgresSettings};
