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
mod seats;
mod stream;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};
use footfall_api_access::KeyRing;
use footfall_api_http::Proxies;
use footfall_api_http::limit::Limits;

use crate::experiments::Experiments;

use limit::Gate;
use seats::Seats;

pub use seats::SeatLimits;

const BODY_BYTES_MAX: usize = 512 * 1024;

/// Limits of the doors.
#[derive(Debug, Clone)]
pub struct DoorSettings {
    /// Streams at one time.
    pub seats: SeatLimits,
    /// Between two signs of life on a stream.
    pub ping: Duration,
    /// Whom addresses are believed.
    pub proxies: Proxies,
    /// Longest time until an answer begins, the body of its request included.
    pub patience: Duration,
}

impl Default for DoorSettings {
    fn default() -> Self {
        DoorSettings {
            seats: SeatLimits::default(),
            ping: Duration::from_secs(15),
            proxies: Proxies::default(),
            patience: Duration::from_secs(20),
        }
    }
}

/// What the doors work with. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Doors {
    experiments: Experiments,
    keys: Arc<KeyRing>,
    ping: Duration,
    seats: Arc<Seats>,
}

/// The doors of all protocols; to be merged into the router that apps reach. Without `limits`, of which the quota of addresses counts, one
/// address may ask without end.
pub fn doors(experiments: &Experiments, settings: DoorSettings, limits: Option<Limits>) -> Router {
    let keys = experiments.access().keys();
    let DoorSettings { seats, ping, proxies, patience } = settings;
    let doors = Doors { experiments: experiments.clone(), keys, ping, seats: Arc::new(Seats::new(seats)) };
    let mut router = Router::new()
        .route("/api/features/{key}", get(growthbook::features))
        .route("/api/eval/{key}", post(growthbook::evaluate))
        .route("/sub/{key}", get(growthbook::subscribe))
        .route("/ofrep/v1/evaluate/flags/{flag}", post(ofrep::one))
        .route("/ofrep/v1/evaluate/flags", post(ofrep::all))
        .route("/ofrep/v1/events/{key}", get(ofrep::events));
    for path in ["/flags", "/flags/"] {
        router = router.route(path, post(posthog::flags));
    }
    for path in ["/decide", "/decide/"] {
        router = router.route(path, post(posthog::decide));
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
    let router = router.layer(from_fn_with_state(Arc::new(Gate { limits, proxies, patience }), limit::by_address));
    router.layer(from_fn(cors::every_origin)).with_state(doors)
}
