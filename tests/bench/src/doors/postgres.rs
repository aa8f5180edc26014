//! An answer through PostgreSQL's protocol by hand: the simple protocol, messages counted and thrown away.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Received;
use crate::error::BenchError;

/// Asks and counts what comes until the session is ready again.
pub async fn receive(address: SocketAddr, key: &str, sql: &str) -> Result<Received, BenchError> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut session = Session { stream, buffer: Vec::with_capacity(1 << 19), at: 0 };
    let start = b"\0\x03\0\0user\0bench\0database\0default\0\0";
    session.send(None, start).await?;
    session.until(b'R').await?;
    session.send(Some(b'p'), &[key.as_bytes(), b"\0"].concat()).await?;
    session.until(b'Z').await?;
    session.send(Some(b'Q'), &[sql.as_bytes(), b"\0"].concat()).await?;
    let received = session.until(b'Z').await?;
    session.send(Some(b'X'), b"").await?;
    Ok(received)
}

struct Session {
    stream: TcpStream,
    buffer: Vec<u8>,
    at: usize,
}

impl Session {
    async fn send(&mut self, letter: Option<u8>, body: &[u8]) -> std::io::Result<()> {
        let length = (body.len() as u32 + 4).to_be_bytes();
        let message: Vec<u8> = letter.into_iter().chain(length).chain(body.iter().copied()).collect();
        self.stream.write_all(&message).await
    }

    /// Takes messages up to one with this letter.
    async fn until(&mut self, wanted: u8) -> Result<Received, BenchError> {
        let mut received = Received::default();
        loop {
            while let Some((letter, length)) = self.head() {
                if self.buffer.len() - self.at < length {
                    break;
                }
                if letter == b'E' {
                    let body = String::from_utf8_lossy(&self.buffer[self.at..self.at + length]).into_owned();
                    return Err(BenchError::Answer { path: "PostgreSQL".to_owned(), status: 0, body });
                }
                self.at += length;
                received.bytes += length as u64;
                received.messages += 1;
                if letter == wanted {
                    return Ok(received);
                }
            }
            self.buffer.drain(..self.at);
            self.at = 0;
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(BenchError::Shape("the end of a session"));
            }
        }
    }

    /// The letter of the next message, and how long it is with its head.
    fn head(&self) -> Option<(u8, usize)> {
        let head: &[u8; 5] = self.buffer.get(self.at..self.at + 5)?.try_into().ok()?;
        Some((head[0], u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize + 1))
    }
}
