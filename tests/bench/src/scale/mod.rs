//! How the whole way grows: everything in one process and in files, then on Kafka and ClickHouse by partitions and processes; and what
//! an activity costs there in processor time and bytes.

pub mod installation;

use std::process;
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use self::installation::{Costs, Installation};
use crate::bodies::Door;
use crate::error::BenchError;
use crate::histogram::Histogram;
use crate::load::{Load, Outcome};
use crate::options::Options;
use crate::process::{busy, cpu};
use crate::report::Report;
use crate::visible::Probe;

/// How long what was acknowledged may take to become visible.
const PATIENCE: Duration = Duration::from_secs(600);
/// Offered then: a part of what became visible a second as fast as it goes.
const CALM: f64 = 0.6;

const COLUMNS: [&str; 12] = [
    "installation",
    "offered",
    "acknowledged/s",
    "visible/s",
    "acknowledged p50, p99 ms",
    "visible after p50, p99 ms",
    "last visible after, s",
    "refused, failed",
    "CPU-s per million: ingest, jobs, api",
    "CPU-s per million: the services",
    "MB per million: log, tables",
    "generator, cores",
];

pub async fn measure(options: &Options, report: &mut Report) -> Result<(), BenchError> {
    report.section("How it grows");
    let seconds = options.sustain().as_secs();
    report.note(&format!(
        "Batches of 1,000 for {seconds} s, as fast as they are taken and then {CALM} of what became visible a second; one probe posts \
         and asks SQL meanwhile. Load, processes, Kafka, ClickHouse and PostgreSQL share this machine. The services' processor time is \
         what of the machine's is neither the program's nor the generator's: whatever else runs is in it."
    ));
    let mut rows = Vec::new();
    rows.extend(one(options, report, Installation::embedded(options)?).await?);
    for &partitions in options.partitions.iter().filter(|_| options.kafka.is_some()) {
        for &processes in &options.processes {
            rows.extend(one(options, report, Installation::of_services(options, partitions, processes)?).await?);
        }
    }
    drop(std::fs::remove_dir_all(installation::secrets(options)));
    let mut table = report.table("scale", &COLUMNS);
    rows.iter().for_each(|row| table.row(row));
    Ok(())
}

/// As fast as it goes, then calmly.
async fn one(options: &Options, report: &mut Report, mut all: Installation) -> Result<Vec<Vec<Value>>, BenchError> {
    all.start().await?;
    let full = once(options, &all, None).await?;
    let calm = once(options, &all, Some((full.visible_a_second * CALM) as u64)).await?;
    report.note(&format!("{}: {:.0} visible/s", all.name, full.visible_a_second));
    let name = all.name.clone();
    all.stop().await?;
    Ok([full, calm].into_iter().map(|run| run.cells(&name)).collect())
}

/// What a run came to.
struct Run {
    rate: Option<u64>,
    time: Duration,
    accepted: u64,
    acknowledged_a_second: f64,
    visible_a_second: f64,
    latencies: [Option<f64>; 2],
    visible_after: [Option<f64>; 2],
    last: Duration,
    refused: u64,
    failed: u64,
    costs: Costs,
    services: Duration,
    own: Duration,
}

async fn once(options: &Options, all: &Installation, rate: Option<u64>) -> Result<Run, BenchError> {
    let doors = all.doors().count();
    let load = Load {
        door: Door::Native,
        batch: 1_000,
        connections: (options.sustain_connections / doors).max(1),
        warm: Duration::ZERO,
        time: options.sustain(),
        rate: rate.map(|rate| rate / doors as u64),
        past: Duration::ZERO,
    };
    let (before, was_busy, own_before) = (all.costs(options).await?, busy(), cpu(process::id()));
    let counted = all.count().await?;
    let begun = Instant::now();
    let probe = Probe::between(all.first_door(), all.asked());
    let mut running = Vec::new();
    for door in all.doors() {
        running.push(load.begin(door));
        // Message ids begin with the millisecond in which a load does.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut outcomes: Vec<Rc<Outcome>> = Vec::new();
    for running in running {
        outcomes.push(running.end(&load).await?);
    }
    let ended = Instant::now();
    let seen = probe.end().await?;
    let sum = |of: fn(&Outcome) -> u64| outcomes.iter().map(|outcome| of(outcome)).sum::<u64>();
    let accepted = sum(|outcome| outcome.accepted.get());
    while all.count().await? < counted + accepted {
        if ended.elapsed() > PATIENCE {
            return Err(BenchError::Slow("becoming visible", PATIENCE.as_secs()));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let (all_of_it, last) = (begun.elapsed(), ended.elapsed());
    let (was_busy, own) = (busy().saturating_sub(was_busy), cpu(process::id()).saturating_sub(own_before));
    let costs = all.costs(options).await?.since(&before);
    let seen = seen.borrow();
    // Of several doors the slowest: they are alike.
    let slowest = |share: f64| outcomes.iter().filter_map(|outcome| outcome.quantile_ms(share)).reduce(f64::max);
    Ok(Run {
        rate,
        time: begun.elapsed(),
        accepted,
        acknowledged_a_second: outcomes.iter().map(|outcome| outcome.activities_per_second(&load)).sum(),
        visible_a_second: accepted as f64 / all_of_it.as_secs_f64(),
        latencies: [slowest(0.5), slowest(0.99)],
        visible_after: two(&seen.visible),
        last,
        refused: sum(|outcome| outcome.refused.get()),
        failed: sum(|outcome| outcome.failed.get()),
        services: was_busy.saturating_sub(own).saturating_sub(costs.processes()),
        costs,
        own,
    })
}

fn two(histogram: &Histogram) -> [Option<f64>; 2] {
    [histogram.quantile_ms(0.5), histogram.quantile_ms(0.99)]
}

impl Run {
    fn cells(&self, name: &str) -> Vec<Value> {
        let millions = self.accepted.max(1) as f64 / 1e6;
        let seconds = |time: Duration| format!("{:.1}", time.as_secs_f64() / millions);
        let shown = |ms: [Option<f64>; 2]| {
            let [half, most] = ms.map(|ms| ms.map_or("–".to_owned(), |ms| format!("{ms:.0}")));
            json!(format!("{half}, {most}"))
        };
        let megabytes = |bytes: Option<u64>| {
            bytes.map_or("–".to_owned(), |bytes| format!("{:.0}", bytes as f64 / 1e6 / millions))
        };
        let Costs { ingest, jobs, api, log, tables } = &self.costs;
        let by_role =
            if all_in_one(name) { seconds(*jobs) } else { [ingest, jobs, api].map(|time| seconds(*time)).join(", ") };
        vec![
            json!(name),
            json!(self.rate.map_or("as fast as it goes".to_owned(), |rate| format!("{rate}/s"))),
            json!(self.acknowledged_a_second.round()),
            json!(self.visible_a_second.round()),
            shown(self.latencies),
            shown(self.visible_after),
            json!(self.last.as_secs_f64()),
            json!(format!("{}, {}", self.refused, self.failed)),
            json!(by_role),
            json!(seconds(self.services)),
            json!(format!("{}, {}", megabytes(*log), megabytes(*tables))),
            json!(self.own.as_secs_f64() / self.time.as_secs_f64()),
        ]
    }
}

fn all_in_one(name: &str) -> bool {
    name == installation::EMBEDDED
}
