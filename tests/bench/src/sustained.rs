//! The whole way for a while: batches of 1,000 into the log, through the jobs, into the lake, asked by SQL meanwhile.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::bodies::Door;
use crate::error::BenchError;
use crate::load::Load;
use crate::options::Options;
use crate::process::{cpu, memory};
use crate::report::Report;
use crate::scrape::Metrics;
use crate::server::{Server, size_of};
use crate::visible::Probe;

const VISIBLE: &str = "footfall_visible_after_seconds";

pub async fn measure(options: &Options, report: &mut Report) -> Result<(), BenchError> {
    report.section("The whole way, sustained");
    let seconds = options.sustain().as_secs();
    report.note(&format!(
        "Batches of 1,000 to `POST /v1/activity` for {seconds} s; one probe posts and asks SQL meanwhile."
    ));
    for rate in [Some(options.rate), None] {
        once(options, report, rate).await?;
    }
    Ok(())
}

async fn once(options: &Options, report: &mut Report, rate: Option<u64>) -> Result<(), BenchError> {
    let name = rate.map_or("as fast as it goes".to_owned(), |rate| format!("{rate}/s offered"));
    report.note(&format!("### {name}"));
    let mut server = Server::new(options, "sustained")?;
    server.start().await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let idle = server.memory();
    let (before, cpu_before, own_before) = (server.metrics().await?, server.cpu(), cpu(std::process::id()));
    let connections = options.sustain_connections;
    let load = Load {
        door: Door::Native,
        batch: 1_000,
        connections,
        warm: Duration::ZERO,
        time: options.sustain(),
        rate,
        past: Duration::ZERO,
    };
    let begun = Instant::now();
    let (running, probe) = (load.begin(&server), Probe::begin(&server));
    let outcome = running.outcome.clone();
    let mut timeline = Vec::new();
    while begun.elapsed() < load.time {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let metrics = server.metrics().await?;
        timeline.push((
            begun.elapsed(),
            outcome.accepted.get(),
            metrics.sum("footfall_committed_total"),
            metrics.lag(),
        ));
    }
    let own = cpu(std::process::id()).saturating_sub(own_before).as_secs_f64() / begun.elapsed().as_secs_f64();
    running.end(&load).await?;
    let accepted = outcome.accepted.get();
    let behind = server.metrics().await?;
    let seen = probe.end().await?;
    let caught_up = server.catch_up(Duration::from_secs(300)).await?;
    let until_visible = begun.elapsed();
    let spent = server.cpu().saturating_sub(cpu_before);
    let loaded = memory(server.pid());
    let after = server.metrics().await?;
    let counted = server.ask("SELECT count(*) FROM activity WHERE event <> 'Probe'").await?;
    let stopped = server.stop().await?;
    let seen = seen.borrow();

    let mut table =
        report.table(&format!("timeline, {name}"), &["second", "acknowledged/s", "visible/s", "behind (log entries)"]);
    let mut last = (Duration::ZERO, 0, before.sum("footfall_committed_total"));
    let step = timeline.len().div_ceil(10).max(1);
    for &(at, accepted, committed, lag) in timeline.iter().skip(step - 1).step_by(step) {
        let time = (at - last.0).as_secs_f64();
        table.row(&[
            json!(at.as_secs_f64().round()),
            json!(((accepted - last.1) as f64 / time).round()),
            json!(((committed - last.2) / time).round()),
            json!(lag),
        ]);
        last = (at, accepted, committed);
    }

    let mut table = report.table(&format!("sustained, {name}"), &["measure", "value"]);
    let mut row = |measure: &str, value: Value| table.row(&[json!(measure), value]);
    let visible = accepted as f64 / until_visible.as_secs_f64();
    row("acknowledged activities/s", json!(outcome.activities_per_second(&load)));
    row("visible activities/s (all of it, until the last was visible)", json!(visible));
    row("acknowledged in all", json!(accepted));
    row("counted by SQL afterwards", counted);
    row("refused, failed requests", json!(format!("{}, {}", outcome.refused.get(), outcome.failed.get())));
    row("acknowledgement p50, p99, p99.9 ms", json!(three(|share| outcome.quantile_ms(share))));
    row("behind when the load stopped, log entries", json!(behind.lag()));
    row("time until nothing was behind, s", json!(caught_up.as_secs_f64()));
    row("visible after, p50, p99 ms (server's histogram)", json!(histogram(&after, &before)));
    row("visible after, p50, p99, p99.9 ms (probe over SQL)", json!(three(|share| seen.visible.quantile_ms(share))));
    row("the probe's activities", json!(seen.count));
    row("SQL answer under load, p50, p99, p99.9 ms", json!(three(|share| seen.answered.quantile_ms(share))));
    row("server CPU µs/activity, until visible", json!(spent.as_secs_f64() * 1e6 / accepted.max(1) as f64));
    row("load generator, cores", json!(own));
    row(
        "resident memory idle before, MB (of it anonymous)",
        json!(format!("{:.0} ({:.0})", idle.now_mb, idle.anonymous_mb)),
    );
    row(
        "resident memory at the end, MB (of it anonymous)",
        json!(format!("{:.0} ({:.0})", loaded.now_mb, loaded.anonymous_mb)),
    );
    row("resident memory peak, MB", json!(loaded.peak_mb));
    row("orderly stop, s", json!(stopped.as_secs_f64()));
    for (folder, bytes, files) in folders(&server)? {
        row(&format!("{folder}: bytes/activity"), json!(bytes as f64 / accepted.max(1) as f64));
        row(&format!("{folder}: files, MB"), json!(format!("{files}, {:.0}", bytes as f64 / 1e6)));
    }
    Ok(())
}

fn three(quantile: impl Fn(f64) -> Option<f64>) -> String {
    let shown = |share| quantile(share).map_or("–".to_owned(), |ms| format!("{ms:.1}"));
    format!("{}, {}, {}", shown(0.5), shown(0.99), shown(0.999))
}

fn histogram(after: &Metrics, before: &Metrics) -> String {
    let shown = |share| after.quantile(VISIBLE, before, share).map_or("–".to_owned(), |s| format!("{:.0}", s * 1e3));
    format!("{}, {}", shown(0.5), shown(0.99))
}

/// The folders in the data folder with what they hold.
fn folders(server: &Server) -> Result<Vec<(String, u64, u64)>, BenchError> {
    let mut folders = Vec::new();
    for entry in std::fs::read_dir(server.data())? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            let (bytes, files) = size_of(&entry.path());
            folders.push((entry.file_name().to_string_lossy().into_owned(), bytes, files));
        }
    }
    folders.sort();
    Ok(folders)
}
