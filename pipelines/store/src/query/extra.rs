//! Tables that are not the store's, as the audit: their rows are fetched when a question names them.

use std::fmt;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;

/// A small table beside those of the store. Who may see it is decided before it is given to a question.
#[async_trait]
pub trait ExtraTable: fmt::Debug + Send + Sync {
    fn name(&self) -> &'static str;

    fn schema(&self) -> SchemaRef;

    /// All rows. The error is for the asker.
    async fn rows(&self) -> Result<Vec<RecordBatch>, String>;
}
