//! Acknowledged activities a second and how long an acknowledgement takes, by door, batch and concurrency. Closed loop:
//! every connection waits for its answer; and the single requests also at a fixed rate.

use std::process;
use std::time::Duration;

use serde_json::json;

use crate::bodies::Door;
use crate::error::BenchError;
use crate::load::Load;
use crate::options::Options;
use crate::process::cpu;
use crate::report::{Report, Table};
use crate::server::Server;

const COLUMNS: [&str; 13] = [
    "door",
    "batch",
    "connections",
    "loop",
    "requests/s",
    "activities/s",
    "p50 ms",
    "p99 ms",
    "p99.9 ms",
    "refused, failed",
    "server CPU µs/activity",
    "generator, cores",
    "behind at the end",
];

pub async fn measure(options: &Options, report: &mut Report) -> Result<(), BenchError> {
    report.section("Acknowledged after fdatasync");
    let mut server = Server::new(options, "acknowledged")?;
    server.start().await?;
    let mut table = report.table("acknowledged", &COLUMNS);
    for door in [Door::Native, Door::Segment] {
        for &batch in &options.batches {
            for &connections in options.connections.iter().filter(|&&connections| connections * batch <= 64_000) {
                row(&server, &mut table, load(options, door, batch, connections, None)).await?;
            }
        }
    }
    if options.batches.contains(&1) {
        for rate in [10_000, 20_000] {
            row(&server, &mut table, load(options, Door::Native, 1, 256, Some(rate))).await?;
        }
    }
    report.note(
        "`open` sends at fixed moments and counts the wait from them; `closed` sends when answered. Behind at the end: \
         entries of the log not yet visible when the load stops; the next row begins when there are none.",
    );
    server.stop().await?;
    Ok(())
}

fn load(options: &Options, door: Door, batch: usize, connections: usize, rate: Option<u64>) -> Load {
    Load {
        door,
        batch,
        connections,
        warm: Duration::from_millis(500),
        time: options.cell(),
        rate,
        past: Duration::ZERO,
    }
}

async fn row(server: &Server, table: &mut Table<'_>, load: Load) -> Result<(), BenchError> {
    let (server_before, own_before) = (server.cpu(), cpu(process::id()));
    let outcome = load.run(server).await?;
    let lag = server.metrics().await?.lag();
    let own = cpu(process::id()).saturating_sub(own_before).as_secs_f64() / (load.warm + load.time).as_secs_f64();
    // What is acknowledged costs until it is visible; only then is the account whole.
    server.catch_up(Duration::from_secs(120)).await?;
    let settled = server.cpu().saturating_sub(server_before);
    let per_activity = |time: Duration| time.as_secs_f64() * 1e6 / outcome.accepted.get().max(1) as f64;
    table.row(&[
        json!(format!("{:?}", load.door)),
        json!(load.batch),
        json!(load.connections),
        json!(load.rate.map_or("closed".to_owned(), |rate| format!("open, {rate}/s"))),
        json!(outcome.requests.get() as f64 / load.time.as_secs_f64()),
        json!(outcome.activities_per_second(&load)),
        json!(outcome.quantile_ms(0.5)),
        json!(outcome.quantile_ms(0.99)),
        json!(outcome.quantile_ms(0.999)),
        json!(format!("{}, {}", outcome.refused.get(), outcome.failed.get())),
        json!(per_activity(settled)),
        json!(own),
        json!(lag),
    ]);
    Ok(())
}
