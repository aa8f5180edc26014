//! Messages on a connection: read within bounds, written in large pieces, given up when the other side takes nothing.

use std::io;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use pgwire::error::{PgWireError, PgWireResult};
use pgwire::messages::{DecodeContext, PgWireBackendMessage, PgWireFrontendMessage, ProtocolVersion};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

/// Written at a time.
const PIECE_BYTES: usize = 64 << 10;

/// Why a connection ends.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broken {
    #[error("the connection: {0}")]
    Io(#[from] io::Error),
    #[error("a message: {0}")]
    Message(#[from] PgWireError),
    #[error("a message of {0} bytes, at most {1}")]
    TooLong(usize, usize),
    #[error("the other side was too slow")]
    Slow,
    #[error("the connection was closed")]
    Closed,
}

/// A connection of messages.
pub(crate) struct Wire<S> {
    stream: S,
    input: BytesMut,
    pub output: BytesMut,
    /// Longest message that is read.
    pub message_bytes_max: usize,
    pub stall_timeout: Duration,
    pub version: ProtocolVersion,
}

impl Wire<TcpStream> {
    /// Looks at what comes first without taking it.
    pub async fn peek(&self, head: &mut [u8]) -> io::Result<usize> {
        self.stream.peek(head).await
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    pub fn new(stream: S, message_bytes_max: usize, stall_timeout: Duration) -> Wire<S> {
        let version = ProtocolVersion::PROTOCOL3_0;
        Wire { stream, input: BytesMut::new(), output: BytesMut::new(), message_bytes_max, stall_timeout, version }
    }

    /// The stream, when nothing was read of it that is not used up.
    pub fn into_stream(self) -> Option<S> {
        self.input.is_empty().then_some(self.stream)
    }

    /// The first message of a connection, which has no letter before its length.
    pub async fn first(&mut self) -> Result<BytesMut, Broken> {
        self.frame(0).await
    }

    /// The next message.
    pub async fn message(&mut self) -> Result<PgWireFrontendMessage, Broken> {
        let mut frame = self.frame(1).await?;
        let mut context = DecodeContext::default();
        context.protocol_version = self.version;
        context.awaiting_frontend_ssl = false;
        context.awaiting_frontend_startup = false;
        guarded(|| PgWireFrontendMessage::decode(&mut frame, &context))?.ok_or(Broken::Closed)
    }

    /// The bytes of one message, with its length after `letters` bytes.
    async fn frame(&mut self, letters: usize) -> Result<BytesMut, Broken> {
        loop {
            if let Some(mut head) = self.input.get(letters..letters + 4) {
                let length = usize::try_from(head.get_i32()).unwrap_or(0);
                if length < 4 || length > self.message_bytes_max {
                    return Err(Broken::TooLong(length, self.message_bytes_max));
                }
                if self.input.len() >= letters + length {
                    return Ok(self.input.split_to(letters + length));
                }
            }
            if self.stream.read_buf(&mut self.input).await? == 0 {
                return Err(Broken::Closed);
            }
        }
    }

    /// Resolves when the other side has gone. What it sends meanwhile is kept, up to a message's length.
    pub async fn gone(&mut self) {
        while self.input.len() < self.message_bytes_max {
            match self.stream.read_buf(&mut self.input).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        }
        std::future::pending().await
    }

    /// Puts a message behind what waits to be written.
    pub fn put(&mut self, message: PgWireBackendMessage) -> Result<(), Broken> {
        Ok(message.encode(&mut self.output)?)
    }

    /// Writes when much is waiting.
    pub async fn flush_if_full(&mut self) -> Result<(), Broken> {
        if self.output.len() >= PIECE_BYTES { self.flush().await } else { Ok(()) }
    }

    /// Writes what is waiting.
    pub async fn flush(&mut self) -> Result<(), Broken> {
        while !self.output.is_empty() {
            let written = tokio::time::timeout(self.stall_timeout, self.stream.write(&self.output)).await;
            match written.map_err(|_| Broken::Slow)?? {
                0 => return Err(Broken::Closed),
                count => self.output.advance(count),
            }
        }
        tokio::time::timeout(self.stall_timeout, self.stream.flush()).await.map_err(|_| Broken::Slow)??;
        Ok(())
    }
}

/// Decodes a message. pgwire takes what a message says of its own lengths for true and panics where the bytes end earlier: that
/// ends the connection, as any other broken message does.
pub(crate) fn guarded<T>(decode: impl FnOnce() -> PgWireResult<Option<T>>) -> Result<Option<T>, Broken> {
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(decode)) {
        Ok(decoded) => Ok(decoded?),
        Err(_) => Err(Broken::Closed),
    }
}
