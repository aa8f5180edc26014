//! Somebody opens a dashboard of twelve tiles over many activities: how long until the last tile is there.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::error::BenchError;
use crate::histogram::Histogram;
use crate::http::{Connection, request};
use crate::insights_load::fill;
use crate::options::Options;
use crate::report::Report;
use crate::server::Server;

/// Built-in dashboards; the first twelve of their tiles are asked.
const BOARDS: [(&str, &str); 3] = [
    ("product-overview", include_str!("../../../dashboards/built-in/product-overview.yaml")),
    ("engagement", include_str!("../../../dashboards/built-in/engagement.yaml")),
    ("retention", include_str!("../../../dashboards/built-in/retention.yaml")),
];
const TILES: usize = 12;
/// A browser asks over so many connections.
const CONNECTIONS: usize = 6;
/// Dashboards that are opened with other days than ever before, and again.
const TIMES: u32 = 10;

#[derive(Debug, Clone, Copy)]
struct Tile {
    board: &'static str,
    id: &'static str,
}

fn tiles() -> Vec<Tile> {
    let of = |(board, text): (&'static str, &'static str)| {
        text.lines().filter_map(move |line| line.strip_prefix("  - id: ").map(|id| Tile { board, id: id.trim() }))
    };
    BOARDS.into_iter().flat_map(of).take(TILES).collect()
}

pub async fn measure(options: &Options, report: &mut Report) -> Result<(), BenchError> {
    report.section("A dashboard of twelve tiles");
    let mut server = Server::new(options, "board")?;
    server.start().await?;
    fill(options.activities, &server).await?;
    let tiles = tiles();
    let count = server.ask("SELECT count(*) FROM activity").await?;
    report.note(&format!("{count} activities of 90 days; {} tiles over {CONNECTIONS} connections.", tiles.len()));
    let begun = Instant::now();
    for tile in &tiles {
        // The first question about a property has the lake read.
        prepared(&server, *tile).await?;
    }
    report.note(&format!("Read for questions in {:.1} s.", begun.elapsed().as_secs_f64()));

    let (mut new, mut again) = (Histogram::default(), Histogram::default());
    let mut by_tile: Vec<Histogram> = tiles.iter().map(|_| Histogram::default()).collect();
    for time in 0..TIMES {
        let days = 89 - time;
        let begun = Instant::now();
        for (place, took) in opened(&server, &tiles, days).await? {
            by_tile[place].record(took);
        }
        new.record(begun.elapsed());
        let begun = Instant::now();
        opened(&server, &tiles, days).await?;
        again.record(begun.elapsed());
    }
    let mut table = report.table("dashboard of twelve tiles", &["what", "p50 ms", "most ms"]);
    let mut row = |what: &str, times: &Histogram| {
        table.row(&[json!(what), json!(times.quantile_ms(0.5)), json!(times.quantile_ms(1.0))]);
    };
    row("all tiles, days never asked before", &new);
    row("all tiles, the same again", &again);
    for (tile, times) in tiles.iter().zip(&by_tile) {
        row(&format!("{}, {}", tile.board, tile.id), times);
    }
    report.note(&format!("Resident memory {:.0} MB.", server.memory().now_mb));
    sessions(&server, report).await?;
    server.stop().await?;
    Ok(())
}

/// SQL over all sessions takes the memory of a few people, however many there are: how long it takes, and by how much the most
/// that the process ever had grows.
async fn sessions(server: &Server, report: &mut Report) -> Result<(), BenchError> {
    let mut table = report.table("SQL over sessions", &["question", "ms", "MB more at most"]);
    for (what, sql) in SESSIONS {
        let (begun, before) = (Instant::now(), server.memory());
        server.ask(sql).await?;
        let more = (server.memory().peak_mb - before.peak_mb).max(0.0);
        table.row(&[json!(what), json!(begun.elapsed().as_secs_f64() * 1e3), json!(more)]);
    }
    Ok(())
}

const SESSIONS: [(&str, &str); 3] = [
    ("how many", "SELECT count(*) FROM sessions"),
    (
        "by day",
        "SELECT date_trunc('day', start) AS day, count(*), avg(duration_seconds) FROM sessions GROUP BY day ORDER BY day",
    ),
    ("by how they begin", "SELECT entry_event, count(*) AS n FROM sessions GROUP BY entry_event ORDER BY n DESC"),
];

fn question(server: &Server, tile: Tile, days: u32) -> String {
    let path = format!("/v1/projects/default/dashboards/{}/answers", tile.board);
    request("POST", &path, &server.read_key, "", &json!({"tile": tile.id, "days": days}).to_string())
}

async fn once(connection: &mut Connection, question: &str, tile: Tile) -> Result<u16, BenchError> {
    connection.send(question.as_bytes()).await?;
    match connection.answer().await? {
        (status @ (200 | 503), _) => Ok(status),
        (status, body) => {
            let body = String::from_utf8_lossy(body).into_owned();
            Err(BenchError::Answer { path: tile.id.to_owned(), status, body })
        }
    }
}

async fn prepared(server: &Server, tile: Tile) -> Result<(), BenchError> {
    let (begun, limit) = (Instant::now(), Duration::from_secs(600));
    let mut connection = Connection::open(server.address).await?;
    while once(&mut connection, &question(server, tile, 30), tile).await? != 200 {
        if begun.elapsed() > limit {
            return Err(BenchError::Slow("reading for questions", limit.as_secs()));
        }
    }
    Ok(())
}

/// Asks all tiles at once; which took how long.
async fn opened(server: &Server, tiles: &[Tile], days: u32) -> Result<Vec<(usize, Duration)>, BenchError> {
    let begun = Instant::now();
    let lanes: Vec<_> = (0..CONNECTIONS)
        .map(|lane| {
            let own: Vec<(usize, Tile, String)> = (lane..tiles.len())
                .step_by(CONNECTIONS)
                .map(|place| (place, tiles[place], question(server, tiles[place], days)))
                .collect();
            let address = server.address;
            tokio::task::spawn_local(async move {
                let mut connection = Connection::open(address).await?;
                let mut times = Vec::new();
                for (place, tile, question) in own {
                    while once(&mut connection, &question, tile).await? != 200 {}
                    times.push((place, begun.elapsed()));
                }
                Ok::<_, BenchError>(times)
            })
        })
        .collect();
    let mut all = Vec::new();
    for lane in lanes {
        all.extend(lane.await.map_err(|_| BenchError::Shape("a dashboard"))??);
    }
    Ok(all)
}
