//! The door: takes connections, gives each to the service.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arrow_flight::flight_service_server::FlightServiceServer;
use footfall_api_http::Tls;
use footfall_api_sql::Desk;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Server;

use crate::connection::{Connection, Stream};
use crate::service::Service;

const ALPN: &[u8] = b"h2";

/// What can be set.
#[derive(Debug, Clone, Copy)]
pub struct FlightSettings {
    /// At one time; further ones wait.
    pub connections: usize,
    /// Keys may come over the network without TLS. From this machine they may in any case.
    pub plain: bool,
    /// Largest message that a client sends, in bytes.
    pub message_bytes_max: usize,
    /// Longest time until somebody has signed in on a connection, TLS included.
    pub start_timeout: Duration,
    /// Calls of one connection at one time.
    pub calls: u32,
    /// How long calls under way may take to be answered when the program stops.
    pub shutdown_timeout: Duration,
}

impl Default for FlightSettings {
    fn default() -> Self {
        FlightSettings {
            connections: 100,
            plain: false,
            message_bytes_max: 1 << 20,
            start_timeout: Duration::from_secs(15),
            calls: 32,
            shutdown_timeout: Duration::from_secs(10),
        }
    }
}

/// The door.
pub struct FlightDoor {
    desk: Desk,
    settings: FlightSettings,
    tls: Option<Arc<Tls>>,
}

impl FlightDoor {
    pub fn new(desk: Desk, settings: FlightSettings, tls: Option<Arc<Tls>>) -> FlightDoor {
        FlightDoor { desk, settings, tls }
    }

    /// Serves until `stop` resolves and calls under way are answered, or their time is up.
    pub async fn serve(self, listener: TcpListener, stop: impl Future<Output = ()> + Send + 'static) {
        let FlightDoor { desk, settings, tls } = self;
        let (sender, connections) = mpsc::channel(16);
        let (ask, asked) = oneshot::channel::<()>();
        let accepting = tokio::spawn(accept_all(listener, settings, tls, sender));
        let service = FlightServiceServer::new(Service::new(desk, settings.plain))
            .max_decoding_message_size(settings.message_bytes_max)
            .max_encoding_message_size(usize::MAX);
        let serving = Server::builder()
            .max_concurrent_streams(settings.calls)
            .http2_keepalive_interval(Some(Duration::from_secs(30)))
            .initial_stream_window_size(4 << 20)
            .initial_connection_window_size(8 << 20)
            .add_service(service)
            .serve_with_incoming_shutdown(ReceiverStream::new(connections), async move { drop(asked.await) });
        let mut serving = std::pin::pin!(serving);
        let ended = tokio::select! {
            ended = &mut serving => ended,
            () = stop => {
                accepting.abort();
                ask.send(()).ok();
                let ended = tokio::time::timeout(settings.shutdown_timeout, &mut serving).await;
                ended.unwrap_or_else(|_| {
                    tracing::warn!("calls under way were cut off");
                    Ok(())
                })
            }
        };
        if let Err(error) = ended {
            tracing::error!(%error, "the Flight door ended");
        }
        accepting.abort();
    }
}

type Accepted = Result<Connection, std::io::Error>;

async fn accept_all(
    listener: TcpListener,
    settings: FlightSettings,
    tls: Option<Arc<Tls>>,
    sender: mpsc::Sender<Accepted>,
) {
    let places = Arc::new(Semaphore::new(settings.connections.max(1)));
    loop {
        let Ok(place) = places.clone().acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, address)) => {
                drop(stream.set_nodelay(true));
                let (tls, sender) = (tls.clone(), sender.clone());
                tokio::spawn(begin(stream, address, place, tls, settings.start_timeout, sender));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn begin(
    stream: TcpStream,
    address: SocketAddr,
    place: OwnedSemaphorePermit,
    tls: Option<Arc<Tls>>,
    patience: Duration,
    sender: mpsc::Sender<Accepted>,
) {
    let until = Instant::now() + patience;
    let stream = match tls {
        None => Stream::Plain(stream),
        Some(tls) => match tokio::time::timeout_at(until, tls.acceptor_for(ALPN).accept(stream)).await {
            Ok(Ok(stream)) => Stream::Tls(Box::new(stream)),
            Ok(Err(error)) => return tracing::debug!(%error, "TLS did not begin"),
            Err(_) => return tracing::debug!("TLS took too long to begin"),
        },
    };
    drop(sender.send(Ok(Connection::new(stream, address, place, until))).await);
}
