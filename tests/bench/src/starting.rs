//! From exec to the first answers, with a lake that holds something: after an orderly stop, after a kill at rest, and
//! after a kill in the middle of things, when the log has to be read again.

use std::time::Duration;

use serde_json::{Value, json};

use crate::bodies::Door;
use crate::error::BenchError;
use crate::load::Load;
use crate::options::Options;
use crate::report::{Report, Table};
use crate::server::{Server, Started};

/// Until memory is read after a start, so that what starting set going is over.
const REST: Duration = Duration::from_secs(10);

pub async fn measure(options: &Options, report: &mut Report) -> Result<(), BenchError> {
    report.section("Starting");
    let mut server = Server::new(options, "starting")?;
    let empty = server.start().await?;
    let filled = fill(&server, options.rows).await?;
    let columns =
        ["start", "of", "/healthz ms", "/readyz ms", "first SQL count ms", "idle memory MB (anonymous)", "rows"];
    let mut table = report.table("starting", &columns);
    row(&mut table, "an empty data folder", &[empty], Value::Null, Value::Null, json!(0));

    server.kill().await?;
    again(&mut server, &mut table, 1, "killed right after the load, not all of it in files", Ending::None).await?;
    server.stop().await?;
    again(&mut server, &mut table, options.starts, "after an orderly stop", Ending::Stop).await?;
    server.start().await?;
    server.kill().await?;
    again(&mut server, &mut table, options.starts, "after kill -9 at rest", Ending::Kill).await?;
    drop(table);
    report.note(&format!("Medians of that many starts; {filled} activities had been acknowledged."));
    server.stop().await?;
    Ok(())
}

/// What happens after a start.
#[derive(Clone, Copy, PartialEq)]
enum Ending {
    None,
    Stop,
    Kill,
}

async fn fill(server: &Server, rows: usize) -> Result<u64, BenchError> {
    let mut filled = 0;
    while (filled as usize) < rows {
        let time = Duration::from_secs(1);
        let load = Load {
            door: Door::Native,
            batch: 1_000,
            connections: 4,
            warm: Duration::ZERO,
            time,
            rate: None,
            past: Duration::ZERO,
        };
        filled += load.run(server).await?.accepted.get();
        server.catch_up(Duration::from_secs(120)).await?;
    }
    Ok(filled)
}

async fn again(
    server: &mut Server,
    table: &mut Table<'_>,
    times: usize,
    name: &str,
    ending: Ending,
) -> Result<(), BenchError> {
    let (mut starts, mut asked, mut memory, mut rows) = (Vec::new(), Vec::new(), Value::Null, Value::Null);
    for time in 0..times.max(1) {
        starts.push(server.start().await?);
        if time + 1 == times.max(1) {
            tokio::time::sleep(REST).await;
            let used = server.memory();
            memory = json!(format!("{:.0} ({:.0})", used.now_mb, used.anonymous_mb));
        }
        let begun = std::time::Instant::now();
        rows = server.ask("SELECT count(*) FROM activity").await?;
        asked.push(begun.elapsed().as_secs_f64() * 1e3);
        match ending {
            Ending::None => Duration::ZERO,
            Ending::Stop if time + 1 < times => server.stop().await?,
            Ending::Kill if time + 1 < times => server.kill().await?,
            Ending::Stop => server.stop().await?,
            Ending::Kill => Duration::ZERO,
        };
    }
    row(table, name, &starts, json!(median(asked)), memory, rows);
    Ok(())
}

fn row(table: &mut Table<'_>, name: &str, starts: &[Started], asked: Value, memory: Value, rows: Value) {
    let ms = |of: fn(&Started) -> Duration| median(starts.iter().map(|start| of(start).as_secs_f64() * 1e3).collect());
    let (alive, ready) = (ms(|start| start.alive), ms(|start| start.ready));
    table.row(&[json!(name), json!(starts.len()), json!(alive), json!(ready), asked, memory, rows]);
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}
