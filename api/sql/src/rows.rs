//! Rows as a door takes them: worked out ahead by a little, ended when nobody takes them or their asker says so.

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
    pieces: mpsc::Receiver<Result<RecordBatch, Refusal>>,
}

impl Rows {
    /// Takes `answer` up. Whoever takes nothing for `stall` is given up: a slow reader holds no turn of the engine.
    pub(crate) fn new(answer: Answer, cancel: &Cancel, stall: Duration) -> Rows {
        let schema = answer.schema().clone();
        let (sender, pieces) = mpsc::channel(1);
        tokio::spawn(hand_over(answer, sender, cancel.cancelled(), stall));
        Rows { schema, pieces }
    }

    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The next rows; `None` after the last. An error is the last.
    pub async fn next(&mut self) -> Option<Result<RecordBatch, Refusal>> {
        self.pieces.recv().await
    }
}

async fn hand_over(
    mut answer: Answer,
    sender: mpsc::Sender<Result<RecordBatch, Refusal>>,
    cancelled: impl Future<Output = ()> + Send,
    stall: Duration,
) {
    tokio::pin!(cancelled);
    loop {
        let piece = tokio::select! {
            biased;
            () = &mut cancelled => Some(Err(Refusal::Cancelled)),
            () = sender.closed() => return,
            piece = answer.next() => piece.map(|piece| piece.map_err(Refusal::Query)),
        };
        let Some(piece) = piece else { return };
        let is_last = piece.is_err();
        let room = tokio::select! {
            biased;
            () = &mut cancelled => None,
            room = tokio::time::timeout(stall, sender.reserve()) => Some(room),
        };
        let end = match room {
            Some(Ok(Ok(room))) => {
                room.send(piece);
                if is_last {
                    return;
                }
                continue;
            }
            Some(Ok(Err(_))) => return,
            Some(Err(_)) => Refusal::Slow,
            None => Refusal::Cancelled,
        };
        // The turn is given back before the reader hears why.
        drop(answer);
        drop(sender.send(Err(end)).await);
        return;
    }
}
