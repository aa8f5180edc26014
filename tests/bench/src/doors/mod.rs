//! A large answer through every door of SQL, over loopback: how many bytes a second arrive at a client that throws them away.

mod flight;
mod postgres;
mod rest;

use std::net::{SocketAddr, TcpListener};
use std::time::Instant;

use serde_json::json;

use crate::error::BenchError;
use crate::insights_load::fill;
use crate::options::Options;
use crate::report::{Report, Table};
use crate::server::Server;

/// What came through.
#[derive(Debug, Clone, Copy, Default)]
pub struct Received {
    pub bytes: u64,
    pub messages: u64,
}

/// Answers of so many rows: numbers and times alone, and what an activity mostly is.
const ANSWERS: [(&str, &str); 2] = [
    (
        "numbers",
        "timestamp, received_at, amount, latitude, longitude, amount * 2 AS a, latitude + 1 AS b, longitude + 1 AS c",
    ),
    ("activities", "message_id, event, timestamp, person_id, distinct_id, country, device_type, properties"),
];
/// Times that each is asked; the first reads files that are not in memory.
const TIMES: usize = 4;

pub async fn measure(options: &Options, report: &mut Report) -> Result<(), BenchError> {
    report.section("A large answer through every door");
    let mut server = Server::new(options, "doors")?;
    let [postgres, flight] = [free_address()?, free_address()?];
    server.set("FOOTFALL_POSTGRES_LISTEN", &postgres.to_string());
    server.set("FOOTFALL_FLIGHT_LISTEN", &flight.to_string());
    server.start().await?;
    fill(options.activities.max(options.answer_rows), &server).await?;
    report.note(&format!(
        "{} rows of {} activities; the best of {} after one before. Client and server share the machine; what arrives is \
         taken from the socket and thrown away.",
        options.answer_rows,
        server.ask("SELECT count(*) FROM activity").await?,
        TIMES - 1
    ));
    let columns = ["door", "answer", "MB", "messages", "s", "MB/s", "rows/s", "server, core seconds"];
    let mut table = report.table("doors", &columns);
    for (name, columns) in ANSWERS {
        let sql = format!("SELECT {columns} FROM activity LIMIT {}", options.answer_rows);
        let key = &server.read_key;
        let ask = Ask { server: &server, rows: options.answer_rows, name };
        ask.row(&mut table, "Flight SQL", async || flight::receive(flight, key, &sql).await).await?;
        for (door, media) in [("REST, Arrow", "application/vnd.apache.arrow.stream"), ("REST, CSV", "text/csv")] {
            ask.row(&mut table, door, async || rest::receive(server.address, key, &sql, media).await).await?;
        }
        ask.row(&mut table, "PostgreSQL, rows as text", async || postgres::receive(postgres, key, &sql).await).await?;
        let copy = format!("COPY ({sql}) TO STDOUT (FORMAT binary)");
        ask.row(&mut table, "PostgreSQL, COPY binary", async || postgres::receive(postgres, key, &copy).await).await?;
    }
    server.stop().await?;
    Ok(())
}

fn free_address() -> Result<SocketAddr, BenchError> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

struct Ask<'a> {
    server: &'a Server,
    rows: u64,
    name: &'a str,
}

impl Ask<'_> {
    async fn row<F>(&self, table: &mut Table<'_>, door: &str, ask: impl Fn() -> F) -> Result<(), BenchError>
    where
        F: Future<Output = Result<Received, BenchError>>,
    {
        let mut best: Option<(f64, f64, Received)> = None;
        for time in 0..TIMES {
            let (begun, before) = (Instant::now(), self.server.cpu());
            let received = ask().await?;
            let (took, spent) = (begun.elapsed().as_secs_f64(), self.server.cpu().saturating_sub(before).as_secs_f64());
            if time > 0 && best.is_none_or(|(least, ..)| took < least) {
                best = Some((took, spent, received));
            }
        }
        let Some((took, spent, received)) = best else { return Err(BenchError::Shape("no time")) };
        let megabytes = received.bytes as f64 / 1e6;
        table.row(&[
            json!(door),
            json!(self.name),
            json!(megabytes),
            json!(received.messages),
            json!(took),
            json!(megabytes / took),
            json!(self.rows as f64 / took),
            json!(spent),
        ]);
        Ok(())
    }
}
