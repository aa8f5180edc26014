//! Rows as a door takes them: worked out ahead by a little, ended when nobody takes them or their asker says so.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use footfall_pipelines_store::query::Answer;
use tokio::sync::{mpsc, watch};

use crate::refusal::Refusal;

/// Ends the questions that are under way in one session. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Cancel(Arc<watch::Sender<u64>>);

impl Default for Cancel {
    fn default() -> Self {
        Cancel(Arc::new(watch::Sender::new(0)))
    }
}

impl Cancel {
    /// Ends what is under way now; what is asked later goes on.
    pub fn cancel(&self) {
        self.0.send_modify(|count| *count += 1);
    }

    /// Whether this is the same session's.
    pub fn is(&self, other: &Cancel) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Resolves when what is begun now is to end.
    pub fn cancelled(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut told = self.0.subscribe();
        let kept = self.0.clone();
        async move {
            // The sender lives as long as this future, so the wait ends by a cancellation alone.
            drop(told.changed().await);
            drop(kept);
        }
    }
}

/// The rows of an answer. Dropping it ends the work.
#[derive(Debug)]
pub struct Rows {
    schema: SchemaRef,
    pieces: mpsc::Receiver<Piece>,
    is_whole: bool,
}

/// Resolves when the question is to end.
pub(crate) type Cancelled = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What is handed over; `None` behind the last rows.
type Piece = Option<Result<RecordBatch, Refusal>>;

impl Rows {
    /// Takes `answer` up. Whoever takes nothing for `stall` is given up: a slow reader holds no turn of the engine.
    pub(crate) fn new(answer: Answer, cancelled: Cancelled, stall: Duration) -> Rows {
        let schema = answer.schema().clone();
        let (sender, pieces) = mpsc::channel(1);
        tokio::spawn(async move {
            let end = tokio::select! {
                biased;
                () = cancelled => Refusal::Cancelled,
                () = sender.closed() => return,
                end = hand_over(answer, &sender, stall) => match end {
                    Some(end) => end,
                    None => return,
                },
            };
            // The answer is gone by now, and its turn free, before the reader hears why.
            drop(sender.send(Some(Err(end))).await);
        });
        Rows { schema, pieces, is_whole: false }
    }

    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The next rows; `None` after the last. An error is the last.
    pub async fn next(&mut self) -> Option<Result<RecordBatch, Refusal>> {
        if self.is_whole {
            return None;
        }
        // Without an end the work on it has died.
        let piece = self.pieces.recv().await.unwrap_or(Some(Err(Refusal::Internal)));
        self.is_whole = !matches!(piece, Some(Ok(_)));
        piece
    }
}

/// Why it ended before the end, if it did.
async fn hand_over(mut answer: Answer, sender: &mpsc::Sender<Piece>, stall: Duration) -> Option<Refusal> {
    loop {
        let piece = answer.next().await;
        let is_last = !matches!(piece, Some(Ok(_)));
        match tokio::time::timeout(stall, sender.reserve()).await {
            Ok(Ok(room)) => room.send(piece.map(|piece| piece.map_err(Refusal::Query))),
            Ok(Err(_)) => return None,
            Err(_) => return Some(Refusal::Slow),
        }
        if is_last {
            return None;
        }
    }
}
