//! The page of results over HTTP: so many people exposed to an experiment and to a bandit, twenty metrics of what they did; how long each
//! answer takes at first and when it is asked for again, and who gave it: the insights engine, or SQL.
//!
//! Activity comes in by `footfall import` while the server stands still: at this size requests would take longer than everything else.

use std::io::{BufWriter, Write};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::api::owner::{Owner, ask};
use crate::bodies::{Dice, rfc3339};
use crate::error::BenchError;
use crate::options::Options;
use crate::report::Report;
use crate::server::Server;

/// People of one file that is imported.
const FILE_PEOPLE: u64 = 500_000;
const ROUNDS: usize = 5;
const DAY_MS: u64 = 86_400_000;
const EVENTS: [&str; 5] = ["bought", "opened", "viewed", "saved", "shared"];
const LIMIT: Duration = Duration::from_secs(3_600);
const ANSWERS: &str = "footfall_experiment_answers_total";
/// What is asked: experiment, and the rest of the place.
const ASKED: [(&str, &str); 3] =
    [("exp", "results"), ("exp", "results/breakdown?dimension=app_version"), ("bandit", "results")];

pub async fn measure(options: &Options, report: &mut Report) -> Result<(), BenchError> {
    report.section("Results of an experiment over HTTP");
    let mut server = Server::new(options, "results")?;
    server.start().await?;
    let owner = Owner::first(&server).await?;
    let metrics = metrics();
    for (key, measure) in &metrics {
        make(&server, &owner, "metrics", key, json!({"measure": measure})).await?;
    }
    for (key, bandit) in [("exp", Value::Null), ("bandit", json!({"every_hours": 720}))] {
        begin(&server, &owner, key, &metrics, bandit).await?;
    }
    // Exposures lie after the beginning of both, and none of them in the future of whoever asks.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let exposed_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64 - 1_000;
    server.stop().await?;
    let begun = Instant::now();
    let mut first = 0;
    while first < options.people {
        let until = (first + FILE_PEOPLE).min(options.people);
        let path = server.data().with_file_name("people.ndjson");
        write(&path, first..until, exposed_ms)?;
        server.run(&["import", &path.display().to_string()])?;
        std::fs::remove_file(&path)?;
        first = until;
    }
    let imported = begun.elapsed();
    server.start().await?;
    server.catch_up(LIMIT).await?;
    report.note(&format!(
        "{} activities of {} people, {} metrics; imported in {:.0} s.",
        server.ask("SELECT count(*) FROM activity").await?,
        options.people,
        metrics.len(),
        imported.as_secs_f64()
    ));
    let columns = ["asked", "round", "ms", "answered by", "people"];
    let mut table = report.table("results over HTTP", &columns);
    for (key, place) in ASKED {
        for round in 0..=ROUNDS {
            let before = server.metrics().await?;
            let begun = Instant::now();
            let path = format!("/v1/projects/default/experiments/{key}/{place}");
            let answer = answered(&server, &owner, &path).await?;
            let took = begun.elapsed().as_secs_f64() * 1e3;
            let after = server.metrics().await?;
            let by = |by: &str| after.labelled(ANSWERS, by) > before.labelled(ANSWERS, by);
            let by = match (by("insights"), by("sql")) {
                (true, false) => "insights",
                (false, _) => "SQL",
                (true, true) => "both",
            };
            let round = if round == 0 { json!("first") } else { json!(round) };
            table.row(&[json!(format!("{key}/{place}")), round, json!(took), json!(by), json!(people(&answer))]);
        }
    }
    drop(table);
    let memory = server.memory();
    report.note(&format!("The server had {:.0} MB then, {:.0} of them anonymous.", memory.now_mb, memory.anonymous_mb));
    server.stop().await?;
    Ok(())
}

/// Asks again as long as the server says that it is still reading the activity.
async fn answered(server: &Server, owner: &Owner, path: &str) -> Result<Value, BenchError> {
    let begun = Instant::now();
    loop {
        match ask(server, "GET", path, &owner.token, "", "").await {
            Err(BenchError::Answer { status: 503, .. }) if begun.elapsed() < LIMIT => {}
            other => return other,
        }
    }
}

/// Makes an experiment with a feature of its own, and starts it.
async fn begin(
    server: &Server,
    owner: &Owner,
    key: &str,
    metrics: &[(String, Value)],
    bandit: Value,
) -> Result<(), BenchError> {
    let goals: Vec<&str> = metrics.iter().map(|(key, _)| key.as_str()).collect();
    let arms = json!([{"key": "control", "weight": 0.5}, {"key": "treatment", "weight": 0.5}]);
    let experiment =
        json!({"hypothesis": "It sells more.", "owner": "olga", "goals": goals, "variations": arms, "bandit": bandit});
    make(server, owner, "experiments", key, experiment).await?;
    let serve = json!({"experiment": {"experiment": key, "values": [
        {"variation": "control", "value": false}, {"variation": "treatment", "value": true}]}});
    let feature = json!({"value_type": "boolean", "default_value": false, "rules": [{"id": "r1", "serve": serve}]});
    make(server, owner, "features", &format!("{key}-feature"), feature).await?;
    let start = format!("/v1/projects/default/experiments/{key}/start");
    ask(server, "POST", &start, &owner.token, "If-Match: *\r\n", r#"{"without_review":true}"#).await.map(drop)
}

async fn make(server: &Server, owner: &Owner, kind: &str, key: &str, definition: Value) -> Result<(), BenchError> {
    let body = json!({"key": key, "definition": definition}).to_string();
    ask(server, "POST", &format!("/v1/projects/default/{kind}"), &owner.token, "", &body).await.map(drop)
}

/// People that the answer counts: of a breakdown those of its first metric's levels.
fn people(answer: &Value) -> f64 {
    let arms = answer["variations"].as_array().into_iter().flatten().filter_map(|arm| arm["people"].as_f64());
    let levels = answer["metrics"][0]["levels"].as_array().into_iter().flatten();
    let of_levels = levels.flat_map(|level| level["people"].as_array().into_iter().flatten()).filter_map(Value::as_f64);
    arms.chain(of_levels).sum()
}

/// Four of each activity: count, sum, conversion and mean.
fn metrics() -> Vec<(String, Value)> {
    let of = |event: &&str| {
        let source = json!({"event": event});
        [
            (format!("{event}-count"), json!({"count": {"source": source}})),
            (format!("{event}-sum"), json!({"sum": {"source": source, "operand": "amount"}})),
            (format!("{event}-share"), json!({"conversion": {"source": source}})),
            (format!("{event}-mean"), json!({"mean": {"source": source, "operand": "amount"}})),
        ]
    };
    EVENTS.iter().flat_map(of).collect()
}

/// Each person once exposed to either experiment, and up to two activities before or after.
fn write(path: &std::path::Path, people: std::ops::Range<u64>, exposed_ms: u64) -> Result<(), BenchError> {
    let mut dice = Dice::new(people.start + 1);
    let mut file = BufWriter::with_capacity(1 << 20, std::fs::File::create(path)?);
    let time = |millis: u64| String::from_utf8_lossy(&rfc3339(millis)).into_owned();
    for person in people {
        let treated = dice.below(2) == 1;
        let (exposed, version) = (time(exposed_ms + dice.below(500)), dice.below(8));
        for key in ["exp", "bandit"] {
            writeln!(
                file,
                r#"{{"event":"$feature_flag_called","distinctId":"p{person}","timestamp":"{exposed}","properties":{{"$feature_flag":"{key}-feature","$feature_flag_response":{treated}}},"context":{{"app":{{"name":"Shop","version":"1.{version}"}}}}}}"#
            )?;
        }
        for _ in 0..dice.below(3) {
            let event = EVENTS[dice.below(EVENTS.len() as u64) as usize];
            let at = match dice.below(2) {
                0 => exposed_ms - dice.below(10 * DAY_MS),
                _ => exposed_ms + 500 + dice.below(400),
            };
            let (at, amount) = (time(at), dice.below(100));
            writeln!(file, r#"{{"event":"{event}","distinctId":"p{person}","timestamp":"{at}","amount":{amount}}}"#)?;
        }
    }
    file.flush()?;
    Ok(())
}
