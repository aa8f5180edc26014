//! Opening what may be away for a while: again and again, for as long as the settings allow. `/readyz` says what is waited for.

use std::time::Duration;

use footfall_api_access::{AccessError, DatabaseError};
use footfall_ingest_log::LogError;
use footfall_pipelines_store::StoreError;
use tokio::time::Instant;

use crate::error::AppError;
use crate::front::Front;

const PAUSE_MIN: Duration = Duration::from_millis(250);
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// How long the parts of a process may be waited for.
pub struct Patience<'a> {
    front: &'a Front,
    until: Instant,
}

impl<'a> Patience<'a> {
    pub fn new(front: &'a Front, patience: Duration) -> Patience<'a> {
        Patience { front, until: Instant::now() + patience }
    }

    /// What `open` gives. It is tried again while what it needs is away.
    pub async fn open<T>(
        &self,
        name: &'static str,
        open: impl AsyncFn() -> Result<T, AppError>,
    ) -> Result<T, AppError> {
        let mut pause = PAUSE_MIN;
        loop {
            let error = match open().await {
                Err(error) if passes(&error) && Instant::now() < self.until => error,
                other => return other,
            };
            let why = error.to_string();
            tracing::warn!(name, "waiting: {why}");
            self.front.waits_for(name, &why);
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }
}

/// True for errors of what is away, or busy with another process that starts at this moment.
fn passes(error: &AppError) -> bool {
    let of_database = |error: &DatabaseError| {
        use DatabaseError::{Busy, Open, Query, Unique};
        matches!(error, Open(_) | Busy | Unique | Query(_))
    };
    match error {
        AppError::Log(error) => matches!(error, LogError::Away { .. }),
        AppError::Store(error) => matches!(error, StoreError::Away { .. } | StoreError::Fenced),
        AppError::Database(error) | AppError::Access(AccessError::Database(error)) => of_database(error),
        _ => false,
    }
}
