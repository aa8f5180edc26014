//! The rows of an answer as they come, within the question's limits.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use futures::{Stream, stream};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::config::Bounds;
use super::error::QueryError;

/// What the working task hands over.
pub(super) enum Piece {
    Rows(RecordBatch),
    Failed(QueryError),
    /// Without it the task has ended early.
    End,
}

/// The answer to a question. Dropping it ends the work on it.
#[derive(Debug)]
pub struct Answer {
    schema: SchemaRef,
    pieces: mpsc::Receiver<Piece>,
    work: Work,
    bounds: Bounds,
    deadline: Instant,
    rows: u64,
    ended: bool,
}

/// Ends the task when it is dropped.
#[derive(Debug)]
pub(super) struct Work(pub AbortHandle);

impl Drop for Work {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Answer {
    pub(super) fn new(
        schema: SchemaRef,
        pieces: mpsc::Receiver<Piece>,
        work: Work,
        bounds: Bounds,
        deadline: Instant,
    ) -> Self {
        Answer { schema, pieces, work, bounds, deadline, rows: 0, ended: false }
    }

    /// Names and types of the columns.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Rows handed out so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The next rows; `None` after the last. An error is the last.
    pub async fn next(&mut self) -> Option<Result<RecordBatch, QueryError>> {
        if self.ended {
            return None;
        }
        let piece = tokio::time::timeout_at(self.deadline, self.pieces.recv()).await;
        let rows = match piece {
            Ok(Some(Piece::Rows(rows))) => self.count(rows),
            Ok(Some(Piece::End)) => {
                self.ended = true;
                return None;
            }
            Ok(Some(Piece::Failed(error))) => Err(error),
            Ok(None) => Err(QueryError::internal(&"the work on a question ended early")),
            Err(_) => Err(QueryError::TimeLimit { limit: self.bounds.time_limit }),
        };
        if rows.is_err() {
            self.ended = true;
            self.work.0.abort();
        }
        Some(rows)
    }

    fn count(&mut self, rows: RecordBatch) -> Result<RecordBatch, QueryError> {
        self.rows += rows.num_rows() as u64;
        match self.rows > self.bounds.rows_max {
            true => Err(QueryError::RowLimit { rows: self.bounds.rows_max }),
            false => Ok(rows),
        }
    }

    /// All of the rows.
    pub async fn collect(mut self) -> Result<Vec<RecordBatch>, QueryError> {
        let mut all = Vec::new();
        while let Some(rows) = self.next().await {
            all.push(rows?);
        }
        Ok(all)
    }

    /// The rows as a stream.
    pub fn into_stream(self) -> impl Stream<Item = Result<RecordBatch, QueryError>> + Send {
        stream::unfold(self, |mut answer| async move { answer.next().await.map(|rows| (rows, answer)) })
    }
}
