//! Questions in ClickHouse's own dialect, of one project, under the asker's policy and limits.
//!
//! The text is read as words and signs and written out again, so that what was judged is what is sent. It runs in a
//! database without tables: names are those of the views that stand before it, each behind a LIMIT, which the database does
//! not move conditions across, so that no part of the text is worked out on rows that the asker may not see. What the text gives
//! names to is not known within the views.

mod judge;
mod views;
mod words;

use super::database::{Database, Setting};
use super::view::Visible;
use crate::StoreError;
use crate::query::QueryError;
use crate::remote::{NativeQuestion, Rows};

/// The database without tables in which questions run.
pub(super) fn empty_database(database: &Database) -> String {
    format!("{}_questions", database.name())
}

/// Asks it of a project at a moment. The first batch has no rows and tells the columns.
pub(super) async fn ask(
    database: &Database,
    project: &str,
    visible: &Visible,
    question: &NativeQuestion,
) -> Result<Rows, QueryError> {
    let away =
        |error: StoreError| if error.is_passing() { QueryError::StoreAway } else { QueryError::internal(&error) };
    let names = judge::Names::read(database).await.map_err(away)?;
    let text = judge::judged(&question.sql, &names)?;
    let scope = views::Scope { database: database.name(), project, visible, merged: !question.overrides.is_empty() };
    let sql = judge::with_views(&text, &views::all(&scope, &question.policy)?);
    let settings: Vec<Setting> = vec![
        ("max_execution_time", question.time_limit.as_secs_f64().ceil().to_string()),
        ("max_memory_usage", question.memory_bytes_max.to_string()),
        ("max_result_rows", (question.rows_max + 1).to_string()),
        ("result_overflow_mode", "throw".to_owned()),
        ("allow_ddl", "0".to_owned()),
        ("allow_introspection_functions", "0".to_owned()),
        ("readonly", "2".to_owned()),
    ];
    Ok(database.rows_in(&empty_database(database), sql, settings))
}
