//! The columns of what clients ask about keys. Our tables have none.

use arrow::datatypes::{DataType, Field, Schema};

fn text(name: &str) -> Field {
    Field::new(name, DataType::Utf8, true)
}

fn name(name: &str) -> Field {
    Field::new(name, DataType::Utf8, false)
}

fn place() -> Field {
    Field::new("key_sequence", DataType::Int32, false)
}

/// Of primary keys.
pub(crate) fn primary() -> Schema {
    Schema::new(vec![
        text("catalog_name"),
        text("db_schema_name"),
        name("table_name"),
        name("column_name"),
        text("key_name"),
        place(),
    ])
}

/// Of keys that lead from one table to another.
pub(crate) fn foreign() -> Schema {
    let rule = |name: &str| Field::new(name, DataType::UInt8, false);
    Schema::new(vec![
        text("pk_catalog_name"),
        text("pk_db_schema_name"),
        name("pk_table_name"),
        name("pk_column_name"),
        text("fk_catalog_name"),
        text("fk_db_schema_name"),
        name("fk_table_name"),
        name("fk_column_name"),
        place(),
        text("fk_key_name"),
        text("pk_key_name"),
        rule("update_rule"),
        rule("delete_rule"),
    ])
}
