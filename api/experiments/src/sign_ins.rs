//! Who signs in keeps the flags that they had while anonymous: by which id these fell is remembered, in the database and within a bound.

use std::time::Duration;

use footfall_ingest_activity::is_known_bad;
use tokio::time::{MissedTickBehavior, interval};

use crate::error::ExperimentError;
use crate::experiments::Experiments;
use crate::storage;

/// People of one project who are remembered; the oldest are forgotten first.
pub const SIGN_INS_MAX: u32 = 1_000_000;
/// Between two looks whether there are more.
const LOOK: Duration = Duration::from_secs(600);
/// Longest id that is remembered, in characters: the tables know longer ones by their beginning, and erasures go by the tables.
const ID_MAX: usize = 200;

impl Experiments {
    /// The id by which flags that keep at sign-in fall for `id`; `None` for the id itself. `before` is who they were until they signed in just
    /// now, as their SDK says: the first that is said of an id counts for good.
    pub(crate) async fn hash_id(
        &self,
        project: &str,
        id: &str,
        before: Option<&str>,
    ) -> Result<Option<String>, ExperimentError> {
        // PostgreSQL has no texts with such a character.
        if id.contains('\0') {
            return Ok(None);
        }
        let database = self.access().database();
        if let Some(known) = storage::hash_id(database, project, id).await? {
            return Ok(Some(known));
        }
        let Some(before) = before.filter(|before| is_sign_in(before, id)) else { return Ok(None) };
        let earlier = storage::hash_id(database, project, before).await?.unwrap_or_else(|| before.to_owned());
        storage::remember(database, project, (id, &earlier), self.now()).await.map(Some)
    }

    /// Forgets the oldest of each project that has more than `most`; returns how many.
    pub async fn forget_oldest_sign_ins(&self, most: u32) -> Result<u64, ExperimentError> {
        storage::forget_oldest(self.access().database(), i64::from(most)).await
    }

    /// Keeps to the bound until `stop` resolves.
    pub(crate) async fn bound_sign_ins(&self, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        let mut beat = interval(LOOK);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = &mut stop => return,
                _ = beat.tick() => {}
            }
            if let Err(error) = self.forget_oldest_sign_ins(SIGN_INS_MAX).await {
                tracing::error!(%error, "old sign-ins could not be forgotten; it is tried again");
            }
        }
    }
}

/// Ids that many share are nobody's.
fn is_sign_in(before: &str, id: &str) -> bool {
    let is_ones_own = |id: &str| id.chars().count() <= ID_MAX && !id.contains('\0') && !is_known_bad(id);
    before != id && is_ones_own(before) && is_ones_own(id)
}
