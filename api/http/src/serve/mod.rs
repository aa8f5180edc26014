//! The server around a router: connections, TLS, senders and readers that are too slow, and an end that loses nothing.

mod stall;
mod tls;

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tower::ServiceExt;

use crate::stack::Peer;
use stall::Stall;

pub use tls::{Certificate, Tls, TlsError};

/// Connections that are still taken after the end was told, as long as they follow each other this fast.
const LAST_MAX: usize = 1024;
const LAST_WAIT: Duration = Duration::from_millis(20);

/// What the operator can set about connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServeSettings {
    /// At one time; further ones wait.
    pub connections: usize,
    /// Longest time that TLS may take to begin.
    pub handshake_timeout: Duration,
    /// Longest time that the head of a request may take to arrive; also how long a connection may rest.
    pub header_timeout: Duration,
    /// Most header lines of a request.
    pub headers: usize,
    /// Longest time in which a reader takes nothing of an answer.
    pub stall_timeout: Duration,
    /// How long requests under way may take to finish when the program stops.
    pub shutdown_timeout: Duration,
}

impl Default for ServeSettings {
    fn default() -> ServeSettings {
        ServeSettings {
            connections: 10_000,
            handshake_timeout: Duration::from_secs(10),
            header_timeout: Duration::from_secs(15),
            headers: 100,
            stall_timeout: Duration::from_secs(30),
            shutdown_timeout: Duration::from_secs(10),
        }
    }
}

/// Tells answers without an end that the program stops. Handlers get it as an `Extension`.
#[derive(Debug, Clone)]
pub struct Stopping(watch::Receiver<bool>);

impl Stopping {
    /// Resolves when the program stops.
    pub async fn stopped(mut self) {
        drop(self.0.wait_for(|stop| *stop).await);
    }
}

/// Serves until `stop` resolves and requests under way are finished, or their time is up.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    settings: ServeSettings,
    tls: Option<Arc<Tls>>,
    stop: impl Future<Output = ()>,
) {
    let places = Arc::new(Semaphore::new(settings.connections.max(1)));
    let (stopper, stopping) = watch::channel(false);
    let graceful = GracefulShutdown::new();
    let mut stop = std::pin::pin!(stop);
    let begin = |accepted: Option<(TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)>| {
        let Some((stream, address, place)) = accepted else { return };
        let connection = Connection { address, settings, router: router.clone(), stopping: stopping.clone() };
        let (tls, watcher) = (tls.clone(), graceful.watcher());
        tokio::spawn(async move {
            connection.open(stream, tls, watcher).await;
            drop(place);
        });
    };
    loop {
        tokio::select! {
            accepted = accept(&listener, &places) => begin(accepted),
            () = &mut stop => break,
        }
    }
    // Whom the system has let in already would be cut off when the port closes.
    for _ in 0..LAST_MAX {
        match tokio::time::timeout(LAST_WAIT, accept(&listener, &places)).await {
            Ok(accepted) => begin(accepted),
            Err(_) => break,
        }
    }
    drop(listener);
    stopper.send_replace(true);
    if tokio::time::timeout(settings.shutdown_timeout, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests under way were cut off");
    }
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
    let place = places.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, address)) => Some((stream, address, place)),
        Err(error) => {
            // Too many open files, mostly: it passes when connections end.
            tracing::warn!(%error, "a connection could not be accepted");
            tokio::time::sleep(Duration::from_millis(50)).await;
            None
        }
    }
}

struct Connection {
    address: SocketAddr,
    settings: ServeSettings,
    router: Router,
    stopping: watch::Receiver<bool>,
}

impl Connection {
    async fn open(self, stream: TcpStream, tls: Option<Arc<Tls>>, watcher: Watcher) {
        // A failure costs latency alone.
        drop(stream.set_nodelay(true));
        let Some(tls) = tls else { return self.answer(stream, false, watcher).await };
        match tokio::time::timeout(self.settings.handshake_timeout, tls.acceptor().accept(stream)).await {
            Ok(Ok(stream)) => self.answer(stream, true, watcher).await,
            Ok(Err(error)) => tracing::debug!(%error, "TLS did not begin"),
            Err(_) => tracing::debug!("TLS took too long to begin"),
        }
    }

    async fn answer<S>(self, stream: S, is_tls: bool, watcher: Watcher)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Connection { address, settings, router, stopping } = self;
        let peer = Peer { address: address.ip(), is_tls };
        let service = service_fn(move |mut request: hyper::Request<Incoming>| {
            request.extensions_mut().insert(peer);
            request.extensions_mut().insert(Stopping(stopping.clone()));
            let answered = router.clone().oneshot(request.map(Body::new));
            async move { Ok::<_, Infallible>(answered.await.unwrap_or_else(|never| match never {})) }
        });
        let io = TokioIo::new(Stall::new(stream, settings.stall_timeout));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(settings.header_timeout)
            .max_headers(settings.headers)
            .serve_connection(io, service);
        if let Err(error) = watcher.watch(connection).await {
            tracing::debug!(%error, "a connection ended early");
        }
    }
}

#[cfg(test)]
mod tests;
