//! An answer over HTTP; HTTP/1.0, so that it ends where the connection does.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Received;
use crate::error::BenchError;

/// Asks and counts what comes.
pub async fn receive(address: SocketAddr, key: &str, sql: &str, media: &str) -> Result<Received, BenchError> {
    let body = serde_json::json!({ "sql": sql }).to_string();
    let mut stream = TcpStream::connect(address).await?;
    let head = format!(
        "POST /v1/sql HTTP/1.0\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n\
         Accept: {media}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    let (mut buffer, mut received) = (vec![0; 1 << 18], Received::default());
    loop {
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            return Ok(received);
        }
        let bytes = &buffer[..count];
        if received.bytes == 0 && bytes.get(9..12) != Some(b"200") {
            let body = String::from_utf8_lossy(bytes).into_owned();
            return Err(BenchError::Answer { path: "/v1/sql".to_owned(), status: 0, body });
        }
        received.bytes += count as u64;
        received.messages += 1;
    }
}
