//! From an SDK's key to what it is served.

use std::sync::Arc;

use footfall_api_access::KeyKind;
use tokio::sync::watch;

use super::Doors;
use crate::error::ExperimentError;
use crate::payloads::{Compiled, ProjectPayloads};
use crate::storage::Connection;

/// A key in force, with the payloads of its project as they change.
pub(super) struct Served {
    /// The id of the key.
    pub key: Arc<str>,
    pub project: Arc<str>,
    pub connection: Connection,
    pub payloads: Arc<ProjectPayloads>,
    pub compiled: Arc<Compiled>,
    pub changes: watch::Receiver<Arc<ProjectPayloads>>,
}

/// Why a key is not served.
#[derive(Debug)]
pub(super) enum Unserved {
    /// Unknown, revoked, expired or of another kind; or its environment is gone.
    Refused,
    Failed(ExperimentError),
}

impl Doors {
    /// The id and project of a client or write key; both may be public.
    pub(super) fn holder(&self, key: &str) -> Option<(Arc<str>, Arc<str>)> {
        let (id, project, kind) = self.keys.id_and_project(key)?;
        matches!(kind, KeyKind::Client | KeyKind::Write).then_some((id, project))
    }

    pub(super) async fn served(&self, key: &str) -> Result<Served, Unserved> {
        let (id, project) = self.holder(key).ok_or(Unserved::Refused)?;
        let mut changes = self.experiments.payloads().watch(&project).await.map_err(Unserved::Failed)?;
        let payloads = changes.borrow_and_update().clone();
        let connection = payloads.connection(&id, &project);
        let compiled = payloads.environment(&connection.environment).ok_or(Unserved::Refused)?;
        Ok(Served { key: id, project, connection, payloads, compiled, changes })
    }
}
