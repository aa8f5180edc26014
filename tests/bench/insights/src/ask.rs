//! Asking: each question some times in turn, its answer compared, and a line of what it took.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use footfall_pipelines_insights::Engine;
use footfall_pipelines_insights::definition::Question;
use footfall_pipelines_insights::projection::Snapshot;
use serde_json::Value;

use crate::error::BenchError;
use crate::load::{self, Loaded};
use crate::options::Options;
use crate::questions;
use crate::rows::rows;
use crate::{machine, show};

/// One question's figures.
struct Line {
    name: &'static str,
    times_ms: Vec<f64>,
    /// Of all threads together.
    cpu_ms: Vec<f64>,
    cold_ms: Option<f64>,
    rows_read: u64,
    bytes_read: u64,
    verdict: &'static str,
}

impl Line {
    /// Of sorted times.
    fn median_ms(&self) -> f64 {
        self.times_ms.get(self.times_ms.len() / 2).copied().unwrap_or_default()
    }
}

/// Asks everything; how many answers differ from the expected.
pub fn ask_all(
    options: &Options,
    loaded: Loaded,
    expected: Option<&BTreeMap<String, Value>>,
) -> Result<usize, BenchError> {
    let mut questions = questions::all();
    questions.retain(|(name, _)| options.only.is_empty() || options.only.iter().any(|only| only == name));
    let mut answers: BTreeMap<String, Value> = BTreeMap::new();
    let mut lines = Vec::new();
    for (name, asked) in &questions {
        let (_, found, rows_read, bytes_read) = ask(options, &loaded.snapshot, name, asked)?;
        let verdict = match expected.and_then(|expected| expected.get(*name)) {
            None => "-",
            Some(rows) if is_equal(name, rows, &found) => "equal",
            Some(_) => "DIFFERS",
        };
        answers.insert((*name).to_owned(), found);
        lines.push(Line {
            name,
            times_ms: Vec::new(),
            cpu_ms: Vec::new(),
            cold_ms: None,
            rows_read,
            bytes_read,
            verdict,
        });
    }
    for _ in 0..options.rounds {
        for (line, (name, asked)) in lines.iter_mut().zip(&questions) {
            let (taken_ms, cpu_ms) = ask(options, &loaded.snapshot, name, asked)?.0;
            line.times_ms.push(taken_ms);
            line.cpu_ms.push(cpu_ms);
        }
    }
    let memory = machine::own_mb()?;
    // Mapped pages do not leave the page cache.
    drop(loaded);
    if options.cold {
        for (line, (name, asked)) in lines.iter_mut().zip(&questions) {
            line.cold_ms = Some(cold(options, name, asked)?);
        }
    }
    if let Some(path) = &options.answers {
        std::fs::write(path, serde_json::to_vec(&answers)?)?;
    }
    print(options, &mut lines, memory)?;
    if let Some(path) = &options.times {
        let times: BTreeMap<&str, f64> = lines.iter().map(|line| (line.name, line.median_ms())).collect();
        std::fs::write(path, serde_json::to_vec(&times)?)?;
    }
    Ok(lines.iter().filter(|line| line.verdict == "DIFFERS").count())
}

/// Whether rows are those expected. Where nobody converted ClickHouse has 0 as the median, other engines none.
fn is_equal(question: &str, expected: &Value, found: &Value) -> bool {
    let is_nobody = |row: &[Value]| row.len() == 5 && row[3] == 0 && row[4] == 0;
    let without_median = |mut rows: Value| {
        let rows_of = rows.as_array_mut().into_iter().flatten().filter_map(Value::as_array_mut);
        rows_of.filter(|row| is_nobody(row)).for_each(|row| row[4] = Value::Null);
        rows
    };
    match question {
        "q3" | "q3b" => without_median(expected.clone()) == *found,
        _ => expected == found,
    }
}

fn ask(
    options: &Options,
    snapshot: &Snapshot,
    name: &str,
    asked: &[Question],
) -> Result<((f64, f64), Value, u64, u64), BenchError> {
    let engine = Engine { threads: options.threads };
    let cancel = AtomicBool::new(false);
    let (started, cpu) = (Instant::now(), cpu_time::ProcessTime::now());
    let answers =
        asked.iter().map(|question| engine.ask(snapshot, question, &cancel)).collect::<Result<Vec<_>, _>>()?;
    let taken_ms = (started.elapsed().as_secs_f64() * 1e3, cpu.elapsed().as_secs_f64() * 1e3);
    let (read, bytes) = answers.iter().fold((0, 0), |sum, one| (sum.0 + one.rows_read, sum.1 + one.bytes_read));
    let answers: Vec<_> = answers.into_iter().map(|asked| asked.answer).collect();
    Ok((taken_ms, Value::Array(rows(name, &answers)), read, bytes))
}

/// The time of a first question after the file has left the page cache, opening it included.
fn cold(options: &Options, name: &str, asked: &[Question]) -> Result<f64, BenchError> {
    machine::forget(&options.folder.join("sealed.run"))?;
    let loaded = load::reopen(options)?;
    let started = Instant::now();
    ask(options, &loaded.snapshot, name, asked)?;
    Ok(started.elapsed().as_secs_f64() * 1e3)
}

fn print(options: &Options, lines: &mut [Line], memory: u64) -> Result<(), BenchError> {
    let bandwidth = bandwidth(options.threads)?;
    show(&format!("memory bandwidth {bandwidth:.1} GB/s with {} threads; own memory {memory} MB", options.threads))?;
    show(
        "| question | ms, median | least | most | CPU ms, median | cold ms | rows read | MB read | ms at memory speed | share | answer |",
    )?;
    show("|---|---|---|---|---|---|---|---|---|---|---|")?;
    let mut logs = 0.0;
    for line in lines.iter_mut() {
        line.times_ms.sort_by(f64::total_cmp);
        line.cpu_ms.sort_by(f64::total_cmp);
        let cpu = line.cpu_ms.get(line.cpu_ms.len() / 2).copied().unwrap_or_default();
        let median = line.median_ms();
        let (least, most) =
            (line.times_ms.first().copied().unwrap_or_default(), line.times_ms.last().copied().unwrap_or_default());
        let floor = line.bytes_read as f64 / bandwidth / 1e6;
        logs += median.max(1e-6).ln();
        let cold = line.cold_ms.map_or("-".to_owned(), |cold| format!("{cold:.0}"));
        show(&format!(
            "| {} | {median:.1} | {least:.1} | {most:.1} | {cpu:.1} | {cold} | {} | {:.0} | {floor:.2} | {:.0} % | {} |",
            line.name,
            line.rows_read,
            line.bytes_read as f64 / 1e6,
            floor / median * 100.0,
            line.verdict
        ))?;
    }
    show(&format!("geometric mean {:.2} ms", (logs / lines.len() as f64).exp()))
}

/// How fast threads together read memory, in GB/s: the physical limit that questions are compared with.
fn bandwidth(threads: usize) -> Result<f64, BenchError> {
    const WORDS: usize = 32 << 20;
    let words: Vec<u64> = (0..WORDS as u64).collect();
    let mut best = f64::MAX;
    for _ in 0..5 {
        let started = Instant::now();
        let sum: u64 = std::thread::scope(|scope| {
            let parts = words.chunks(WORDS.div_ceil(threads));
            let handles: Vec<_> =
                parts.map(|part| scope.spawn(|| part.iter().fold(0u64, |sum, &word| sum.wrapping_add(word)))).collect();
            handles.into_iter().map(|handle| handle.join().unwrap_or_default()).fold(0, u64::wrapping_add)
        });
        if std::hint::black_box(sum) > 0 {
            best = best.min(started.elapsed().as_secs_f64());
        }
    }
    Ok((WORDS * 8) as f64 / best / 1e9)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_median_of_nobody_is_none_or_nothing() {
        let found = json!([[28, 23, 7, 0, null]]);
        assert!(is_equal("q3", &json!([[28, 23, 7, 0, 0]]), &found) && is_equal("q3", &found, &found));
        assert!(!is_equal("q3", &json!([[28, 23, 7, 1, 0]]), &found));
        assert!(!is_equal("q3b", &json!([[28, 23, 7, 0, 5]]), &found));
        assert!(!is_equal("q4", &json!([["DE", 1, 1, 0, 0]]), &json!([["DE", 1, 1, 0, null]])));
    }
}
