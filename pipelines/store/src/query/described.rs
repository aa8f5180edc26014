//! What is known of a question before it is asked.

use arrow::datatypes::{DataType, SchemaRef};

/// A question that was planned and not asked.
#[derive(Debug, Clone)]
pub struct Described {
    /// The columns of its answer.
    pub schema: SchemaRef,
    /// The types of `$1`, `$2` … as far as the text tells them.
    pub parameters: Vec<Option<DataType>>,
}
