//! The door: takes connections and gives each a session.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use footfall_api_http::Tls;
use footfall_api_sql::Desk;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use crate::cancel::Sessions;
use crate::fault::Fault;
use crate::session::Session;
use crate::startup::{Wants, first, sign_in};
use crate::waiting::{Waiting, stopped};
use crate::wire::{Broken, Wire};

/// Longest message before somebody has signed in.
const STRANGER_BYTES_MAX: usize = 10_000;
/// Connections at one time on which nobody has signed in yet; further ones are closed.
const STRANGERS_MAX: usize = 1_000;
/// The name of the protocol in ALPN.
const ALPN: &[u8] = b"postgresql";

/// What can be set.
#[derive(Debug, Clone, Copy)]
pub struct PostgresSettings {
    /// Sessions at one time; further ones are refused.
    pub connections: usize,
    /// Keys may come over the network without TLS. From this machine they may in any case.
    pub plain: bool,
    /// Longest message, in bytes.
    pub message_bytes_max: usize,
    /// Longest time for TLS and the password.
    pub start_timeout: Duration,
    /// Longest time in which a reader takes nothing.
    pub stall_timeout: Duration,
    /// Longest time in which a session asks nothing.
    pub idle_timeout: Duration,
    /// How long questions under way may take to be answered when the program stops.
    pub shutdown_timeout: Duration,
}

impl Default for PostgresSettings {
    fn default() -> Self {
        PostgresSettings {
            connections: 100,
            plain: false,
            message_bytes_max: 1 << 20,
            start_timeout: Duration::from_secs(15),
            stall_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(3600),
            shutdown_timeout: Duration::from_secs(10),
        }
    }
}

/// What a connection brings.
struct Entering {
    /// One of the places of those who have not signed in yet.
    stranger: OwnedSemaphorePermit,
    /// Becomes true when the program stops.
    stopping: watch::Receiver<bool>,
    /// Whether somebody has signed in.
    is_in: Arc<AtomicBool>,
}

/// The door.
pub struct PostgresDoor {
    desk: Desk,
    settings: PostgresSettings,
    tls: Option<Arc<Tls>>,
    sessions: Arc<Sessions>,
    places: Arc<Semaphore>,
    strangers: Arc<Semaphore>,
}

impl PostgresDoor {
    pub fn new(desk: Desk, settings: PostgresSettings, tls: Option<Arc<Tls>>) -> Arc<PostgresDoor> {
        let places = Arc::new(Semaphore::new(settings.connections.max(1)));
        let strangers = Arc::new(Semaphore::new(STRANGERS_MAX));
        Arc::new(PostgresDoor { desk, settings, tls, sessions: Arc::default(), places, strangers })
    }

    /// Serves until `stop` resolves. Sessions end then, those that are being answered after the answer, or when their time is up.
    pub async fn serve(self: Arc<Self>, listener: TcpListener, stop: impl Future<Output = ()>) {
        let mut stop = std::pin::pin!(stop);
        let (told, stopping) = watch::channel(false);
        let mut open = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                Some(_) = open.join_next() => continue,
                () = &mut stop => break,
            };
            match accepted {
                Ok((stream, address)) => {
                    let Ok(stranger) = self.strangers.clone().try_acquire_owned() else {
                        tracing::debug!(%address, "too many connections begin at one time");
                        continue;
                    };
                    let door = self.clone();
                    let entering = Entering { stranger, stopping: stopping.clone(), is_in: Arc::default() };
                    open.spawn(async move { door.open(stream, address, entering).await });
                }
                Err(error) => {
                    // Too many open files, mostly: it passes when connections end.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
        drop(listener);
        told.send_replace(true);
        let ended = async { while open.join_next().await.is_some() {} };
        if tokio::time::timeout(self.settings.shutdown_timeout, ended).await.is_err() {
            tracing::warn!("questions under way were cut off");
        }
    }

    async fn open(&self, stream: TcpStream, address: SocketAddr, entering: Entering) {
        // A failure costs latency alone.
        drop(stream.set_nodelay(true));
        let (mut stopping, is_in) = (entering.stopping.clone(), entering.is_in.clone());
        // Who has not signed in is asked for nothing any more.
        let turned_away = async {
            stopped(&mut stopping).await;
            if is_in.load(Ordering::Acquire) {
                std::future::pending().await
            }
        };
        tokio::select! {
            ended = self.connection(stream, address, entering) => if let Err(error) = ended {
                tracing::debug!(%error, %address, "a PostgreSQL connection ended early");
            },
            () = turned_away => {}
        }
    }

    async fn connection(&self, stream: TcpStream, address: SocketAddr, entering: Entering) -> Result<(), Broken> {
        let started = tokio::time::Instant::now();
        let until = started + self.settings.start_timeout;
        let in_time = |slow: tokio::time::error::Elapsed| {
            tracing::debug!(%slow, "a session did not begin in time");
            Broken::Slow
        };
        let mut wire = self.wire(stream);
        let mut head = [0];
        // Direct TLS begins with a handshake record.
        let peeked = tokio::time::timeout_at(until, wire.peek(&mut head)).await.map_err(in_time)??;
        let wants = match (peeked, &self.tls) {
            (1, Some(_)) if head == [22] => Wants::Tls,
            _ => {
                let may_tls = self.tls.is_some();
                tokio::time::timeout_at(until, first(&mut wire, may_tls, &self.sessions)).await.map_err(in_time)??
            }
        };
        match (wants, &self.tls) {
            (Wants::Nothing, _) | (Wants::Tls, None) => Ok(()),
            (Wants::Session(startup), _) => {
                let is_near = address.ip().to_canonical().is_loopback();
                let fault = (!is_near && !self.settings.plain).then(|| {
                    Fault::fatal("28000", "a key comes over the network with TLS alone: connect with sslmode=require")
                });
                self.session(wire, &startup, address, until, fault, entering).await
            }
            (Wants::Tls, Some(tls)) => {
                // What came before the handshake was not meant for TLS.
                let Some(stream) = wire.into_stream() else { return Ok(()) };
                let accepted = tokio::time::timeout_at(until, tls.acceptor_for(ALPN).accept(stream)).await;
                let mut wire = self.wire(accepted.map_err(in_time)??);
                let wants = tokio::time::timeout_at(until, first(&mut wire, false, &self.sessions)).await;
                match wants.map_err(in_time)?? {
                    Wants::Session(startup) => self.session(wire, &startup, address, until, None, entering).await,
                    Wants::Tls | Wants::Nothing => Ok(()),
                }
            }
        }
    }

    fn wire<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S) -> Wire<S> {
        Wire::new(stream, STRANGER_BYTES_MAX, self.settings.stall_timeout)
    }

    async fn session<S>(
        &self,
        mut wire: Wire<S>,
        startup: &pgwire::messages::startup::Startup,
        address: SocketAddr,
        until: tokio::time::Instant,
        must_not: Option<Fault>,
        entering: Entering,
    ) -> Result<(), Broken>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        let begun = sign_in(&mut wire, startup, &self.desk, &self.sessions, &self.places, address.ip(), must_not);
        let Some(begun) = tokio::time::timeout_at(until, begun).await.map_err(|_| Broken::Slow)?? else {
            return Ok(());
        };
        wire.message_bytes_max = self.settings.message_bytes_max;
        let Entering { stranger, stopping, is_in } = entering;
        drop(stranger);
        is_in.store(true, Ordering::Release);
        let waiting = Waiting { idle_timeout: self.settings.idle_timeout, stopping };
        Session::new(wire, self.desk.clone(), begun, waiting).run().await
    }
}
