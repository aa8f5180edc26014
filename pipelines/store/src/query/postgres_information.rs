//! `information_schema` as clients of PostgreSQL ask it: columns with PostgreSQL's types, and constraints, of which there are none.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Int32Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::datasource::MemTable;
use datafusion::error::Result;

use super::catalog::PUBLIC;

/// A column of the tables that are asked about.
struct Column<'a> {
    catalog: &'a str,
    table: &'a str,
    place: usize,
    field: &'a Field,
}

enum Cell {
    Text(Option<String>),
    Number(Option<i32>),
}

type Read = fn(&Column<'_>) -> Cell;

fn text(text: &str) -> Cell {
    Cell::Text(Some(text.to_owned()))
}

const NO_TEXT: Read = |_| Cell::Text(None);
const NO_NUMBER: Read = |_| Cell::Number(None);

/// The columns of `information_schema.columns`, in PostgreSQL's order.
const COLUMNS: &[(&str, Read)] = &[
    ("table_catalog", |column| text(column.catalog)),
    ("table_schema", |_| text(PUBLIC)),
    ("table_name", |column| text(column.table)),
    ("column_name", |column| text(column.field.name())),
    ("ordinal_position", |column| Cell::Number(i32::try_from(column.place + 1).ok())),
    ("column_default", NO_TEXT),
    ("is_nullable", |column| text(if column.field.is_nullable() { "YES" } else { "NO" })),
    ("data_type", |column| text(type_of(column.field.data_type()).1)),
    ("character_maximum_length", NO_NUMBER),
    ("character_octet_length", NO_NUMBER),
    ("numeric_precision", |column| Cell::Number(precision(column.field.data_type()))),
    ("numeric_precision_radix", |column| Cell::Number(precision(column.field.data_type()).map(|_| 2))),
    ("numeric_scale", |column| {
        Cell::Number(precision(column.field.data_type()).filter(|_| column.field.data_type().is_integer()).map(|_| 0))
    }),
    ("datetime_precision", |column| {
        Cell::Number(matches!(column.field.data_type(), DataType::Timestamp(..)).then_some(6))
    }),
    ("interval_type", NO_TEXT),
    ("collation_name", NO_TEXT),
    ("domain_name", NO_TEXT),
    ("udt_catalog", |column| text(column.catalog)),
    ("udt_schema", |_| text("pg_catalog")),
    ("udt_name", |column| text(type_of(column.field.data_type()).0)),
    ("dtd_identifier", |column| Cell::Text(Some((column.place + 1).to_string()))),
    ("is_self_referencing", |_| text("NO")),
    ("is_identity", |_| text("NO")),
    ("identity_generation", NO_TEXT),
    ("is_generated", |_| text("NEVER")),
    ("generation_expression", NO_TEXT),
    ("is_updatable", |_| text("NO")),
];

/// Tables about what there is none of, with their columns.
const EMPTY: &[(&str, &[&str])] = &[
    (
        "table_constraints",
        &[
            "constraint_catalog",
            "constraint_schema",
            "constraint_name",
            "table_catalog",
            "table_schema",
            "table_name",
            "constraint_type",
            "is_deferrable",
            "initially_deferred",
            "enforced",
        ],
    ),
    (
        "key_column_usage",
        &[
            "constraint_catalog",
            "constraint_schema",
            "constraint_name",
            "table_catalog",
            "table_schema",
            "table_name",
            "column_name",
            "ordinal_position",
            "position_in_unique_constraint",
        ],
    ),
    (
        "referential_constraints",
        &[
            "constraint_catalog",
            "constraint_schema",
            "constraint_name",
            "unique_constraint_catalog",
            "unique_constraint_schema",
            "unique_constraint_name",
            "match_option",
            "update_rule",
            "delete_rule",
        ],
    ),
    ("check_constraints", &["constraint_catalog", "constraint_schema", "constraint_name", "check_clause"]),
    (
        "sequences",
        &[
            "sequence_catalog",
            "sequence_schema",
            "sequence_name",
            "data_type",
            "numeric_precision",
            "start_value",
            "minimum_value",
            "maximum_value",
            "increment",
            "cycle_option",
        ],
    ),
    (
        "triggers",
        &[
            "trigger_catalog",
            "trigger_schema",
            "trigger_name",
            "event_manipulation",
            "event_object_catalog",
            "event_object_schema",
            "event_object_table",
            "action_order",
            "action_condition",
            "action_statement",
            "action_orientation",
            "action_timing",
        ],
    ),
    (
        "constraint_column_usage",
        &[
            "table_catalog",
            "table_schema",
            "table_name",
            "column_name",
            "constraint_catalog",
            "constraint_schema",
            "constraint_name",
        ],
    ),
];

/// Columns of those that are numbers.
const NUMBERS: &[&str] = &["ordinal_position", "position_in_unique_constraint", "action_order", "numeric_precision"];

/// The only row of `character_sets`; the collation's catalog is the project.
const CHARACTER_SET: &[(&str, Option<&str>)] = &[
    ("character_set_catalog", None),
    ("character_set_schema", None),
    ("character_set_name", Some("UTF8")),
    ("character_repertoire", Some("UCS")),
    ("form_of_use", Some("UTF8")),
    ("default_collate_catalog", None),
    ("default_collate_schema", Some("pg_catalog")),
    ("default_collate_name", Some("default")),
];

/// PostgreSQL's name of a type, and the standard's.
fn type_of(data_type: &DataType) -> (&'static str, &'static str) {
    match data_type {
        DataType::Boolean => ("bool", "boolean"),
        DataType::Int8 | DataType::Int16 | DataType::UInt8 => ("int2", "smallint"),
        DataType::Int32 | DataType::UInt16 => ("int4", "integer"),
        DataType::Int64 | DataType::UInt32 => ("int8", "bigint"),
        DataType::Float16 | DataType::Float32 => ("float4", "real"),
        DataType::Float64 => ("float8", "double precision"),
        DataType::UInt64 | DataType::Decimal128(..) | DataType::Decimal256(..) => ("numeric", "numeric"),
        DataType::Timestamp(_, None) => ("timestamp", "timestamp without time zone"),
        DataType::Timestamp(_, Some(_)) => ("timestamptz", "timestamp with time zone"),
        DataType::Date32 | DataType::Date64 => ("date", "date"),
        DataType::Time32(_) | DataType::Time64(_) => ("time", "time without time zone"),
        DataType::Interval(_) | DataType::Duration(_) => ("interval", "interval"),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            ("bytea", "bytea")
        }
        DataType::Dictionary(_, values) => type_of(values),
        DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..) => ("_text", "ARRAY"),
        DataType::Struct(_) | DataType::Map(..) | DataType::Union(..) => ("json", "json"),
        _ => ("text", "text"),
    }
}

fn precision(data_type: &DataType) -> Option<i32> {
    match type_of(data_type).0 {
        "int2" => Some(16),
        "int4" => Some(32),
        "int8" => Some(64),
        "float4" => Some(24),
        "float8" => Some(53),
        _ => None,
    }
}

/// The tables of the schema that differ from the engine's own, about these tables of a project.
pub(super) fn tables(project: &str, about: &[(String, SchemaRef)]) -> Result<HashMap<String, Arc<dyn TableProvider>>> {
    let all: Vec<Column<'_>> = about
        .iter()
        .flat_map(|(table, schema)| {
            let fields = schema.fields().iter().enumerate();
            fields.map(move |(place, field)| Column { catalog: project, table, place, field })
        })
        .collect();
    let columns = COLUMNS.iter().map(|(name, read)| (*name, array(all.iter().map(read))));
    let empty = EMPTY.iter().map(|(table, names)| {
        let columns = names.iter().map(|name| {
            let nothing: ArrayRef = match NUMBERS.contains(name) {
                true => Arc::new(Int32Array::from(Vec::<i32>::new())),
                false => Arc::new(StringArray::from(Vec::<&str>::new())),
            };
            (*name, nothing)
        });
        Ok(((*table).to_owned(), of(columns)?))
    });
    let characters = CHARACTER_SET.iter().map(|(name, value)| {
        let value = if *name == "default_collate_catalog" { Some(project) } else { *value };
        let only: ArrayRef = Arc::new(StringArray::from(vec![value]));
        (*name, only)
    });
    let told = [("columns".to_owned(), of(columns)?), ("character_sets".to_owned(), of(characters)?)];
    empty.chain(told.map(Ok)).collect()
}

fn array(cells: impl Iterator<Item = Cell>) -> ArrayRef {
    let (mut texts, mut numbers) = (Vec::new(), Vec::new());
    for cell in cells {
        match cell {
            Cell::Text(text) => texts.push(text),
            Cell::Number(number) => numbers.push(number),
        }
    }
    match numbers.is_empty() {
        true => Arc::new(StringArray::from(texts)),
        false => Arc::new(Int32Array::from(numbers)),
    }
}

fn of<'a>(columns: impl Iterator<Item = (&'a str, ArrayRef)>) -> Result<Arc<dyn TableProvider>> {
    let (fields, arrays): (Vec<Field>, Vec<ArrayRef>) =
        columns.map(|(name, array)| (Field::new(name, array.data_type().clone(), true), array)).unzip();
    let schema = Arc::new(Schema::new(fields));
    let batch = RecordBatch::try_new(schema.clone(), arrays)?;
    Ok(Arc::new(MemTable::try_new(schema, vec![vec![batch]])?))
}
