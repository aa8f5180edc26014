//! What the handlers work with. `api/footfall` fills it.

use std::sync::Arc;

use footfall_ingest_activity::Clock;
use footfall_pipelines_store::query::Engine;

use crate::{Health, Live, Operations, OperatorToken, ReadKeys, Telemetry};

/// Everything behind the routes; cheap to clone.
#[derive(Clone)]
pub struct Api {
    pub engine: Arc<Engine>,
    pub read_keys: Arc<dyn ReadKeys>,
    /// Without one, the operator's routes refuse everybody.
    pub operator: Option<OperatorToken>,
    pub live: Arc<Live>,
    pub operations: Arc<dyn Operations>,
    pub health: Arc<dyn Health>,
    pub telemetry: Telemetry,
    pub clock: Arc<dyn Clock>,
    pub settings: Settings,
}

/// What the operator can set.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `/metrics` answers the operator alone.
    pub metrics_need_operator: bool,
    /// Greatest body of a request in bytes.
    pub body_bytes_max: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { metrics_need_operator: false, body_bytes_max: 1 << 20 }
    }
}
