//! What this machine could do at best: its disk, its memory, reading the very JSON that is sent, answering over loopback.

use std::fs::File;
use std::hint::black_box;
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::bodies::{Dice, Door, Template};
use crate::error::BenchError;
use crate::histogram::Histogram;
use crate::http::Connection;
use crate::options::Options;
use crate::report::Report;

pub async fn measure(options: &Options, report: &mut Report) -> Result<(), BenchError> {
    let time = Duration::from_secs(if options.quick { 1 } else { 2 });
    report.section("The machine's own limits");
    let mut table = report.table("limits", &["limit", "rate", "unit", "p50 ms", "p99 ms"]);
    for (name, bytes) in [("append 4 KiB, fdatasync", 4 << 10), ("append 1 MiB, fdatasync", 1 << 20)] {
        let (rate, latencies) = synced_appends(options, bytes, time)?;
        let ms = |share| json!(latencies.quantile_ms(share));
        table.row(&[json!(name), json!(rate), json!("appends/s"), ms(0.5), ms(0.99)]);
    }
    let (rate, latencies) = synced_overwrites(options, time)?;
    let ms = |share| json!(latencies.quantile_ms(share));
    let name = "write 4 KiB into space already written, fdatasync";
    table.row(&[json!(name), json!(rate), json!("writes/s"), ms(0.5), ms(0.99)]);
    let written = sequential_write(options)?;
    table.row(&[
        json!("sequential write, one fdatasync at the end"),
        json!(written),
        json!("MB/s"),
        Value::Null,
        Value::Null,
    ]);
    table.row(&[json!("memory copy, one core"), json!(memory_copy(time)), json!("MB/s"), Value::Null, Value::Null]);
    let body = body();
    for (name, whole) in [("JSON into a tree (serde_json), one core", true), ("JSON checked only, one core", false)] {
        let (activities, megabytes) = json_rate(&body, whole, time);
        let name = format!("{name}; {megabytes:.0} MB/s");
        table.row(&[json!(name), json!(activities), json!("activities/s"), Value::Null, Value::Null]);
    }
    for connections in [1, 64, 256] {
        let (rate, latencies) = loopback(connections, time).await?;
        let name = format!("HTTP over loopback, {connections} connections, a server that does nothing");
        let ms = |share| json!(latencies.quantile_ms(share));
        table.row(&[json!(name), json!(rate), json!("requests/s"), ms(0.5), ms(0.99)]);
    }
    Ok(())
}

fn synced_appends(options: &Options, bytes: usize, time: Duration) -> Result<(f64, Histogram), BenchError> {
    let path = options.scratch.join(format!("bench-{}-append", std::process::id()));
    let mut file = File::create(&path)?;
    let block = noise(bytes);
    let (begun, mut latencies, mut count) = (Instant::now(), Histogram::default(), 0);
    while begun.elapsed() < time {
        let started = Instant::now();
        file.write_all(&block)?;
        file.sync_data()?;
        latencies.record(started.elapsed());
        count += 1;
    }
    let rate = f64::from(count) / begun.elapsed().as_secs_f64();
    std::fs::remove_file(path)?;
    Ok((rate, latencies))
}

/// What a log does that makes its space beforehand: no new blocks, so nothing for the file system to note.
fn synced_overwrites(options: &Options, time: Duration) -> Result<(f64, Histogram), BenchError> {
    let path = options.scratch.join(format!("bench-{}-overwrite", std::process::id()));
    let file = File::create(&path)?;
    file.write_all_at(&noise(16 << 20), 0)?;
    file.sync_all()?;
    let block = noise(4 << 10);
    let (begun, mut latencies, mut count) = (Instant::now(), Histogram::default(), 0u64);
    while begun.elapsed() < time {
        let started = Instant::now();
        file.write_all_at(&block, count % 4_096 * 4_096)?;
        file.sync_data()?;
        latencies.record(started.elapsed());
        count += 1;
    }
    let rate = count as f64 / begun.elapsed().as_secs_f64();
    std::fs::remove_file(path)?;
    Ok((rate, latencies))
}

fn sequential_write(options: &Options) -> Result<f64, BenchError> {
    let path = options.scratch.join(format!("bench-{}-write", std::process::id()));
    let mut file = File::create(&path)?;
    let block = noise(1 << 20);
    let blocks = if options.quick { 256 } else { 1024 };
    let begun = Instant::now();
    for _ in 0..blocks {
        file.write_all(&block)?;
    }
    file.sync_data()?;
    let rate = (blocks * block.len()) as f64 / 1e6 / begun.elapsed().as_secs_f64();
    std::fs::remove_file(path)?;
    Ok(rate)
}

/// Bytes that no disk can compress.
fn noise(bytes: usize) -> Vec<u8> {
    let mut dice = Dice::new(7);
    (0..bytes).map(|_| dice.below(256) as u8).collect()
}

fn memory_copy(time: Duration) -> f64 {
    let (source, mut target) = (noise(64 << 20), vec![0; 64 << 20]);
    let (begun, mut copied) = (Instant::now(), 0);
    while begun.elapsed() < time / 2 {
        target.copy_from_slice(black_box(&source));
        copied += black_box(&target).len();
    }
    copied as f64 / 1e6 / begun.elapsed().as_secs_f64()
}

fn body() -> Vec<u8> {
    let template = Template::new(Door::Native, 1_000, "", 0, &mut Dice::new(1));
    template.bytes.get(template.body_at..).unwrap_or_default().to_vec()
}

/// Activities and MB a second.
fn json_rate(body: &[u8], whole: bool, time: Duration) -> (f64, f64) {
    let (begun, mut count) = (Instant::now(), 0.0);
    while begun.elapsed() < time / 2 {
        if whole {
            drop(black_box(serde_json::from_slice::<Value>(black_box(body))));
        } else {
            drop(black_box(serde_json::from_slice::<&serde_json::value::RawValue>(black_box(body))));
        }
        count += 1.0;
    }
    let rate = count / begun.elapsed().as_secs_f64();
    (rate * 1_000.0, rate * body.len() as f64 / 1e6)
}

/// The load generator against a server on a thread of its own that reads requests and answers a constant.
async fn loopback(connections: usize, time: Duration) -> Result<(f64, Histogram), BenchError> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            tokio::select! {
                ended = idle_server(listener) => ended,
                _ = stopped => Ok(()),
            }
        })
    });
    let deadline = Instant::now() + time;
    let clients: Vec<_> = (0..connections).map(|_| tokio::task::spawn_local(idle_client(address, deadline))).collect();
    let mut latencies = Vec::new();
    for client in clients {
        latencies.extend(client.await.map_err(|_| BenchError::Shape("a client"))??);
    }
    drop(stop);
    thread.join().map_err(|_| BenchError::Shape("the idle server"))??;
    let mut histogram = Histogram::default();
    latencies.iter().for_each(|&latency| histogram.record(latency));
    Ok((latencies.len() as f64 / time.as_secs_f64(), histogram))
}

async fn idle_client(address: SocketAddr, deadline: Instant) -> std::io::Result<Vec<Duration>> {
    let template = Template::new(Door::Native, 1, "key", 0, &mut Dice::new(1));
    let mut connection = Connection::open(address).await?;
    let mut latencies = Vec::new();
    while Instant::now() < deadline {
        let started = Instant::now();
        connection.send(&template.bytes).await?;
        connection.answer().await?;
        latencies.push(started.elapsed());
    }
    Ok(latencies)
}

async fn idle_server(listener: std::net::TcpListener) -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    loop {
        let (mut stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(async move {
            // Every request of these clients fits and is written whole, so that one read is one request.
            let mut buffer = [0; 4096];
            while stream.read(&mut buffer).await? > 0 {
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await?;
            }
            Ok::<_, std::io::Error>(())
        });
    }
}
