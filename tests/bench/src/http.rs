//! HTTP/1.1 by hand: kept-open connections for the load, and one-off requests for questions.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::error::BenchError;

/// A kept-open connection.
pub struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Connection {
    pub async fn open(address: SocketAddr) -> std::io::Result<Connection> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Connection { stream, received: Vec::with_capacity(4096) })
    }

    pub async fn send(&mut self, request: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(request).await
    }

    /// Waits for the answer: its status and body. The body must have a length, as every acknowledgement does.
    pub async fn answer(&mut self) -> std::io::Result<(u16, &[u8])> {
        self.received.clear();
        loop {
            if self.stream.read_buf(&mut self.received).await? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            if let Some((status, body_at, length)) = head(&self.received)
                && self.received.len() >= body_at + length
            {
                return Ok((status, self.received.get(body_at..body_at + length).unwrap_or_default()));
            }
        }
    }

    /// A field of the last answer's head.
    pub fn field(&self, wanted: &str) -> Option<&str> {
        let end = self.received.windows(4).position(|four| four == b"\r\n\r\n")?;
        let head = std::str::from_utf8(self.received.get(..end)?).ok()?;
        let fields = head.lines().filter_map(|line| line.split_once(':'));
        fields.into_iter().find_map(|(name, value)| name.eq_ignore_ascii_case(wanted).then_some(value.trim()))
    }
}

/// A request with a token, to be sent on a kept-open connection; `more` are whole lines of the head.
pub fn request(method: &str, path: &str, token: &str, more: &str, body: &str) -> String {
    let authorization = if token.is_empty() { String::new() } else { format!("Authorization: Bearer {token}\r\n") };
    format!(
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{authorization}{more}Content-Type: application/json\r\n\
         Accept: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Status, where the body begins, and how long it is, once the head is whole.
fn head(received: &[u8]) -> Option<(u16, usize, usize)> {
    let end = received.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(received.get(..end)?).ok()?;
    let status = head.get(9..12)?.parse().ok()?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    Some((status, end + 4, length.unwrap_or(0)))
}

/// One request on a connection of its own; HTTP/1.0, so that the answer ends where the connection does.
pub async fn once(address: SocketAddr, head: &str, body: &str) -> Result<(u16, String), BenchError> {
    let exchange = async {
        let mut stream = TcpStream::connect(address).await?;
        let request = format!("{head} HTTP/1.0\r\nHost: 127.0.0.1\r\n{body}");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    let limit = Duration::from_secs(60);
    let answer = tokio::time::timeout(limit, exchange).await;
    let answer = answer.map_err(|_| BenchError::Slow("an answer", limit.as_secs()))??;
    let text = String::from_utf8_lossy(&answer);
    let (head, body) = text.split_once("\r\n\r\n").ok_or(BenchError::Shape("an answer's head"))?;
    let status = head.get(9..12).and_then(|status| status.parse().ok());
    Ok((status.ok_or(BenchError::Shape("an answer's status"))?, body.to_owned()))
}

pub async fn get(address: SocketAddr, path: &str) -> Result<(u16, String), BenchError> {
    once(address, &format!("GET {path}"), "\r\n").await
}

/// Posts JSON with a key; any answer but 200 is an error.
pub async fn post(address: SocketAddr, path: &str, key: &str, body: &str) -> Result<String, BenchError> {
    let rest = format!(
        "Authorization: Bearer {key}\r\nContent-Type: application/json\r\nAccept: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    match once(address, &format!("POST {path}"), &rest).await? {
        (200, body) => Ok(body),
        (status, body) => Err(BenchError::Answer { path: path.to_owned(), status, body }),
    }
}
