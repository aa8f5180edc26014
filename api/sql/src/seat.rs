//! Somebody who has come in through a door of SQL, and what they ask.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use footfall_api_access::Origin;
use footfall_pipelines_store::query::{Dialect, ParameterValue};

/// Who sits before a door. What they may is asked again at each question, so that a revoked key ends them.
#[derive(Clone)]
pub struct Seat {
    pub(crate) secret: Arc<str>,
    /// The project that they ask about.
    pub project: Arc<str>,
    pub(crate) address: IpAddr,
    pub(crate) origin: Origin,
}

impl fmt::Debug for Seat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seat").field("project", &self.project).field("address", &self.address).finish_non_exhaustive()
    }
}

/// A question.
#[derive(Debug, Clone, Default)]
pub struct Ask {
    pub sql: String,
    pub values: Vec<ParameterValue>,
    pub dialect: Dialect,
    /// Shorter than what everybody has.
    pub time_limit: Option<Duration>,
    /// As [`footfall_pipelines_store::query::is_time_zone`] knows it; UTC without one.
    pub time_zone: Option<Arc<str>>,
}
