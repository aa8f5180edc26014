//! Turns: how many questions are worked on at one time. One whose reader takes nothing gives its turn back meanwhile.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::Instant;

use super::answer::Piece;
use super::config::EngineConfig;
use super::error::QueryError;

/// Questions that have a turn just now.
const RUNNING: &str = "footfall_sql_running";
/// Answers that wait for their readers, without a turn.
const RESTING: &str = "footfall_sql_resting";
/// Questions that have ended, by how.
const ENDED: &str = "footfall_sql_questions_total";

/// The turns of one engine.
pub(super) struct Turns {
    turns: Arc<Semaphore>,
    /// Whoever goes on after a rest has begun long ago and does not stand behind newcomers: as many again.
    resumed: Arc<Semaphore>,
    resting: Arc<Semaphore>,
    queue_timeout: Duration,
    patience: Duration,
}

/// One question's turn. Dropping it frees it.
pub(super) struct Turn {
    turns: Arc<Turns>,
    place: Option<Place>,
    /// How long its reader may still keep it waiting before it rests.
    patience: Duration,
    ended: &'static str,
}

/// Why no more is handed over.
pub(super) enum Stop {
    /// The asker has gone.
    Left,
    /// Too many answers wait for their readers.
    Slow,
}

struct Place {
    _permit: OwnedSemaphorePermit,
    _counted: Counted,
}

/// One more, for as long as it lives.
struct Counted(&'static str);

impl Counted {
    fn new(name: &'static str) -> Counted {
        metrics::gauge!(name).increment(1.0);
        Counted(name)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        metrics::gauge!(self.0).decrement(1.0);
    }
}

impl From<OwnedSemaphorePermit> for Place {
    fn from(permit: OwnedSemaphorePermit) -> Place {
        Place { _permit: permit, _counted: Counted::new(RUNNING) }
    }
}

impl Turns {
    pub fn new(config: &EngineConfig) -> Arc<Turns> {
        // They are seen before the first question.
        for gauge in [RUNNING, RESTING] {
            metrics::gauge!(gauge).set(0.0);
        }
        metrics::counter!(ENDED, "end" => "whole").increment(0);
        let concurrent = config.queries_concurrent.max(1);
        Arc::new(Turns {
            turns: Arc::new(Semaphore::new(concurrent)),
            resumed: Arc::new(Semaphore::new(concurrent)),
            resting: Arc::new(Semaphore::new(config.answers_resting)),
            queue_timeout: config.queue_timeout,
            patience: config.reader_patience,
        })
    }

    /// Waits for a turn.
    pub async fn turn(self: &Arc<Self>) -> Result<Turn, QueryError> {
        match tokio::time::timeout(self.queue_timeout, self.turns.clone().acquire_owned()).await {
            Ok(Ok(permit)) => {
                Ok(Turn { turns: self.clone(), place: Some(permit.into()), patience: self.patience, ended: "left" })
            }
            _ => Err(QueryError::Busy { waited: self.queue_timeout }),
        }
    }

    async fn again(&self) -> Result<Place, AcquireError> {
        tokio::select! {
            permit = self.turns.clone().acquire_owned() => permit.map(Place::from),
            permit = self.resumed.clone().acquire_owned() => permit.map(Place::from),
        }
    }
}

impl Turn {
    /// Hands a piece to the reader. While the reader takes nothing the question rests; when it returns it has a turn again.
    pub async fn hand_over(&mut self, piece: Piece, pieces: &mpsc::Sender<Piece>) -> Result<(), Stop> {
        let waiting = Instant::now();
        if let Ok(room) = tokio::time::timeout(self.patience, pieces.reserve()).await {
            self.patience = self.patience.saturating_sub(waiting.elapsed());
            room.map_err(|_| Stop::Left)?.send(piece);
            return Ok(());
        }
        self.patience = Duration::ZERO;
        let Ok(rest) = self.turns.resting.clone().try_acquire_owned() else { return Err(Stop::Slow) };
        let counted = Counted::new(RESTING);
        self.place = None;
        pieces.reserve().await.map_err(|_| Stop::Left)?.send(piece);
        self.place = Some(self.turns.again().await.map_err(|_| Stop::Left)?);
        drop((rest, counted));
        Ok(())
    }

    /// Says how the question has ended, for the counter. Without a word its asker has left.
    pub fn end(mut self, how: &'static str) {
        self.ended = how;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        metrics::counter!(ENDED, "end" => self.ended).increment(1);
    }
}
