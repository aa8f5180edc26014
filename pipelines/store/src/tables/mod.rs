//! The physical tables, one file each: name, columns, sort order, and a sentence on every column.

mod activity;
mod identities;
mod person_merges;
mod person_overrides;
mod quarantine;
mod session_parts;

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use serde::{Deserialize, Serialize};

/// A physical table of the lake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Table {
    Activity,
    /// Per distinct id: parts that fold into one row.
    Identities,
    /// Every claim that two ids are one person, with what became of it.
    PersonMerges,
    /// Ids whose person is not their own: overwritten as a whole.
    PersonOverrides,
    /// Stretches of activity without a gap of 30 minutes: parts that join into sessions.
    SessionParts,
    Quarantine,
    /// Quarantined items that were replayed.
    QuarantineResolved,
}

/// A column in words and type.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    pub name: &'static str,
    pub kind: ColumnKind,
    pub nullable: bool,
    /// One sentence for people.
    pub about: &'static str,
}

/// Type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// Text with many different values.
    Text,
    /// Text with few different values: a dictionary in memory.
    Word,
    /// JSON text.
    Json,
    Time,
    Integer,
    Float,
    Boolean,
}

impl ColumnKind {
    /// The type that readers see.
    pub fn data_type(self) -> DataType {
        match self {
            ColumnKind::Text | ColumnKind::Word | ColumnKind::Json => DataType::Utf8View,
            ColumnKind::Time => DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
            ColumnKind::Integer => DataType::Int64,
            ColumnKind::Float => DataType::Float64,
            ColumnKind::Boolean => DataType::Boolean,
        }
    }

    /// The type of fresh rows in memory: words are dictionaries, so that 30 mostly empty columns cost little.
    pub fn fresh_type(self) -> DataType {
        match self {
            ColumnKind::Word => DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
            other => other.data_type(),
        }
    }
}

const fn column(name: &'static str, kind: ColumnKind, about: &'static str) -> Column {
    Column { name, kind, nullable: false, about }
}

const fn nullable(name: &'static str, kind: ColumnKind, about: &'static str) -> Column {
    Column { name, kind, nullable: true, about }
}

struct Schemas {
    table: SchemaRef,
    fresh: SchemaRef,
}

static SCHEMAS: LazyLock<Vec<Schemas>> = LazyLock::new(|| {
    Table::ALL
        .iter()
        .map(|table| {
            let fields = |of: fn(ColumnKind) -> DataType| {
                let fields: Vec<Field> =
                    table.columns().iter().map(|c| Field::new(c.name, of(c.kind), c.nullable)).collect();
                Arc::new(Schema::new(fields))
            };
            Schemas { table: fields(ColumnKind::data_type), fresh: fields(ColumnKind::fresh_type) }
        })
        .collect()
});

impl Table {
    /// Every table, in the order of the enum.
    pub const ALL: &'static [Table] = &[
        Table::Activity,
        Table::Identities,
        Table::PersonMerges,
        Table::PersonOverrides,
        Table::SessionParts,
        Table::Quarantine,
        Table::QuarantineResolved,
    ];

    /// Its name, which is its folder in the lake.
    pub const fn name(self) -> &'static str {
        match self {
            Table::Activity => "activity",
            Table::Identities => "identities",
            Table::PersonMerges => "person_merges",
            Table::PersonOverrides => "person_overrides",
            Table::SessionParts => "session_parts",
            Table::Quarantine => "quarantine",
            Table::QuarantineResolved => "quarantine_resolved",
        }
    }

    /// Its columns in order.
    pub fn columns(self) -> &'static [Column] {
        match self {
            Table::Activity => &activity::COLUMNS,
            Table::Identities => identities::COLUMNS,
            Table::PersonMerges => person_merges::COLUMNS,
            Table::PersonOverrides => person_overrides::COLUMNS,
            Table::SessionParts => session_parts::COLUMNS,
            Table::Quarantine => quarantine::COLUMNS,
            Table::QuarantineResolved => quarantine::RESOLVED_COLUMNS,
        }
    }

    /// Columns that a file is sorted by.
    pub const fn sort_columns(self) -> &'static [&'static str] {
        match self {
            Table::Activity => &["person_id", "timestamp", "message_id"],
            Table::Identities => &["person_id"],
            Table::PersonMerges => &["sequence"],
            Table::PersonOverrides => &["person_id"],
            Table::SessionParts => &["person_id", "start"],
            Table::Quarantine => &["received_at", "quarantine_id"],
            Table::QuarantineResolved => &["quarantine_id"],
        }
    }

    /// Schema as readers see it.
    pub fn schema(self) -> SchemaRef {
        SCHEMAS[self as usize].table.clone()
    }

    /// Schema of rows that a job publishes.
    pub fn fresh_schema(self) -> SchemaRef {
        SCHEMAS[self as usize].fresh.clone()
    }
}
