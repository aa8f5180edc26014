//! How far an import is: a line that renews itself on a terminal, else a line every few seconds.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use footfall_ingest_activity::{Clock, Timestamp};

use crate::console::{grouped, is_watched, note, renew};

/// Counters that the import moves and a task shows.
#[derive(Debug, Default)]
pub struct Progress {
    started: Timestamp,
    /// Bytes of all files as they lie on disk; 0 when one is stdin.
    bytes_all: u64,
    bytes: AtomicU64,
    items: AtomicU64,
    rows: AtomicU64,
    rows_all: AtomicU64,
}

impl Progress {
    /// Of these files, begun now.
    pub fn of(files: &[PathBuf], now: Timestamp) -> Progress {
        let sizes: Option<Vec<u64>> = files
            .iter()
            .map(|file| std::fs::metadata(file).ok().filter(|meta| meta.is_file()).map(|meta| meta.len()))
            .collect();
        Progress { started: now, bytes_all: sizes.unwrap_or_default().iter().sum(), ..Progress::default() }
    }

    pub fn add_bytes(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Relaxed);
    }

    pub fn add_items(&self, items: u64) {
        self.items.fetch_add(items, Relaxed);
    }

    /// A Parquet file is read by rows instead of from beginning to end.
    pub fn rows_of_file(&self, rows: u64) {
        self.rows_all.fetch_add(rows, Relaxed);
    }

    pub fn add_rows(&self, rows: u64) {
        self.rows.fetch_add(rows, Relaxed);
    }

    /// Shows the state until it is aborted.
    pub async fn show(self: Arc<Self>, clock: Arc<dyn Clock>) {
        let watched = is_watched();
        let mut ticks =
            tokio::time::interval(if watched { Duration::from_millis(250) } else { Duration::from_secs(5) });
        ticks.tick().await;
        loop {
            ticks.tick().await;
            let line = self.line(clock.now());
            if watched { renew(&line) } else { note(line) }
        }
    }

    /// The last line.
    pub fn end(&self, now: Timestamp) {
        if is_watched() {
            renew(&self.line(now));
            note("");
        }
    }

    fn line(&self, now: Timestamp) -> String {
        let seconds = (now.millis_since(self.started).max(1)) as f64 / 1000.0;
        let items = self.items.load(Relaxed);
        let rate = grouped((items as f64 / seconds) as u64);
        let mut line = format!("{} items, {rate} a second", grouped(items));
        if let Some(done) = self.done() {
            let left = (seconds * (1.0 - done) / done.max(0.001)) as u64;
            line.push_str(&format!(", {:.0} %, {left} s left", done * 100.0));
        }
        line
    }

    fn done(&self) -> Option<f64> {
        let rows_all = self.rows_all.load(Relaxed);
        if rows_all > 0 {
            return Some((self.rows.load(Relaxed) as f64 / rows_all as f64).min(1.0));
        }
        (self.bytes_all > 0).then(|| (self.bytes.load(Relaxed) as f64 / self.bytes_all as f64).min(1.0))
    }
}
