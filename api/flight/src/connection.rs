//! A connection with its place among those that are open, and whom it is with.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_rustls::server::TlsStream;
use tonic::transport::server::Connected;

/// The other end.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    pub address: SocketAddr,
    pub is_secure: bool,
    is_known: Arc<AtomicBool>,
}

impl Peer {
    /// Somebody has signed in: the connection may stay.
    pub fn know(&self) {
        self.is_known.store(true, Ordering::Relaxed);
    }
}

pub(crate) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// A connection; its place is free again when it ends. Strangers do not keep it for long.
pub(crate) struct Connection {
    stream: Stream,
    address: SocketAddr,
    is_known: Arc<AtomicBool>,
    patience: Pin<Box<Sleep>>,
    _place: OwnedSemaphorePermit,
}

impl Connection {
    /// One on which somebody has to sign in before `until`.
    pub fn new(stream: Stream, address: SocketAddr, place: OwnedSemaphorePermit, until: Instant) -> Connection {
        let patience = Box::pin(sleep_until(until));
        Connection { stream, address, is_known: Arc::default(), patience, _place: place }
    }

    fn check_time(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        let is_late = !self.is_known.load(Ordering::Relaxed) && self.patience.as_mut().poll(context).is_ready();
        if is_late { Err(io::ErrorKind::TimedOut.into()) } else { Ok(()) }
    }
}

impl Connected for Connection {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        let is_secure = matches!(self.stream, Stream::Tls(_));
        Peer { address: self.address, is_secure, is_known: self.is_known.clone() }
    }
}

impl AsyncRead for Connection {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.check_time(context)?;
        match &mut this.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Stream::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.check_time(context)?;
        match &mut this.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Stream::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.check_time(context)?;
        match &mut this.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(context),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Stream::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::sync::Semaphore;

    use super::*;

    async fn connected(until: Instant) -> (TcpStream, Connection) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, address) = listener.accept().await.unwrap();
        let place = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
        (client, Connection::new(Stream::Plain(stream), address, place, until))
    }

    #[tokio::test]
    async fn strangers_are_not_waited_for() {
        let (mut client, mut idle) = connected(Instant::now() + Duration::from_millis(50)).await;
        assert_eq!(idle.read_u8().await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        client.write_u8(7).await.unwrap();
        assert_eq!(idle.read_u8().await.unwrap_err().kind(), io::ErrorKind::TimedOut, "nor heard any more");
        idle.connect_info().know();
        assert_eq!(idle.read_u8().await.unwrap(), 7, "who has signed in has time");
    }
}
