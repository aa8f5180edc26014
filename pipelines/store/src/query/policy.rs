//! What an asker may see of a project's tables: which rows of `activity`, and which columns and properties not.

use std::collections::BTreeSet;

use datafusion::error::Result;
use datafusion::logical_expr::{Expr, and, cast, col, lit, not, or};
use datafusion_functions_json::udfs::json_as_text_udf;

use arrow::datatypes::DataType;

use crate::tables::{ColumnKind, Table};

/// Rows and names that an asker may see. The default hides nothing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Policy {
    /// Only rows of `activity` that meet it. The tables that are made of all activity are hidden then.
    pub rows: Option<Condition>,
    /// Columns that are null, and members that are absent from JSON at any depth. Case does not matter, and `ip` means
    /// `$ip` too. `quarantine` is hidden then: its raw items may hold anything.
    pub masked: BTreeSet<String>,
}

/// What a row must be. A value that is absent meets no test.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    /// The text is one of these.
    OneOf(Subject, Vec<String>),
    /// The value is there.
    IsSet(Subject),
    /// The corrected time is at or after this, in milliseconds UTC.
    From(i64),
    /// The corrected time is before this, in milliseconds UTC.
    Before(i64),
}

/// What a test looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A text column of `activity`.
    Column(String),
    /// A property, as text.
    Property(String),
}

/// Columns that show what another one holds.
const SAME_AS: &[(&str, &str)] = &[
    ("distinct_ids", "distinct_id"),
    ("from_id", "distinct_id"),
    ("into_id", "distinct_id"),
    ("entry_page", "page_path"),
    ("exit_page", "page_path"),
    ("entry_event", "event"),
    ("exit_event", "event"),
];

impl Policy {
    /// True when it hides nothing.
    pub fn is_open(&self) -> bool {
        self.rows.is_none() && self.masked.is_empty()
    }

    /// True when the table cannot be shown under this policy.
    pub(super) fn hides_table(&self, name: &str) -> bool {
        (self.rows.is_some() && name != "activity") || (!self.masked.is_empty() && name == "quarantine")
    }

    /// True when the column is null for this asker.
    pub(crate) fn hides_column(&self, name: &str) -> bool {
        let own = SAME_AS.iter().find(|(column, _)| *column == name).map(|(_, own)| *own);
        self.hides_member(name) || own.is_some_and(|own| self.hides_member(own))
    }

    /// True when a member of JSON with this name is left out.
    pub(super) fn hides_member(&self, name: &str) -> bool {
        let plain = name.strip_prefix('$').unwrap_or(name);
        self.masked.iter().any(|masked| is_same_name(masked.strip_prefix('$').unwrap_or(masked), plain))
    }
}

/// Whether names differ in case alone.
fn is_same_name(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
        || (!(one.is_ascii() && other.is_ascii()) && one.to_lowercase() == other.to_lowercase())
}

impl Condition {
    /// As an expression over the columns of `activity`. It is never null, and never fails on a row.
    pub(super) fn to_expr(&self) -> Result<Expr> {
        Ok(match self {
            Condition::All(parts) => fold(parts, lit(true), and)?,
            Condition::Any(parts) => fold(parts, lit(false), or)?,
            Condition::Not(part) => not(part.to_expr()?),
            Condition::OneOf(subject, texts) => {
                subject.to_expr()?.in_list(texts.iter().map(lit).collect(), false).is_true()
            }
            Condition::IsSet(subject) => subject.to_expr()?.is_not_null(),
            Condition::From(millis) => millis_of_row().gt_eq(lit(*millis)).is_true(),
            Condition::Before(millis) => millis_of_row().lt(lit(*millis)).is_true(),
        })
    }
}

fn millis_of_row() -> Expr {
    cast(col("timestamp"), DataType::Int64)
}

fn fold(parts: &[Condition], start: Expr, join: fn(Expr, Expr) -> Expr) -> Result<Expr> {
    parts.iter().try_fold(start, |all, part| Ok(join(all, part.to_expr()?)))
}

impl Subject {
    fn to_expr(&self) -> Result<Expr> {
        match self {
            Subject::Property(name) => Ok(json_as_text_udf().call(vec![col("properties"), lit(name)])),
            Subject::Column(name) => {
                let is_text = |column: &&crate::tables::Column| {
                    column.name == name && matches!(column.kind, ColumnKind::Text | ColumnKind::Word)
                };
                match Table::Activity.columns().iter().find(is_text) {
                    Some(column) => Ok(col(column.name)),
                    // A rule that cannot be applied shows nothing.
                    None => datafusion::common::internal_err!(
                        "a row policy names the column {name}, which is no text column"
                    ),
                }
            }
        }
    }
}
