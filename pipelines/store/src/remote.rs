//! Rows that lie in a database: what a snapshot reads where there are no files.
//!
//! A [`RemoteRows`] is one project at one moment, as [`crate::lake::ProjectSnapshot`] is for files: whatever is read from
//! it, and whenever, is of the same publications.

use std::fmt::Debug;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use arrow::array::RecordBatch;
use async_trait::async_trait;
use futures::Stream;
use tokio::sync::mpsc;

use crate::StoreError;
use crate::lake::Overrides;
use crate::query::{Policy, QueryError};
use crate::tables::Table;

/// One project of a database at one moment.
#[async_trait]
pub trait RemoteRows: Debug + Send + Sync + 'static {
    /// Reads rows of a table, in no order, with the types of [`Table::schema`].
    fn read(&self, wanted: RowsWanted) -> Rows;

    /// Asks a question in the database's own dialect. The first batch has no rows and tells the columns.
    async fn ask(&self, question: NativeQuestion) -> Result<Rows, QueryError>;
}

/// A question in the database's own dialect, and what it may see and use.
#[derive(Debug, Clone)]
pub struct NativeQuestion {
    pub sql: String,
    pub policy: Arc<Policy>,
    pub time_limit: Duration,
    pub rows_max: u64,
    pub memory_bytes_max: usize,
    /// Who the project's ids are now.
    pub overrides: Arc<Overrides>,
}

/// What of a table is read.
#[derive(Debug, Clone)]
pub struct RowsWanted {
    pub table: Table,
    /// Without any, the batches only count rows.
    pub columns: Vec<String>,
    /// At least the rows that meet it.
    pub filter: Option<RowFilter>,
    /// Rows that were published after this version of the project alone.
    pub after: u64,
    /// At most so many rows.
    pub limit: Option<usize>,
    /// In order of publication.
    pub in_order: bool,
}

impl RowsWanted {
    /// All rows of a table, with these columns.
    pub fn columns(table: Table, columns: &[&str]) -> Self {
        let columns = columns.iter().map(|&name| name.to_owned()).collect();
        RowsWanted { table, columns, filter: None, after: 0, limit: None, in_order: false }
    }
}

/// What tells whether rows are still those that they were.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seal {
    pub rows: u64,
    pub sum: u64,
}

/// A condition on the columns of a row. A value that is absent meets no comparison.
#[derive(Debug, Clone, PartialEq)]
pub enum RowFilter {
    All(Vec<RowFilter>),
    Any(Vec<RowFilter>),
    Compare { column: String, is: Comparison, value: RowValue },
    OneOf { column: String, values: Vec<RowValue> },
    IsNull(String),
    IsNotNull(String),
}

/// How a column compares with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// A value that a column is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowValue {
    Text(String),
    Integer(i64),
    Boolean(bool),
    /// Milliseconds UTC.
    Time(i64),
}

/// Rows on their way. Dropping it ends the work.
#[derive(Debug)]
pub struct Rows {
    batches: mpsc::Receiver<Result<Option<RecordBatch>, StoreError>>,
    ended: bool,
}

/// Where a reader puts rows: `Ok(None)` after the last.
pub(crate) type RowsSender = mpsc::Sender<Result<Option<RecordBatch>, StoreError>>;

impl Rows {
    /// Rows that somebody sends, a few batches ahead of who takes them.
    pub(crate) fn channel() -> (RowsSender, Rows) {
        const WAITING: usize = 2;
        let (sender, batches) = mpsc::channel(WAITING);
        (sender, Rows { batches, ended: false })
    }

    /// No rows at all.
    pub(crate) fn none() -> Rows {
        let (_, mut rows) = Rows::channel();
        rows.ended = true;
        rows
    }

    /// The next rows, on a thread that may wait.
    pub fn next_blocking(&mut self) -> Option<Result<RecordBatch, StoreError>> {
        if self.ended {
            return None;
        }
        let piece = self.batches.blocking_recv();
        self.take(piece)
    }

    fn take(
        &mut self,
        piece: Option<Result<Option<RecordBatch>, StoreError>>,
    ) -> Option<Result<RecordBatch, StoreError>> {
        match piece {
            Some(Ok(Some(batch))) => Some(Ok(batch)),
            Some(Ok(None)) => {
                self.ended = true;
                None
            }
            Some(Err(error)) => {
                self.ended = true;
                Some(Err(error))
            }
            None => {
                self.ended = true;
                Some(Err(StoreError::Task("the reading of rows".to_owned())))
            }
        }
    }
}

impl Stream for Rows {
    type Item = Result<RecordBatch, StoreError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        self.batches.poll_recv(context).map(|piece| self.take(piece))
    }
}
