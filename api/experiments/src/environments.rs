//! The environment of each key, for the doors of activity: what a key brings is of the environment that it is served.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::Duration;

use footfall_api_access::Database;
use tokio::time::{MissedTickBehavior, interval};

use crate::error::ExperimentError;
use crate::storage::Connection;

/// The property of an activity that names the environment it came from. Without it an activity is production's.
pub const ENVIRONMENT: &str = "$environment";

/// Between two looks at how keys are served.
const LOOK: Duration = Duration::from_secs(1);

/// The keys that are of another environment than production. It is asked without waiting.
pub struct KeyEnvironments {
    database: Database,
    known: RwLock<HashMap<String, Arc<str>>>,
}

impl KeyEnvironments {
    /// Reads what there is, and again each second for as long as anybody holds it.
    pub async fn open(database: Database) -> Arc<KeyEnvironments> {
        let opened = Arc::new(KeyEnvironments { database, known: RwLock::default() });
        // Before the API has made its tables no key has another environment.
        if let Err(error) = opened.refresh().await {
            tracing::warn!(%error, "the environments of keys could not be read; it is tried again");
        }
        tokio::spawn(follow(Arc::downgrade(&opened)));
        opened
    }

    /// The environment of a key; none is production.
    pub fn of(&self, key_id: &str) -> Option<Arc<str>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).get(key_id).cloned()
    }

    /// Reads how keys are served now.
    pub async fn refresh(&self) -> Result<(), ExperimentError> {
        let found = Connection::outside_of_production(&self.database).await?;
        let found = found.into_iter().map(|(key, environment)| (key, environment.into())).collect();
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = found;
        Ok(())
    }
}

async fn follow(environments: Weak<KeyEnvironments>) {
    let mut beat = interval(LOOK);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    beat.tick().await;
    let mut is_told = false;
    loop {
        beat.tick().await;
        let Some(environments) = environments.upgrade() else { return };
        let failed = environments.refresh().await.err();
        if let Some(error) = failed.as_ref().filter(|_| !is_told) {
            tracing::warn!(%error, "the environments of keys could not be read; it is tried again");
        }
        is_told = failed.is_some();
    }
}
