//! `footfall`: binds first, opens everything, serves until it is told to stop, and ends in order.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use footfall_api_server::{Api, Live, LiveSettings, OperatorToken, Summary, Telemetry};
use footfall_ingest_activity::Clock;
use footfall_ingest_server::Doors;
use footfall_pipelines_jobs::{LiveActivity, LiveFeed};
use futures::StreamExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Semaphore, watch};
use tower::ServiceExt;

use crate::config::{ServerSettings, Settings};
use crate::error::AppError;
use crate::keys::KeyRing;
use crate::operator::{Presence, reachable};
use crate::token::{OPERATOR_PREFIX, random_token};
use crate::upkeep::Upkeep;
use crate::wiring::{self, Stack};
use crate::{banner, replay};

/// Serves until SIGTERM or SIGINT.
pub async fn run(settings: Settings, clock: Arc<dyn Clock>) -> Result<(), AppError> {
    // Bound before the slow work, so that whoever comes early waits instead of being refused.
    let listener = bind(&settings.listen).await?;
    let address = listener.local_addr().map_err(|error| AppError::Listen(settings.listen.clone(), error))?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;

    let telemetry = Telemetry::install().map_err(|error| AppError::Internal(error.to_string()))?;
    let stack = Arc::new(Stack::open(&settings, clock.clone()).await?);
    let token = random_token(OPERATOR_PREFIX)?;
    let presence = Presence { address: reachable(address), pid: std::process::id(), token: token.clone() };
    let announced = presence.announce(&settings.data_dir)?;
    banner::show(&settings, address, &*clock)?;
    let router = router(&settings, &stack, telemetry, &token)?;

    let (stop, stopping) = watch::channel(false);
    let serving = tokio::spawn(accept(listener, router, settings.server.clone(), stopping));
    tokio::select! {
        _ = terminate.recv() => tracing::info!("SIGTERM: stopping"),
        _ = interrupt.recv() => tracing::info!("interrupted: stopping"),
    }
    stop.send_replace(true);
    drop(serving.await);
    drop(announced);
    let ended = stack.close(settings.server.shutdown_timeout.0).await;
    tracing::info!("stopped");
    ended
}

async fn bind(listen: &str) -> Result<TcpListener, AppError> {
    let failed = |error| AppError::Listen(listen.to_owned(), error);
    let addresses: Vec<SocketAddr> = tokio::net::lookup_host(listen).await.map_err(failed)?.collect();
    let first = addresses.first().copied();
    let address = first.ok_or_else(|| AppError::Usage(format!("listen: {listen:?} is no address")))?;
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }.map_err(failed)?;
    socket.set_reuseaddr(true).map_err(failed)?;
    socket.bind(address).map_err(failed)?;
    socket.listen(4096).map_err(failed)
}

fn router(settings: &Settings, stack: &Arc<Stack>, telemetry: Telemetry, token: &str) -> Result<Router, AppError> {
    let keys = KeyRing::open(&settings.data_dir, token, &settings.project, stack.clock.clone())?;
    let keys = Arc::new(keys);
    let live = Arc::new(Live::new(LiveSettings::default()));
    tokio::spawn(relay(stack.live.clone(), live.clone()));
    let upkeep = telemetry.clone();
    tokio::spawn(async move { upkeep.upkeep().await });
    tokio::spawn(measure(Arc::downgrade(stack)));
    let health = Arc::new(Upkeep(stack.clone()));
    let api = Api {
        engine: stack.engine.clone(),
        read_keys: keys.clone(),
        operator: OperatorToken::new(token),
        live,
        operations: health.clone(),
        health,
        telemetry,
        clock: stack.clock.clone(),
        settings: footfall_api_server::Settings {
            metrics_need_operator: settings.server.metrics_private,
            body_bytes_max: settings.server.body_bytes.bytes(),
        },
    };
    let doors = Doors::new(stack.log.clone(), keys.clone(), stack.clock.clone(), wiring::doors(settings));
    let doors = match stack.backlog(settings.doors.visible_goal.0) {
        Some(backlog) => doors.behind(backlog),
        None => doors,
    };
    let replay = replay::route(stack.clone(), keys, wiring::limits(settings));
    Ok(footfall_api_server::router(api).merge(footfall_ingest_server::router(doors)).merge(replay))
}

/// Keeps the gauges of the lake current while the program runs.
async fn measure(stack: std::sync::Weak<Stack>) {
    let mut look = tokio::time::interval(Duration::from_secs(2));
    loop {
        look.tick().await;
        let Some(status) = stack.upgrade().map(|stack| stack.lake_status()) else { return };
        for (table, (files, bytes)) in status.tables {
            metrics::gauge!("footfall_lake_files", "table" => table.name()).set(files as f64);
            metrics::gauge!("footfall_lake_bytes", "table" => table.name()).set(bytes as f64);
        }
        metrics::gauge!("footfall_lake_fresh_activities").set(status.fresh_activities as f64);
        metrics::gauge!("footfall_lake_message_keys").set(status.message_keys as f64);
    }
}

/// Carries the job's pulses to the page while somebody looks at it.
async fn relay(feed: LiveFeed, live: Arc<Live>) {
    loop {
        if !live.is_heard() {
            tokio::time::sleep(Duration::from_millis(200)).await;
            continue;
        }
        let mut pulses = feed.subscribe();
        while live.is_heard() {
            let pulse = match tokio::time::timeout(Duration::from_secs(1), pulses.recv()).await {
                Ok(Ok(pulse)) => pulse,
                Ok(Err(tokio::sync::broadcast::error::RecvError::Closed)) => return,
                _ => continue,
            };
            let told = pulse.activities.iter().map(summary).collect();
            live.announce(pulse.project.clone(), pulse.count, told);
        }
    }
}

fn summary(activity: &LiveActivity) -> Summary {
    Summary {
        message_id: activity.message_id.clone(),
        event: activity.event.clone(),
        distinct_id: activity.distinct_id.clone(),
        person_id: activity.person_id.to_string(),
        timestamp: activity.timestamp.millis(),
        received_at: activity.received_at.millis(),
        place: activity.page_path.clone().or_else(|| activity.screen.clone()),
        country: activity.country.clone(),
        library: activity.library.clone(),
    }
}

async fn accept(listener: TcpListener, router: Router, settings: ServerSettings, mut stopping: watch::Receiver<bool>) {
    let places = Arc::new(Semaphore::new(settings.connections));
    let graceful = GracefulShutdown::new();
    loop {
        let Ok(place) = places.clone().acquire_owned().await else { break };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopping.wait_for(|stop| *stop) => break,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Too many open files, mostly: it passes when connections end.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let connection = connection(stream, router.clone(), &settings, stopping.clone());
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
            drop(place);
        });
    }
    drop(listener);
    if tokio::time::timeout(settings.shutdown_timeout.0, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests under way were cut off");
    }
}

fn connection(
    stream: TcpStream,
    router: Router,
    settings: &ServerSettings,
    stopping: watch::Receiver<bool>,
) -> impl hyper_util::server::graceful::GracefulConnection<Error = hyper::Error> + use<> {
    // A failure costs latency alone.
    drop(stream.set_nodelay(true));
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let (router, stopping) = (router.clone(), stopping.clone());
        let endless = request.uri().path() == "/v1/live";
        async move {
            let response = router.oneshot(request.map(Body::new)).await;
            if endless { response.map(|response| response.map(|body| until_stop(body, stopping))) } else { response }
        }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(settings.header_timeout.0)
        .max_headers(settings.headers)
        .serve_connection(TokioIo::new(stream), service)
}

/// The live stream ends when the server stops, or it would hold up the end.
fn until_stop(body: Body, mut stopping: watch::Receiver<bool>) -> Body {
    let stopped = async move { drop(stopping.wait_for(|stop| *stop).await) };
    Body::from_stream(body.into_data_stream().take_until(Box::pin(stopped)))
}
