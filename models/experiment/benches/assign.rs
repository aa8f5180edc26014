//! Evaluations per second on one core: `cargo bench -p footfall-models-experiment --bench assign [-- SECONDS [--sdk FOLDER]]`.
//!
//! The same payload and users as `benches/growthbook.cjs`. With `--sdk` and a folder that has `node_modules/@growthbook/growthbook`,
//! that is measured in the same run, and the table has both side by side.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::process::Command;
use std::time::{Duration, Instant};

use footfall_models_experiment::Value;
use footfall_models_experiment::assign::{Evaluator, Payload, User};
use footfall_models_experiment::pattern::Pattern;

const PAYLOAD: &str = include_str!("payload.json");
const FEATURES: [&str; 7] =
    ["default", "forced", "rollout", "experiment", "ten-conditions", "prerequisite", "regex-and-version"];
const USERS: usize = 1_000;

fn users() -> Vec<User> {
    let user = |number: usize| {
        let country = ["de", "fr", "us", "jp"][number % 4];
        let json = format!(
            r#"{{"id":"user-{number}","country":"{country}","age":{},"plan":"pro","premium":true,"tags":["a","b"],
               "version":"2.{}.1","email":"user{number}@example.com","device":{{"os":"ios","memory":{}}},
               "sessions":{},"language":"en-GB"}}"#,
            20 + number % 40,
            number % 30,
            2 + number % 8,
            number % 100,
        );
        User::new(Value::parse(&json).unwrap())
    };
    (0..USERS).map(user).collect()
}

/// Runs in rounds until the time is up, and gives the nanoseconds of one call in the fastest round.
fn nanoseconds(seconds: f64, users: &[User], mut call: impl FnMut(&User)) -> f64 {
    let until = Instant::now() + Duration::from_secs_f64(seconds);
    let mut fastest = f64::INFINITY;
    while Instant::now() < until {
        let start = Instant::now();
        for _ in 0..20 {
            users.iter().for_each(&mut call);
        }
        fastest = fastest.min(start.elapsed().as_nanos() as f64 / (20 * users.len()) as f64);
    }
    fastest
}

/// Nanoseconds of the JavaScript SDK by feature; nothing where no folder is named.
fn sdk(seconds: f64) -> BTreeMap<String, f64> {
    let Some(folder) = std::env::args().skip_while(|text| text != "--sdk").nth(1) else { return BTreeMap::new() };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/growthbook.cjs");
    let output = Command::new("node").arg(script).arg(seconds.to_string()).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let row = |line: &str| {
        let mut cells = line.split('|').map(str::trim).skip(1);
        Some((cells.next()?.to_owned(), cells.next()?.parse().ok()?))
    };
    text.lines().filter_map(row).collect()
}

fn main() {
    let seconds: f64 = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(1.0);
    let start = Instant::now();
    let payload = Payload::parse(PAYLOAD, None).unwrap();
    println!("payload compiled in {:?}", start.elapsed());
    let users = users();
    let beside = sdk(seconds);
    println!(
        "| feature | ns per evaluation | evaluations/s/core | JavaScript SDK, the same | times |\n|---|---:|---:|---:|---:|"
    );
    for feature in FEATURES {
        let time = nanoseconds(seconds, &users, |user| {
            black_box(Evaluator::new(&payload, user).evaluate(feature));
        });
        let (other, times) = beside.get(feature).map_or_else(
            || ("–".to_owned(), "–".to_owned()),
            |other| (format!("{:.0}", 1e9 / other), format!("{:.0}", other / time)),
        );
        println!("| {feature} | {time:.0} | {:.0} | {other} | {times} |", 1e9 / time);
    }
    let time = nanoseconds(seconds, &users, |user| {
        let mut evaluator = Evaluator::new(&payload, user);
        FEATURES.iter().for_each(|feature| drop(black_box(evaluator.evaluate(feature).to_value())));
    });
    println!("| all of them, as JSON values | {time:.0} | {:.0} |", 1e9 / time);

    println!("\n| pattern on 2,000 letters | ms |\n|---|---:|");
    let text = "a".repeat(2_000);
    for pattern in [r"^(a+)+$", r"(a|aa)+b", r"(?=(a+)+b)c", r"^(a|a)*\1?b", r"(.*)*(.*)*\2b", r"(?=.*.*.*b)"] {
        let compiled = Pattern::compile(pattern, false).unwrap();
        let start = Instant::now();
        black_box(compiled.is_match(&text));
        println!("| `{}` | {:.2} |", pattern.replace('|', "\\|"), start.elapsed().as_secs_f64() * 1e3);
    }
}
