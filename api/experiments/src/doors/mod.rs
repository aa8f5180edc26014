//! The doors of SDKs: GrowthBook's, OpenFeature's (OFREP) and PostHog's protocols, by public keys, for every origin.
//!
//! They stand beside the routes of the API, because each has its own shapes for refusals, parameters and caching.

mod cors;
mod decoding;
pub(crate) mod evaluation;
mod growthbook;
mod key;
mod limit;
mod ofrep;
mod posthog;
mod stream;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};
use footfall_api_access::KeyRing;

use crate::experiments::Experiments;

pub use limit::DoorLimit;

const BODY_BYTES_MAX: usize = 512 * 1024;

/// Limits of the doors.
#[derive(Debug, Clone, Copy)]
pub struct DoorSettings {
    /// Streams at one time.
    pub listeners_max: usize,
    /// Between two signs of life on a stream.
    pub ping: Duration,
}

impl Default for DoorSettings {
    fn default() -> Self {
        DoorSettings { listeners_max: 20_000, ping: Duration::from_secs(15) }
    }
}

/// What the doors work with. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Doors {
    experiments: Experiments,
    keys: Arc<KeyRing>,
    settings: DoorSettings,
    listeners: Arc<AtomicUsize>,
}

/// A listener's place, given back when it goes.
pub(crate) struct Seat(Arc<AtomicUsize>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Doors {
    fn seat(&self) -> Option<Seat> {
        let more = |now: usize| (now < self.settings.listeners_max).then_some(now + 1);
        self.listeners.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        Some(Seat(self.listeners.clone()))
    }
}

/// The doors of all protocols; to be merged into the router that apps reach. Without a limit one address may ask without end.
pub fn doors(experiments: &Experiments, settings: DoorSettings, limit: Option<DoorLimit>) -> Router {
    let keys = experiments.access().keys();
    let doors = Doors { experiments: experiments.clone(), keys, settings, listeners: Arc::default() };
    let mut router = Router::new()
        .route("/api/features/{key}", get(growthbook::features))
        .route("/api/eval/{key}", post(growthbook::evaluate))
        .route("/sub/{key}", get(growthbook::subscribe))
        .route("/ofrep/v1/evaluate/flags/{flag}", post(ofrep::one))
        .route("/ofrep/v1/evaluate/flags", post(ofrep::all))
        .route("/ofrep/v1/events/{key}", get(ofrep::events));
    for path in ["/flags", "/flags/", "/decide", "/decide/"] {
        router = router.route(path, post(posthog::flags));
    }
    for path in [
        "/flags/definitions",
        "/flags/definitions/",
        "/api/feature_flag/local_evaluation",
        "/api/feature_flag/local_evaluation/",
    ] {
        router = router.route(path, get(posthog::definitions));
    }
    let router = router.layer(DefaultBodyLimit::max(BODY_BYTES_MAX));
    // Within the headers for other origins: pages may read that they are refused.
    let router = match limit {
        Some(limit) => router.layer(from_fn_with_state(Arc::new(limit), limit::by_address)),
        None => router,
    };
    router.layer(from_fn(cors::every_origin)).with_state(doors)
}
