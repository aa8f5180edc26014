//! In whose words a question is put, and what is known of it before it is asked.

use arrow::datatypes::{DataType, SchemaRef};

/// Whose words the SQL text may use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Dialect {
    /// Our own.
    #[default]
    Footfall,
    /// The same, and the catalogue `pg_catalog` with its functions, which clients of PostgreSQL ask.
    Postgres,
}

/// A question that was planned and not asked.
#[derive(Debug, Clone)]
pub struct Described {
    /// The columns of its answer.
    pub schema: SchemaRef,
    /// The types of `$1`, `$2` … as far as the text tells them.
    pub parameters: Vec<Option<DataType>>,
}
