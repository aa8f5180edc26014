//! The doors of SQL beside HTTP: each on a port of its own, where one is set, before one desk.

use std::sync::Arc;
use std::time::Duration;

use footfall_api_access::Access;
use footfall_api_app::AppSettings;
use footfall_api_flight::{FlightDoor, FlightSettings};
use footfall_api_http::Tls;
use footfall_api_http::limit::Limits;
use footfall_api_postgres::{PostgresDoor, PostgresSettings};
use footfall_api_sql::{Desk, DeskSettings, Functions};
use footfall_ingest_activity::Clock;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::config::Settings;
use crate::error::AppError;
use crate::serve::bind;
use crate::wiring::Stack;

/// Ports that are bound and not yet served.
pub struct SqlDoors {
    postgres: Option<TcpListener>,
    flight: Option<TcpListener>,
}

/// Binds the ports that are set.
pub async fn bind_all(settings: &Settings) -> Result<SqlDoors, AppError> {
    Ok(SqlDoors {
        postgres: bind_if_set(&settings.postgres.listen, "PostgreSQL").await?,
        flight: bind_if_set(&settings.flight.listen, "Flight SQL").await?,
    })
}

async fn bind_if_set(listen: &str, door: &'static str) -> Result<Option<TcpListener>, AppError> {
    if listen.is_empty() {
        return Ok(None);
    }
    let listener = bind(listen).await?;
    let address = listener.local_addr().map_err(|error| AppError::Listen(listen.to_owned(), error))?;
    tracing::info!(%address, door, "a door of SQL is open");
    Ok(Some(listener))
}

/// What is behind all of them. The limits count together with those of HTTP.
pub fn desk(stack: &Stack, access: &Access, functions: Functions, api: &AppSettings, clock: Arc<dyn Clock>) -> Desk {
    let limits = Limits::new(api.http.quotas, api.buckets.clone(), clock);
    Desk::new(access.clone(), stack.engine.clone(), functions, limits, DeskSettings::default())
}

impl SqlDoors {
    /// Serves until the program stops.
    pub fn open(
        self,
        desk: Desk,
        settings: &Settings,
        tls: Option<Arc<Tls>>,
        stopping: &watch::Receiver<bool>,
    ) -> Vec<JoinHandle<()>> {
        let stopped = || {
            let mut stopping = stopping.clone();
            async move { drop(stopping.wait_for(|stop| *stop).await) }
        };
        let mut serving = Vec::new();
        if let Some(listener) = self.postgres {
            let door = PostgresDoor::new(desk.clone(), postgres_settings(settings), tls.clone());
            serving.push(tokio::spawn(door.serve(listener, stopped())));
        }
        if let Some(listener) = self.flight {
            let door = FlightDoor::new(desk, flight_settings(settings), tls);
            serving.push(tokio::spawn(door.serve(listener, stopped())));
        }
        serving
    }
}

fn postgres_settings(settings: &Settings) -> PostgresSettings {
    let door = &settings.postgres;
    PostgresSettings {
        connections: door.connections,
        plain: door.plain,
        message_bytes_max: settings.server.body_bytes.bytes().max(64 << 10),
        start_timeout: settings.server.header_timeout.0.max(Duration::from_secs(1)),
        idle_timeout: door.idle.0,
        shutdown_timeout: settings.server.shutdown_timeout.0,
        ..PostgresSettings::default()
    }
}

fn flight_settings(settings: &Settings) -> FlightSettings {
    let door = &settings.flight;
    FlightSettings {
        connections: door.connections,
        plain: door.plain,
        message_bytes_max: settings.server.body_bytes.bytes().max(64 << 10),
        start_timeout: settings.server.header_timeout.0.max(Duration::from_secs(1)),
        shutdown_timeout: settings.server.shutdown_timeout.0,
        ..FlightSettings::default()
    }
}
