//! The one place that chooses a bus, by URL.

use std::sync::Arc;

use redis::Client;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};

use crate::buckets::Counters;
use crate::bus::Bus;
use crate::local::LocalBus;
use crate::over_redis::{self, RedisBus};

/// Why there is no bus.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    #[error(
        "bus.url {url:?} names no bus: leave it empty, or write redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE] ({detail})"
    )]
    Url { url: String, detail: String },
    #[error("this process has no source of random numbers: {0}")]
    Randomness(String),
}

/// A bus, and the counters of limits that come with it.
pub struct Opened {
    pub bus: Arc<dyn Bus>,
    /// Counters of limits that processes share, where they share a bus.
    pub counters: Option<Counters>,
}

/// Opens the bus that `url` names: this process alone where it is empty, else Redis. Nothing has to answer for that. `installation`
/// keeps installations apart that share one Redis.
pub fn open(url: &str, installation: &str) -> Result<Opened, BusError> {
    if url.is_empty() {
        return Ok(Opened { bus: Arc::new(LocalBus::default()), counters: None });
    }
    let refused = |detail: String| BusError::Url { url: without_password(url), detail };
    if !url.starts_with("redis://") {
        return Err(refused("TLS is not built in: let a proxy on this machine speak it".to_owned()));
    }
    let client = Client::open(url).map_err(|error| refused(error.to_string()))?;
    let config = ConnectionManagerConfig::new()
        .set_connection_timeout(Some(over_redis::ANSWER))
        .set_response_timeout(Some(over_redis::ANSWER))
        .set_number_of_retries(1);
    let connection = ConnectionManager::new_lazy_with_config(client.clone(), config);
    let connection = connection.map_err(|error| refused(error.to_string()))?;
    let bus = RedisBus::start(client, connection.clone(), installation)?;
    Ok(Opened { bus: Arc::new(bus), counters: Some(Counters::new(connection, installation)) })
}

fn without_password(url: &str) -> String {
    match url.rsplit_once('@') {
        Some((_, host)) => format!("redis://…@{host}"),
        None => url.to_owned(),
    }
}
